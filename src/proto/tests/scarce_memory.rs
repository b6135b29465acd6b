//! A machine without memory in the middle of a handshake: whichever allocation of an engine's fails, it is an error of one
//! connection at most, and everybody else is served.
//!
//! `FUZZ_ALLOCATIONS=1` has each fail in its turn; otherwise it is a sample.

use super::modes::{Configs, Mode};
use super::network::*;
use crate::proto::Endpoint;
#[cfg(feature = "aws-lc")]
use crate::tls::Version;
use crate::tls::scarcity::{allocations, with_plenty, without_allocation};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any handshake may take.
const PATIENCE: Duration = Duration::from_secs(130);

/// Of so many allocations, one fails in a test,
const SAMPLE: u64 = 9;

/// and of each mode about so many at most: without AWS-LC, computing with public keys takes a hundred thousand.
const LIVES: u64 = 60;

const NTH: &str = "FUZZ_ALLOCATIONS";

/// A handshake, a message in each direction, as far as they get; where sessions are resumed, two of them.
fn talk(configs: &Configs, network: &mut Network) {
    let mut session = None;
    for _ in 0..if configs.mode.resumes() { 2 } else { 1 } {
        let index = with_plenty(|| configs.connect(network, session.as_deref()));
        network.settle();
        let Some(&handle) = network.clients[index].secured().last() else { return };
        let (now, address) = (network.now, network.clients[index].address);
        let client = &mut network.clients[index].endpoint;
        session = client.session(handle).map(<[u8]>::to_vec);
        if let Ok(sealed) = client.send(now, handle, b"ping") {
            let datagram = sealed.datagram.to_vec();
            network.put_on_wire(address, SERVER, datagram);
        }
        network.settle();
        let server = network.server.secured();
        if let Some(&handle) = server.last()
            && let Ok(sealed) = network.server.endpoint.send(now, handle, b"pong")
        {
            let datagram = sealed.datagram.to_vec();
            network.put_on_wire(SERVER, address, datagram);
        }
        network.settle();
    }
}

/// Whoever has not got its connection is told so, nothing is left of it, and the next client is served.
fn check(configs: &Configs, network: &mut Network, nth: u64) {
    network.run_for(PATIENCE);
    let mode = configs.mode;
    for client in &network.clients {
        let is_over = client.closes().next().is_some();
        assert!(is_over || !client.secured().is_empty(), "{mode:?}, allocation {nth}: a client waits for ever");
    }
    let index = configs.connect(network, None);
    network.settle();
    assert_eq!(network.clients[index].secured().len(), 1, "{mode:?}, allocation {nth}: the next one is not served");
    network.send_from_client(index, b"hello");
    network.settle();
    assert_eq!(network.server.payloads().last().map(Vec::as_slice), Some(&b"hello"[..]));
}

#[test]
fn an_allocation_that_fails_ends_one_connection_at_most() {
    for (number, &mode) in Mode::ALL.iter().enumerate() {
        fail_each(number, &mode.configs(1200));
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn an_allocation_that_fails_ends_one_connection_of_dtls_1_3_with_public_keys_at_most() {
    for (number, mode) in [Mode::Certificate, Mode::Mutual, Mode::RawPublicKeys].into_iter().enumerate() {
        fail_each(number, &mode.configs_in(Version::Dtls13, 1200));
    }
}

/// Has allocations fail, one in each of many lives of a server; `number` says which, where it is a sample.
fn fail_each(number: usize, configs: &Configs) {
    let (count, ()) = allocations(|| talk(configs, &mut configs.network()));
    let step = if std::env::var_os(NTH).is_some() { 1 } else { SAMPLE.max(count / LIVES) };
    // The engine for DTLS 1.3 has most of its memory from Rust.
    assert!(count > 10, "{:?}: {count} allocations", configs.mode);
    for nth in (0..count).filter(|nth| nth % step == number as u64 % step) {
        let mut network = configs.network();
        without_allocation(nth, || talk(configs, &mut network));
        check(configs, &mut network, nth);
    }
}

#[test]
fn a_handshake_for_which_there_is_no_memory_is_refused_and_told() {
    let configs = Mode::Psk.configs(1200);
    let traced = || {
        let mut network = configs.network();
        network.server.endpoint = Endpoint::server(network.now, Arc::clone(&configs.server), limits(), 1).unwrap();
        network
    };
    let (count, ()) = allocations(|| talk(&configs, &mut traced()));
    let refused = (0..count).map(|nth| {
        let mut network = traced();
        without_allocation(nth, || talk(&configs, &mut network));
        let endpoint = &mut network.server.endpoint;
        let refused = endpoint.counters().handshakes_refused;
        let lines = std::iter::from_fn(|| endpoint.poll_trace()).filter(|line| line.contains(" refused: "));
        assert_eq!(lines.count() as u64, refused, "allocation {nth}");
        refused
    });
    assert!(refused.sum::<u64>() > 0, "{count} allocations");
}

#[test]
fn a_client_that_gets_no_memory_does_not_begin() {
    let config = psk_client(&[]);
    let begin = || Endpoint::client(limits(), 0).connect(base_time(), SERVER, &config).is_ok();
    let (count, has_begun) = allocations(begin);
    assert!(count > 0 && has_begun);
    for nth in 0..count {
        // Some of it is not needed.
        without_allocation(nth, begin);
    }
}
