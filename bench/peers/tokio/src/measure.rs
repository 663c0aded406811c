// SPDX-License-Identifier: BSL-1.0

use std::fs;
use std::time::Duration;

pub type Figures = Vec<(&'static str, f64)>;

pub fn per_operation(elapsed: Duration, operations: usize) -> f64 {
    elapsed.as_nanos() as f64 / operations as f64
}

/// Of `count` items the i-th one was to be i.
pub fn check_item_sum(sum: usize, count: usize) {
    assert_eq!(sum, count * (count - 1) / 2, "sum of the items");
}

pub fn milliseconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e3
}

pub fn percentile(samples: &mut [i64], share: f64) -> f64 {
    samples.sort_unstable();
    samples[(share * (samples.len() - 1) as f64) as usize] as f64
}

/// CPU time of all threads that are still alive, which is all of them while a shape runs.
pub fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("/proc");
    let nanoseconds = threads
        .map(|thread| {
            let schedstat = thread.expect("/proc").path().join("schedstat");
            let text = fs::read_to_string(schedstat).expect("schedstat of a thread");
            text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).expect("a number")
        })
        .sum();
    Duration::from_nanos(nanoseconds)
}

pub fn resident_bytes() -> f64 {
    process_status("VmRSS:")
}

pub fn peak_megabytes() -> f64 {
    process_status("VmHWM:") / 1e6
}

fn process_status(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("/proc");
    let kibibytes = text.lines().find_map(|line| line.strip_prefix(field));
    let number = kibibytes.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    number.expect(field) * 1024.0
}
