//! The protocol's story: endpoints on a virtual clock and a simulated network.

mod certificates;
mod choices;
mod client_psk;
mod cookies;
mod forgeries;
mod fragmented_hellos;
mod full_house;
mod fuzz;
mod handshakes;
mod hibernation;
mod hostile;
mod jobs;
mod lossy;
mod negotiation;
mod network;
mod psk;
mod psk_attacks;
mod raw_public_keys;
mod restarts;
mod roaming;
mod streams;
mod threads;
mod timers;
