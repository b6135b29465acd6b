//! JavaScript values to Rust values and back; no protocol decision is made here. The only user of the clock.

mod address;
mod brief;
mod capabilities;
mod client;
mod driver;
mod error;
mod event;
mod options;
mod pool;
mod server;
mod udp;
mod words;
