// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{per_operation, Figures};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

#[derive(Default)]
struct Table {
    ping: Notify,
    pong: Notify,
    returned: AtomicUsize,
}

pub async fn wakeup(sizes: Sizes) -> Figures {
    let table = Arc::new(Table::default());
    let start = Instant::now();
    let other = tokio::spawn(return_balls(table.clone(), sizes.count));
    for turn in 0..sizes.count {
        table.ping.notify_one();
        table.pong.notified().await;
        assert_eq!(table.returned.load(Relaxed), turn + 1, "turn that came back");
    }
    let elapsed = start.elapsed();
    other.await.unwrap();
    vec![("ns", per_operation(elapsed, 2 * sizes.count))]
}

async fn return_balls(table: Arc<Table>, count: usize) {
    for turn in 0..count {
        table.ping.notified().await;
        table.returned.store(turn + 1, Relaxed);
        table.pong.notify_one();
    }
}
