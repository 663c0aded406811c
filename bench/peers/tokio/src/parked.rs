// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{per_operation, resident_bytes, Figures};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;
use tokio::task::yield_now;

#[derive(Default)]
struct Gate {
    opened: Notify,
    waiting: AtomicUsize,
}

pub async fn parked(sizes: Sizes) -> Figures {
    let gate = Arc::new(Gate::default());
    let resident = resident_bytes();
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(sizes.count);
    for _ in 0..sizes.count {
        tasks.push(tokio::spawn(pass(gate.clone())));
    }
    while gate.waiting.load(Relaxed) != sizes.count {
        yield_now().await;
    }
    let created = start.elapsed();
    let resident = resident_bytes() - resident;

    let start = Instant::now();
    for _ in 0..sizes.count {
        gate.opened.notify_one();
    }
    let mut woken = 0;
    for task in tasks {
        woken += task.await.unwrap();
    }
    let wake = start.elapsed();
    assert_eq!(woken, sizes.count, "number woken");
    vec![
        ("bytes", resident / sizes.count as f64),
        ("create_ns", per_operation(created, sizes.count)),
        ("wake_ns", per_operation(wake, sizes.count)),
    ]
}

async fn pass(gate: Arc<Gate>) -> usize {
    let mut opened = pin!(gate.opened.notified());
    opened.as_mut().enable();
    gate.waiting.fetch_add(1, Relaxed);
    opened.await;
    1
}
