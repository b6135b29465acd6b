//! Pre-shared keys together with a key exchange, and by themselves.

use super::*;
use crate::proto::tests::resumption::{connect, remember, session_of};
use crate::tls::{Authorization, PskModes};

const BOTH_MODES: &[&str] = &["psk_dhe_ke", "psk_ke"];
const EXCHANGE: &[&str] = &["psk_dhe_ke"];
const ALONE: &[&str] = &["psk_ke"];

fn with_modes(versions: Versions, modes: &[&str]) -> Settings {
    let mut settings = settings_of(versions, &[], &[]);
    settings.wishes.psk_modes = PskModes::of(modes.iter().copied());
    settings
}

fn run(of_server: &[&str], versions: Versions, of_client: &[&str]) -> Network {
    let mut network = Network::new(server_of(&with_modes(BOTH, of_server)));
    network.connect(&client_of(&with_modes(versions, of_client), IDENTITY, KEY));
    network.settle();
    network
}

/// Whether the server's hello has a public value of X25519; `None` where none of DTLS 1.3 was sent.
fn exchanges(network: &Network) -> Option<bool> {
    let hellos = sent_by(network, SERVER).into_iter().filter(|datagram| datagram[0] == 22 && datagram[13] == 2);
    let chosen = hellos.filter(|hello| hello.windows(6).any(|bytes| bytes == [0, 43, 0, 2, 0xfe, 0xfc])).nth(1)?;
    Some(chosen.windows(8).any(|bytes| bytes == [0, 51, 0, 36, 0, 29, 0, 32]))
}

#[test]
fn a_key_is_used_in_the_best_way_that_both_sides_have() {
    for versions in [ONLY, BOTH] {
        for (of_server, of_client, expected) in [
            (EXCHANGE, EXCHANGE, true),
            (BOTH_MODES, BOTH_MODES, true),
            (BOTH_MODES, EXCHANGE, true),
            (EXCHANGE, BOTH_MODES, true),
            (BOTH_MODES, ALONE, false),
            (ALONE, BOTH_MODES, false),
            (ALONE, ALONE, false),
        ] {
            let mut network = run(of_server, versions, of_client);
            assert_eq!(exchanges(&network), Some(expected), "{of_server:?} {of_client:?}");
            assert_eq!(network.server.suite(), network.clients[0].suite());
            talk(&mut network);
        }
    }
}

#[test]
fn sides_without_a_common_way_do_not_connect() {
    for (of_server, of_client) in [(EXCHANGE, ALONE), (ALONE, EXCHANGE)] {
        let network = run(of_server, ONLY, of_client);
        assert!(network.server.secured().is_empty() && network.clients[0].secured().is_empty());
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
    }
    // Nor do they in DTLS 1.2: a client that offers both versions would take that for a downgrade.
    let network = run(EXCHANGE, BOTH, ALONE);
    assert_eq!((exchanges(&network), network.clients[0].error_kinds()), (None, vec![ErrorKind::AlertReceived]));
    assert!(network.server.secured().is_empty());
}

#[test]
fn a_key_by_itself_needs_no_group_in_common() {
    let settings = |group: &str| {
        let mut settings = with_modes(ONLY, BOTH_MODES);
        settings.wishes.curves = Some(vec![group.to_owned()]);
        settings
    };
    let mut network = Network::new(server_of(&settings("P-384")));
    network.connect(&client_of(&settings("X25519"), IDENTITY, KEY));
    network.settle();
    assert_eq!(exchanges(&network), Some(false));
    talk(&mut network);
}

#[test]
fn a_hello_without_key_exchange_has_no_public_value_and_survives_loss() {
    let network = run(BOTH_MODES, ONLY, ALONE);
    let address = network.clients[0].address;
    let longest = sent_by(&network, address).iter().map(Vec::len).max().unwrap();
    assert!(longest < 270, "{longest}");
    let mut network = Network::new(server_of(&with_modes(ONLY, ALONE)));
    network.weather.loss = 10;
    for _ in 0..20 {
        network.connect(&client_of(&with_modes(ONLY, ALONE), IDENTITY, KEY));
    }
    network.run_for(Duration::from_secs(100));
    assert!(network.clients.iter().all(|client| client.secured().len() == 1));
}

#[test]
fn a_wrong_key_is_a_wrong_key() {
    let mut network = Network::new(server_of(&with_modes(ONLY, ALONE)));
    network.connect(&client_of(&with_modes(ONLY, ALONE), IDENTITY, b"another key"));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived]);
}

#[test]
fn sessions_need_a_key_exchange() {
    for (of_server, of_client, has_session) in
        [(BOTH_MODES, BOTH_MODES, true), (BOTH_MODES, ALONE, false), (ALONE, BOTH_MODES, false)]
    {
        let mut network = Network::new(server_of(&with_modes(ONLY, of_server)));
        remember(&mut network, |_| {});
        let config = || client_of(&with_modes(ONLY, of_client), IDENTITY, KEY);
        let client = connect(&mut network, config(), None);
        let session = session_of(&network, client);
        assert_eq!(session.is_some(), has_session);
        // One of another time is not offered by who wants none, nor taken.
        if let Some(session) = session {
            for (of_server, of_client) in [(BOTH_MODES, ALONE), (ALONE, BOTH_MODES)] {
                network.server.endpoint.replace_config(server_of(&with_modes(ONLY, of_server)));
                let config = client_of(&with_modes(ONLY, of_client), IDENTITY, KEY);
                let client = connect(&mut network, config, Some(&session));
                let secured = crate::proto::tests::resumption::last(&network.clients[client]);
                assert!(!secured.resumed && secured.terms.authorization == Authorization::Granted);
            }
        }
    }
}
