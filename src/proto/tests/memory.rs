//! How much of the heap is in use, by the engines' C as well.

use super::network::{Network, psk_client, psk_server};
use crate::tls::allocated;
use std::process::Command;

/// Tells a test that it has a process to itself.
const ALONE: &str = "TEST_ALONE";

/// Runs a test again in a process of its own, where nobody else allocates anything. Whether this is that process.
fn is_alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = format!("proto::tests::memory::{name}");
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", &name, "--nocapture"]).env(ALONE, "").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
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
