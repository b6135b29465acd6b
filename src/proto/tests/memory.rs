//! What is over has given its memory back, that of the engines' C included.

use super::modes::Mode;
use super::network::{Network, psk_client, psk_server};
use crate::tls::allocated;
use std::process::Command;

/// Tells a test that it has a process to itself.
const ALONE: &str = "TEST_ALONE";

/// A thread of glibc keeps some freed pieces of each size for itself, and counts them as used. Without that, each byte is counted.
const EXACT: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// A server and a client that have talked, resumed where they can, and are gone with all that they were made from.
fn live(mode: Mode) {
    let configs = mode.configs(1400);
    let mut network = configs.network();
    let client = configs.connect(&mut network, None);
    network.settle();
    network.send_from_client(client, b"hello");
    network.settle();
    assert_eq!(network.server.payloads(), [b"hello"], "{mode:?}");
    if mode.resumes() {
        let session = super::resumption::session_of(&network, client);
        assert!(session.is_some(), "{mode:?}");
        configs.connect(&mut network, session.as_deref());
        network.settle();
        assert_eq!(network.server.secured().len(), 2, "{mode:?}");
    }
    let (now, handle) = (network.now, network.client_handle(client));
    network.clients[client].endpoint.close(now, handle);
    network.settle();
}

/// Runs a test again in a process of its own, where nobody else allocates anything. Whether this is that process.
fn is_alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = format!("proto::tests::memory::{name}");
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args(["--exact", &name, "--nocapture"]).envs([(ALONE, ""), EXACT]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
}

#[test]
fn lives_that_are_over_have_given_all_memory_back() {
    if !is_alone("lives_that_are_over_have_given_all_memory_back") {
        return;
    }
    for &mode in Mode::ALL {
        // What is made once stays, and buffers are kept for whoever comes next.
        for _ in 0..2 {
            live(mode);
        }
        let mut grown = [0; 5].map(|_| {
            let before = allocated().cast_signed();
            live(mode);
            allocated().cast_signed() - before
        });
        // The thread that runs the tests may allocate something beside it once. What a life loses is lost each time.
        grown.sort_unstable();
        assert_eq!(grown[2], 0, "{mode:?}: {grown:?}");
    }
}

#[test]
fn a_handshake_that_waits_for_the_application_has_given_its_buffers_away() {
    const HANDSHAKES: usize = 32;
    if !is_alone("a_handshake_that_waits_for_the_application_has_given_its_buffers_away") {
        return;
    }
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    let config = psk_client(&[]);
    let before = allocated();
    for _ in 0..HANDSHAKES {
        network.connect(&config);
    }
    network.settle();
    assert_eq!(network.open_lookups.len(), HANDSHAKES);
    let clients = std::mem::take(&mut network.clients);
    network.wire.clear();
    drop(clients);
    let each = allocated().saturating_sub(before) / HANDSHAKES;
    assert!(each < 16 * 1024, "{each} bytes");
}
