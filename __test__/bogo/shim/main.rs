//! What BoringSSL's test runner starts as the implementation under test ("bogo"): this project's endpoint, without sockets of its own, on
//! the runner's stream of packets. `npm run bogo` builds and runs it; docs/testing.md says what for.
//!
//! The rooms of the product are compiled in as they are, but for `binding`: nothing of this file is in the product.

#![allow(dead_code, unused_imports, unreachable_pub, unexpected_cfgs)]

mod connection;
mod flags;
mod packets;
#[path = "../../../src/proto/mod.rs"]
mod proto;
mod setup;
#[path = "../../../src/tls/mod.rs"]
mod tls;
#[path = "../../../src/wire/mod.rs"]
mod wire;

use flags::Flags;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::exit;

/// By which the runner is told that a test needs something that is not here.
const UNIMPLEMENTED: i32 = 89;

/// Why a test did not go well.
enum Failure {
    /// It needs something that is not here.
    Unimplemented(String),
    Failed(String),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.to_string())
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Asked for once, before any test: whether handshakes go over to another process.
    if arguments.iter().any(|argument| argument == "-is-handshaker-supported") {
        println!("No");
        return;
    }
    if std::env::var_os("BOGO_DECLINES").is_some() {
        exit(UNIMPLEMENTED);
    }
    match Flags::parse(&arguments).and_then(|flags| connection::run(&flags)) {
        Ok(()) => {}
        Err(Failure::Unimplemented(what)) => {
            eprintln!("not implemented: {what}");
            note(&what);
            exit(UNIMPLEMENTED);
        }
        Err(Failure::Failed(why)) => {
            eprintln!("{why}");
            exit(1);
        }
    }
}

/// For the summary of `scripts/bogo.mjs`: the runner itself does not say why a test was not to be had.
fn note(what: &str) {
    if let Some(path) = std::env::var_os("BOGO_UNIMPLEMENTED")
        && let Ok(mut notes) = OpenOptions::new().append(true).open(path)
    {
        let _ = notes.write_all(format!("{what}\n").as_bytes());
    }
}
