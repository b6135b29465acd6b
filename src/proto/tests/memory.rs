//! What is over has given its memory back, that of the engines' C included.

use super::certificates::{issuer, revocation_list};
use super::modes::Mode;
use super::network::*;
use crate::tls::{ClientConfig, Credentials, RevocationLists, allocated};
#[cfg(feature = "aws-lc")]
use crate::tls::{ClientPsk, ServerConfig, Settings, Version, Versions, Wishes};
use std::process::Command;
use std::sync::Arc;

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

/// Bytes that are lost each time. The thread that runs the tests may allocate something beside it once: the median does not tell.
fn lost(act: impl Fn()) -> isize {
    let mut grown = [0; 5].map(|_| {
        let before = allocated().cast_signed();
        act();
        allocated().cast_signed() - before
    });
    grown.sort_unstable();
    grown[2]
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
        assert_eq!(lost(|| live(mode)), 0, "{mode:?}");
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn a_key_exchange_in_any_group_has_given_its_memory_back() {
    if !is_alone("a_key_exchange_in_any_group_has_given_its_memory_back") {
        return;
    }
    for group in ["P-256", "P-384", "X25519"] {
        for version in [Version::Dtls12, Version::Dtls13] {
            let wishes = Wishes {
                versions: Versions { oldest: version, newest: version },
                curves: Some(vec![group.to_owned()]),
                ..Wishes::default()
            };
            let suite =
                if version == Version::Dtls12 { "ECDHE-PSK-AES128-GCM-SHA256" } else { "TLS_AES_128_GCM_SHA256" };
            let settings = Settings { wishes, ..settings(&[suite]) };
            let meet = || {
                let mut network = Network::new(ServerConfig::new(&settings, None, true, None).unwrap());
                let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
                network.connect(&ClientConfig::new(&settings, Some(psk), None, None).unwrap());
                network.settle();
                assert_eq!(network.server.secured().len(), 1, "{group}, {version:?}");
            };
            for _ in 0..2 {
                meet();
            }
            assert_eq!(lost(meet), 0, "{group}, {version:?}");
        }
    }
}

#[test]
fn a_key_that_is_given_up_has_given_its_memory_back() {
    if !is_alone("a_key_that_is_given_up_has_given_its_memory_back") {
        return;
    }
    let keys = [include_str!("keys/rsa-2048.key.pem"), include_str!("keys/server.key.pem")];
    let make = |key: &str| drop(Credentials::parse_raw(key.as_bytes(), None).unwrap());
    for key in keys {
        make(key);
        assert_eq!(lost(|| make(key)), 0);
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn parts_of_a_servers_hello_that_never_become_whole_take_little_memory() {
    if !is_alone("parts_of_a_servers_hello_that_never_become_whole_take_little_memory") {
        return;
    }
    let versions = Versions { oldest: Version::Dtls12, newest: Version::Dtls13 };
    let settings = Settings { wishes: Wishes { versions, ..Wishes::default() }, ..settings(&[]) };
    let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
    let mut network = Network::new(psk_server());
    network.connect(&ClientConfig::new(&settings, Some(psk), None, None).unwrap());
    let before = allocated();
    for number in 0..250 {
        // A thousand bytes of a ServerHello of 16,000.
        let message = [&[2, 0, 0x3e, 0x80, 0, 0, 0, 0, number, 0, 3, 232][..], &[7; 1000]].concat();
        let record = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, number, 3, 244][..], &message].concat();
        network.clients[0].endpoint.handle_datagram(network.now, SERVER, &record);
    }
    let grown = allocated().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} bytes");
}

#[test]
fn a_revocation_list_that_is_given_up_has_given_its_memory_back() {
    if !is_alone("a_revocation_list_that_is_given_up_has_given_its_memory_back") {
        return;
    }
    let list = revocation_list(&issuer(), &[6, 7, 8]);
    let make = || drop(RevocationLists::parse(&[&list]).unwrap());
    make();
    assert_eq!(lost(make), 0);
}

/// So many wait at a time.
const HANDSHAKES: usize = 32;

/// Bytes that each of many handshakes takes at a server when they have come to where `wait` leads them.
fn memory_of_each(mut network: Network, config: &ClientConfig, wait: impl FnOnce(&mut Network)) -> usize {
    let before = allocated();
    for _ in 0..HANDSHAKES {
        network.connect(config);
    }
    network.settle();
    wait(&mut network);
    assert_eq!(network.server.endpoint.handshake_count(), HANDSHAKES);
    network.clients = Vec::new();
    network.wire.clear();
    allocated().saturating_sub(before) / HANDSHAKES
}

#[test]
fn a_handshake_that_waits_for_the_application_has_given_its_buffers_away() {
    if !is_alone("a_handshake_that_waits_for_the_application_has_given_its_buffers_away") {
        return;
    }
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    let each = memory_of_each(network, &psk_client(&[]), |network| assert_eq!(network.open_lookups.len(), HANDSHAKES));
    assert!(each < 16 * 1024, "{each} bytes");
}

#[test]
fn a_handshake_that_waits_for_a_thread_has_given_its_buffers_away() {
    if !is_alone("a_handshake_that_waits_for_a_thread_has_given_its_buffers_away") {
        return;
    }
    let configs = Mode::Certificate.configs(1200);
    let mut network = Network::with_jobs(Arc::clone(&configs.server), HANDSHAKES);
    network.job_limit = 0;
    let each = memory_of_each(network, configs.client(), |network| {
        // All but the last find no thread for their second step.
        network.server.endpoint.offer_jobs(1);
        for _ in 0..HANDSHAKES {
            network.run_job(0);
            network.settle();
        }
        assert_eq!(network.open_jobs.len(), 1);
    });
    // With a certificate, and without the two buffers of 17 KB each.
    assert!(each < 24 * 1024, "{each} bytes");
}
