// SPDX-License-Identifier: BSL-1.0

//! The bench shapes of ../../README.md on tokio tasks: SHAPE --workers N --count N [--repeats N] ...

mod arguments;
mod channel_kind;
mod channel_pair;
mod channel_stream;
mod echo;
mod measure;
mod mutex;
mod parked;
mod select;
mod sieve;
mod skynet;
mod skynet_channels;
mod sleep;
mod spawn_join;
mod tls_echo;
mod udp_echo;
mod wakeup;
mod yielding;

use arguments::Sizes;
use measure::Figures;

fn main() {
    println!("version tokio {}", env!("TOKIO_VERSION"));
    let mut words = std::env::args().skip(1);
    let shape = words.next().unwrap_or_else(|| "version".into());
    if shape == "version" {
        return;
    }
    let sizes = Sizes::parse(words);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(sizes.workers)
        .enable_all()
        .build()
        .expect("tokio's runtime");

    // block_on polls outside the workers, so the shape is a task of its own.
    let name = shape.clone();
    let figures = runtime
        .block_on(async move { tokio::spawn(async move { run(&name, sizes).await }).await })
        .unwrap_or_else(|_| std::process::exit(1));

    print!("result {shape} tokio workers={}", sizes.workers);
    for (metric, value) in figures {
        print!(" {metric}={value}");
    }
    println!();
}

async fn run(shape: &str, sizes: Sizes) -> Figures {
    match shape {
        "yield" => yielding::yield_pair(sizes).await,
        "spawn_join_batch" => spawn_join::batch(sizes).await,
        "spawn_join_one" => spawn_join::one_by_one(sizes).await,
        "wakeup" => wakeup::wakeup(sizes).await,
        "sleep" => sleep::sleep(sizes).await,
        "skynet" => skynet::skynet(sizes).await,
        "parked" => parked::parked(sizes).await,
        "echo" => echo::serve(sizes).await,
        "udp_echo" => udp_echo::serve(sizes).await,
        "tls_echo" => tls_echo::serve(sizes).await,
        "chan_seq" => channel_pair::sequence(sizes).await,
        "chan_pingpong" => channel_pair::ping_pong(sizes).await,
        "chan_spsc" => channel_stream::spsc(sizes).await,
        "chan_mpsc" => channel_stream::mpsc(sizes).await,
        "select2" => select::of_2(sizes).await,
        "select4" => select::of_4(sizes).await,
        "mutex_uncontended" => mutex::uncontended(sizes).await,
        "mutex_contended" => mutex::contended(sizes).await,
        "skynet_channels" => skynet_channels::skynet(sizes).await,
        "sieve" => sieve::sieve(sizes).await,
        _ => panic!("there is no shape '{shape}'"),
    }
}
