// SPDX-License-Identifier: BSL-1.0

use crate::arguments::{Capacity, Sizes};
use crate::channel_kind::{channel, Receiving, Sending};
use crate::measure::{check_item_sum, per_operation, Figures};
use std::time::Instant;
use tokio::sync::mpsc;

pub async fn sequence(sizes: Sizes) -> Figures {
    match sizes.capacity {
        Capacity::Bounded(capacity) => send_and_receive(sizes.count, channel(capacity)).await,
        Capacity::Unbounded => send_and_receive(sizes.count, mpsc::unbounded_channel()).await,
    }
}

async fn send_and_receive(
    count: usize,
    (sender, mut receiver): (impl Sending<i32>, impl Receiving<i32>),
) -> Figures {
    let mut sum = 0;
    let start = Instant::now();
    for i in 0..count {
        sender.send(i as i32).await;
        sum += receiver.receive().await.expect("an item") as usize;
    }
    let elapsed = start.elapsed();
    check_item_sum(sum, count);
    vec![("ns", per_operation(elapsed, count))]
}

pub async fn ping_pong(sizes: Sizes) -> Figures {
    let (ping, mut pings) = channel(0);
    let (pong, mut pongs) = channel(0);
    let other = tokio::spawn(async move {
        while let Some(turn) = pings.recv().await {
            pong.send(turn).await.unwrap();
        }
    });
    let start = Instant::now();
    for turn in 0..sizes.count as i32 {
        ping.send(turn).await.unwrap();
        assert_eq!(pongs.recv().await, Some(turn), "turn that came back");
    }
    let elapsed = start.elapsed();
    drop(ping);
    other.await.unwrap();
    vec![("ns", per_operation(elapsed, sizes.count))]
}
