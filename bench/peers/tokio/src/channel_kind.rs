// SPDX-License-Identifier: BSL-1.0

//! tokio's bounded and unbounded channels behind one pair of traits.

use std::future::Future;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};

/// tokio has no rendezvous channel: one place is the nearest to it.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    mpsc::channel(capacity.max(1))
}

pub trait Sending<T>: Clone + Send + 'static {
    fn send(&self, item: T) -> impl Future<Output = ()> + Send;
}

pub trait Receiving<T>: Send + 'static {
    fn receive(&mut self) -> impl Future<Output = Option<T>> + Send;
}

impl<T: Send + 'static> Sending<T> for Sender<T> {
    async fn send(&self, item: T) {
        Sender::send(self, item).await.ok().expect("a receiver");
    }
}

impl<T: Send + 'static> Sending<T> for UnboundedSender<T> {
    async fn send(&self, item: T) {
        UnboundedSender::send(self, item).ok().expect("a receiver");
    }
}

impl<T: Send + 'static> Receiving<T> for Receiver<T> {
    async fn receive(&mut self) -> Option<T> {
        self.recv().await
    }
}

impl<T: Send + 'static> Receiving<T> for UnboundedReceiver<T> {
    async fn receive(&mut self) -> Option<T> {
        self.recv().await
    }
}
