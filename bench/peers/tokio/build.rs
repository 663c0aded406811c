// SPDX-License-Identifier: BSL-1.0

//! Hands the version of tokio that Cargo.lock names to the program.

use std::fs;

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock");
    let version = lock
        .split("name = \"tokio\"\nversion = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("tokio in Cargo.lock");
    println!("cargo:rustc-env=TOKIO_VERSION={version}");
}
