// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{cpu_time, milliseconds, percentile, Figures};
use std::time::{Duration, Instant};

pub async fn sleep(sizes: Sizes) -> Figures {
    let cpu = cpu_time();
    let start = Instant::now();
    let tasks: Vec<_> = (0..sizes.count).map(|task| tokio::spawn(sleeper(sizes, task))).collect();
    let mut overshoot = Vec::with_capacity(sizes.count * sizes.repeats);
    for task in tasks {
        overshoot.extend(task.await.unwrap());
    }
    let elapsed = start.elapsed();
    let cpu = cpu_time() - cpu;

    assert_eq!(overshoot.len(), sizes.count * sizes.repeats, "number of sleeps");
    let p99 = percentile(&mut overshoot, 0.99);
    assert!(overshoot[0] >= 0, "a sleep ended early");
    vec![("p99_us", p99 / 1e3), ("cpu_ms", milliseconds(cpu)), ("wall_ms", milliseconds(elapsed))]
}

async fn sleeper(sizes: Sizes, task: usize) -> Vec<i64> {
    let mut overshoot = Vec::with_capacity(sizes.repeats);
    for turn in 0..sizes.repeats {
        let wanted = sleep_length(sizes, task, turn);
        let before = Instant::now();
        tokio::time::sleep(wanted).await;
        overshoot.push(before.elapsed().as_nanos() as i64 - wanted.as_nanos() as i64);
    }
    overshoot
}

/// The same lengths in every peer, spread evenly over the range.
fn sleep_length(sizes: Sizes, task: usize, turn: usize) -> Duration {
    let span = sizes.max_us - sizes.min_us + 1;
    Duration::from_micros((sizes.min_us + (task * 7919 + turn * 104729) % span) as u64)
}
