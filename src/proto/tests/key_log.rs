//! Keys of handshakes, for whoever wants to read a capture.

use super::network::*;
use crate::proto::Event;

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
fn a_handshake_that_fails_once_it_has_keys_has_logged_them() {
    let mut network = Network::new(psk_server());
    network.server.endpoint.log_keys(true);
    network.keys.insert(IDENTITY.to_vec(), b"another key".to_vec());
    network.connect(&psk_client(&[]));
    network.settle();
    assert_eq!(network.server.error_kinds(), [ErrorKind::WrongPsk]);
    assert_eq!(lines(&network.server.log).len(), 1);
}
