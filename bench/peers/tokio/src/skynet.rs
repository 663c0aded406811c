// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{milliseconds, peak_megabytes, Figures};
use std::array;
use std::time::Instant;
use tokio::task::JoinHandle;

pub async fn skynet(sizes: Sizes) -> Figures {
    let start = Instant::now();
    let sum = spawn_node(0, sizes.count).await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(sum, sizes.count * (sizes.count - 1) / 2, "sum of the leaves");
    vec![("ms", milliseconds(elapsed)), ("peak_mb", peak_megabytes())]
}

fn spawn_node(first: usize, leaves: usize) -> JoinHandle<usize> {
    tokio::spawn(async move {
        if leaves == 1 {
            return first;
        }
        let children: [_; 10] =
            array::from_fn(|i| spawn_node(first + i * leaves / 10, leaves / 10));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}
