// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::measure::{per_operation, Figures};
use std::time::Instant;
use tokio::task::yield_now;

pub async fn yield_pair(sizes: Sizes) -> Figures {
    let start = Instant::now();
    let tasks = [0, 1].map(|_| tokio::spawn(yield_times(sizes.count)));
    let mut yields = 0;
    for task in tasks {
        yields += task.await.unwrap();
    }
    let elapsed = start.elapsed();
    assert_eq!(yields, 2 * sizes.count, "number of yields");
    vec![("ns", per_operation(elapsed, yields))]
}

async fn yield_times(count: usize) -> usize {
    let mut done = 0;
    while done < count {
        yield_now().await;
        done += 1;
    }
    done
}
