// SPDX-License-Identifier: BSL-1.0

#[derive(Clone, Copy, Default)]
pub struct Sizes {
    pub workers: usize,
    pub count: usize,
    pub repeats: usize,
    pub min_us: usize,
    pub max_us: usize,
    pub port: u16,
}

impl Sizes {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Sizes {
        let mut sizes = Sizes { workers: 1, ..Sizes::default() };
        while let Some(name) = words.next() {
            let number: usize = words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or_else(|| panic!("{name} takes a number"));
            match name.as_str() {
                "--workers" => sizes.workers = number,
                "--count" => sizes.count = number,
                "--repeats" => sizes.repeats = number,
                "--min-us" => sizes.min_us = number,
                "--max-us" => sizes.max_us = number,
                "--port" => sizes.port = number.try_into().expect("a port number"),
                _ => panic!("there is no argument '{name}'"),
            }
        }
        sizes
    }
}
