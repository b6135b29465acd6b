//! Keys of handshakes, for whoever wants to read a capture.

use super::modes::Mode;
use super::network::*;
use crate::proto::Event;
use crate::tls::SavedConnection;

fn lines(log: &[Event]) -> Vec<Vec<u8>> {
    log.iter()
        .filter_map(|event| match event {
            Event::KeyLog { lines, .. } => Some(lines.as_bytes().to_vec()),
            _ => None,
        })
        .collect()
}

fn position(log: &[Event], is: impl Fn(&Event) -> bool) -> usize {
    log.iter().position(is).unwrap()
}

#[test]
fn keys_are_logged_once_and_before_the_handshake_is_over_and_only_if_somebody_asks() {
    for asks in [true, false] {
        let mut network = Network::new(psk_server());
        network.server.endpoint.log_keys(asks);
        network.connect(&psk_client(&[]));
        network.settle();
        network.send_from_client(0, b"hello");
        network.settle();
        let log = &network.server.log;
        assert_eq!(lines(log).len(), usize::from(asks));
        if asks {
            let logged = position(log, |event| matches!(event, Event::KeyLog { .. }));
            assert!(logged < position(log, |event| matches!(event, Event::Secure { .. })));
            assert!(logged > position(log, |event| matches!(event, Event::Connection { .. })));
        }
    }
}

#[test]
fn both_sides_log_the_same_keys_under_the_same_names() {
    for &mode in Mode::ALL {
        let configs = mode.configs(1400);
        let mut network = configs.network();
        network.server.endpoint.log_keys(true);
        let client = configs.connect(&mut network, None);
        network.clients[client].endpoint.log_keys(true);
        network.settle();
        let [of_server, of_client] = [&network.server.log, &network.clients[client].log].map(|log| {
            let text = String::from_utf8(lines(log).concat()).unwrap();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        });
        assert_eq!(of_server, of_client, "{mode:?}");
        let labels: Vec<_> = of_server.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let expected = if labels.len() == 1 {
            &["CLIENT_RANDOM"][..]
        } else {
            &[
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_TRAFFIC_SECRET_0",
            ]
        };
        assert_eq!(labels, expected, "{mode:?}");
    }
}

/// What reads captures of DTLS 1.2 finds the association by the client's random, and makes its keys of the master secret.
#[test]
fn of_dtls_1_2_the_master_secret_is_logged_beside_the_clients_random() {
    let in_hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for &mode in Mode::ALL {
        let configs = mode.configs(1400);
        let mut network = configs.network();
        network.server.endpoint.log_keys(true);
        configs.connect(&mut network, None);
        network.settle();
        let handle = *network.server.secured().last().unwrap();
        let Some(SavedConnection::Dtls12(saved)) = network.server.endpoint.save(handle) else { continue };
        let (random, secret) = (in_hexadecimal(&saved.randoms[..32]), in_hexadecimal(&*saved.master_secret));
        let logged = lines(&network.server.log).concat();
        assert_eq!(String::from_utf8(logged).unwrap(), format!("CLIENT_RANDOM {random} {secret}\n"), "{mode:?}");
    }
}

#[test]
fn a_handshake_that_fails_once_it_has_keys_has_logged_them() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.log_keys(true);
    network.keys.insert(IDENTITY.to_vec(), b"another key".to_vec());
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    assert_eq!(lines(&network.server.log).len(), 1);
}
