// SPDX-License-Identifier: BSL-1.0

use crate::arguments::{Capacity, Sizes};
use crate::channel_kind::channel;
use crate::measure::{check_item_sum, per_operation, Figures};
use std::time::Instant;
use tokio::sync::mpsc::Receiver;

pub async fn of_2(sizes: Sizes) -> Figures {
    let [mut a, mut b] = [0, 1].map(|share| send_share(sizes, share, 2));
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..sizes.count {
        sum += tokio::select! {
            item = a.recv() => item,
            item = b.recv() => item,
        }
        .expect("an item") as usize;
    }
    let elapsed = start.elapsed();
    check_item_sum(sum, sizes.count);
    vec![("ns", per_operation(elapsed, sizes.count))]
}

pub async fn of_4(sizes: Sizes) -> Figures {
    let [mut a, mut b, mut c, mut d] = [0, 1, 2, 3].map(|share| send_share(sizes, share, 4));
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..sizes.count {
        sum += tokio::select! {
            item = a.recv() => item,
            item = b.recv() => item,
            item = c.recv() => item,
            item = d.recv() => item,
        }
        .expect("an item") as usize;
    }
    let elapsed = start.elapsed();
    check_item_sum(sum, sizes.count);
    vec![("ns", per_operation(elapsed, sizes.count))]
}

/// The channel on which a task sends its share of the numbers up to count. It stays open: a closed one would be
/// ready before the others have ended.
fn send_share(sizes: Sizes, share: usize, shares: usize) -> Receiver<i32> {
    let Capacity::Bounded(capacity) = sizes.capacity else { panic!("select is bounded here") };
    let (sender, receiver) = channel(capacity);
    tokio::spawn(async move {
        for number in share * sizes.count / shares..(share + 1) * sizes.count / shares {
            sender.send(number as i32).await.unwrap();
        }
        sender.closed().await;
    });
    receiver
}
