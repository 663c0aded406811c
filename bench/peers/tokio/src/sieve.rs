// SPDX-License-Identifier: BSL-1.0

use crate::arguments::Sizes;
use crate::channel_kind::channel;
use crate::measure::{milliseconds, Figures};
use std::time::Instant;
use tokio::sync::mpsc::{Receiver, Sender};

pub async fn sieve(sizes: Sizes) -> Figures {
    let start = Instant::now();
    let (sender, mut numbers) = channel(0);
    tokio::spawn(count_up(sender));
    let mut sum = 0;
    for _ in 0..sizes.count {
        let prime = numbers.recv().await.unwrap();
        sum += prime as usize;
        let (sender, rest) = channel(0);
        tokio::spawn(drop_multiples(prime, numbers, sender));
        numbers = rest;
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, sum_of_primes(sizes.count), "sum of the primes");
    vec![("ms", milliseconds(elapsed))]
}

async fn count_up(numbers: Sender<i32>) {
    for number in 2.. {
        if numbers.send(number).await.is_err() {
            return;
        }
    }
}

async fn drop_multiples(prime: i32, mut numbers: Receiver<i32>, rest: Sender<i32>) {
    while let Some(number) = numbers.recv().await {
        if number % prime != 0 && rest.send(number).await.is_err() {
            return;
        }
    }
}

fn sum_of_primes(count: usize) -> usize {
    (2..).filter(|&number| is_prime(number)).take(count).sum()
}

fn is_prime(number: usize) -> bool {
    (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| number % divisor != 0)
}
