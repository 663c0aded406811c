// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::channel_kind::channel;
use crate::measure::{check_item_sum, milliseconds, peak_megabytes, Figures};
use std::time::Instant;
use tokio::sync::mpsc::Sender;

pub async fn skynet(sizes: Sizes) -> Figures {
    let start = Instant::now();
    let (sender, mut result) = channel(0);
    spawn_node(0, sizes.count, sender);
    let sum = result.recv().await.unwrap();
    let elapsed = start.elapsed();
    check_item_sum(sum, sizes.count);
    vec![("ms", milliseconds(elapsed)), ("peak_mb", peak_megabytes())]
}

fn spawn_node(first: usize, leaves: usize, result: Sender<usize>) {
    tokio::spawn(async move {
        if leaves == 1 {
            return result.send(first).await.unwrap();
        }
        let (sender, mut sums) = channel(0);
        for i in 0..10 {
            spawn_node(first + i * leaves / 10, leaves / 10, sender.clone());
        }
        let mut total = 0;
        for _ in 0..10 {
            total += sums.recv().await.unwrap();
        }
        result.send(total).await.unwrap();
    });
}
