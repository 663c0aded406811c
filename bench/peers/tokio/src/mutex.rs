// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{per_operation, Figures};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

pub async fn uncontended(sizes: Sizes) -> Figures {
    sections(sizes.count, 1).await
}

pub async fn contended(sizes: Sizes) -> Figures {
    sections(sizes.count, 100).await
}

async fn sections(count: usize, tasks: usize) -> Figures {
    let sections = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let enter = |task| {
        let sections = sections.clone();
        tokio::spawn(async move {
            for _ in task * count / tasks..(task + 1) * count / tasks {
                *sections.lock().await += 1;
            }
        })
    };
    let all: Vec<_> = (0..tasks).map(enter).collect();
    for task in all {
        task.await.unwrap();
    }
    let elapsed = start.elapsed();
    assert_eq!(*sections.lock().await, count, "number of sections");
    vec![("ns", per_operation(elapsed, count))]
}
