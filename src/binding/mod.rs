//! JavaScript values to Rust values and back; no protocol decision is made here. The only user of the clock.

mod address;
mod answer;
mod aside;
mod brief;
mod capabilities;
mod client;
mod context;
mod descriptors;
mod driver;
mod error;
mod event;
mod frequent;
mod intake;
mod layout;
mod methods;
mod numbered;
mod options;
mod parcels;
#[cfg(target_os = "linux")]
mod pktinfo;
#[cfg(all(test, target_os = "linux"))]
mod proc;
mod registers;
mod saved;
mod server;
mod sessions;
mod stats;
mod travel;
mod udp;
mod waker;
mod wall_clock;
#[cfg(target_os = "linux")]
mod watch;
mod words;
mod workers;
