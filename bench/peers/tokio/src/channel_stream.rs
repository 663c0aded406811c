// SPDX-License-Identifier: BSL-1.0

use crate::arguments::{Capacity, Payload, Sizes};
use crate::channel_kind::{channel, Receiving, Sending};
use crate::measure::{check_item_sum, per_operation, Figures};
use std::time::Instant;
use tokio::sync::mpsc;

pub trait Item: Send + 'static {
    fn of(number: i32) -> Self;
    fn number(&self) -> i32;
}

impl Item for i32 {
    fn of(number: i32) -> i32 {
        number
    }
    fn number(&self) -> i32 {
        *self
    }
}

impl Item for [i32; 16] {
    fn of(number: i32) -> [i32; 16] {
        let mut block = [0; 16];
        block[0] = number;
        block
    }
    fn number(&self) -> i32 {
        self[0]
    }
}

impl Item for Box<i32> {
    fn of(number: i32) -> Box<i32> {
        Box::new(number)
    }
    fn number(&self) -> i32 {
        **self
    }
}

pub async fn spsc(sizes: Sizes) -> Figures {
    match sizes.payload {
        Payload::Int => stream::<i32>(sizes, 1).await,
        Payload::Block => stream::<[i32; 16]>(sizes, 1).await,
        Payload::Unique => stream::<Box<i32>>(sizes, 1).await,
    }
}

pub async fn mpsc(sizes: Sizes) -> Figures {
    stream::<i32>(sizes, 4).await
}

async fn stream<T: Item>(sizes: Sizes, senders: usize) -> Figures {
    match sizes.capacity {
        Capacity::Bounded(capacity) => {
            stream_over(sizes.count, senders, channel::<T>(capacity)).await
        }
        Capacity::Unbounded => {
            stream_over(sizes.count, senders, mpsc::unbounded_channel::<T>()).await
        }
    }
}

/// Sends the numbers up to count, each once.
async fn stream_over<T: Item>(
    count: usize,
    senders: usize,
    (sender, receiver): (impl Sending<T>, impl Receiving<T>),
) -> Figures {
    let start = Instant::now();
    let receiving = tokio::spawn(add_up(receiver));
    for i in 0..senders {
        let (first, last) = (i * count / senders, (i + 1) * count / senders);
        let sender = sender.clone();
        tokio::spawn(async move {
            for number in first..last {
                sender.send(T::of(number as i32)).await;
            }
        });
    }
    drop(sender);
    let sum = receiving.await.unwrap();
    let elapsed = start.elapsed();
    check_item_sum(sum, count);
    vec![("ns", per_operation(elapsed, count))]
}

async fn add_up<T: Item>(mut receiver: impl Receiving<T>) -> usize {
    let mut sum = 0;
    while let Some(item) = receiver.receive().await {
        sum += item.number() as usize;
    }
    sum
}
