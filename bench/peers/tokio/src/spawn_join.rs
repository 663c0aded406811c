// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{per_operation, Figures};
use std::time::Instant;

pub async fn batch(sizes: Sizes) -> Figures {
    one_batch(sizes.count).await;
    let start = Instant::now();
    for _ in 0..sizes.repeats {
        one_batch(sizes.count).await;
    }
    vec![("ns", per_operation(start.elapsed(), sizes.repeats * sizes.count))]
}

async fn one_batch(count: usize) {
    let mut tasks = Vec::with_capacity(count);
    for index in 0..count {
        tasks.push(tokio::spawn(async move { index }));
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    check_index_sum(sum, count);
}

pub async fn one_by_one(sizes: Sizes) -> Figures {
    let start = Instant::now();
    let mut sum = 0;
    for index in 0..sizes.count {
        sum += tokio::spawn(async move { index }).await.unwrap();
    }
    let elapsed = start.elapsed();
    check_index_sum(sum, sizes.count);
    vec![("ns", per_operation(elapsed, sizes.count))]
}

fn check_index_sum(sum: usize, count: usize) {
    assert_eq!(sum, count * (count - 1) / 2, "sum of the tasks' results");
}
