// SPDX-License-Identifier: BSL-1.0

#[derive(Clone, Copy)]
pub enum Capacity {
    Bounded(usize),
    Unbounded,
}

#[derive(Clone, Copy)]
pub enum Payload {
    Int,
    Block,
    Unique,
}

#[derive(Clone, Copy)]
pub struct Sizes {
    pub workers: usize,
    pub count: usize,
    pub repeats: usize,
    pub min_us: usize,
    pub max_us: usize,
    pub port: u16,
    pub capacity: Capacity,
    pub payload: Payload,
    pub certificate: &'static str,
    pub key: &'static str,
}

impl Sizes {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Sizes {
        let mut sizes = Sizes {
            workers: 1,
            count: 0,
            repeats: 0,
            min_us: 0,
            max_us: 0,
            port: 0,
            capacity: Capacity::Bounded(0),
            payload: Payload::Int,
            certificate: "",
            key: "",
        };
        while let Some(name) = words.next() {
            let word = words.next().unwrap_or_default();
            let number =
                || word.parse::<usize>().unwrap_or_else(|_| panic!("{name} takes a number"));
            match name.as_str() {
                "--workers" => sizes.workers = number(),
                "--count" => sizes.count = number(),
                "--repeats" => sizes.repeats = number(),
                "--min-us" => sizes.min_us = number(),
                "--max-us" => sizes.max_us = number(),
                "--port" => sizes.port = number().try_into().expect("a port number"),
                "--capacity" if word == "unbounded" => sizes.capacity = Capacity::Unbounded,
                "--capacity" => sizes.capacity = Capacity::Bounded(number()),
                "--certificate" => sizes.certificate = word.leak(),
                "--key" => sizes.key = word.leak(),
                "--payload" => sizes.payload = payload(&word),
                _ => panic!("there is no argument '{name}'"),
            }
        }
        sizes
    }
}

fn payload(word: &str) -> Payload {
    match word {
        "int" => Payload::Int,
        "64" => Payload::Block,
        "unique" => Payload::Unique,
        _ => panic!("there is no payload '{word}'"),
    }
}
