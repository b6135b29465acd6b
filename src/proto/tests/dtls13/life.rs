//! What becomes of an open connection: it sleeps, it wakes, it comes to its end.

use super::*;
use crate::proto::CloseReason;
use std::time::Duration;

#[test]
fn a_quiet_connection_sleeps_and_wakes_as_if_nothing_had_been() {
    for suite in names(Suite::all_of_dtls13()) {
        let mut network = Network::new(server());
        network.connect(&client_of(&settings_of(ONLY, &[suite], &[]), IDENTITY, KEY));
        network.settle();
        for _ in 0..3 {
            talk(&mut network);
            assert_eq!(network.server.endpoint.sleepers(), 0, "{suite}");
            network.run_for(Duration::from_secs(6));
            assert_eq!(network.server.endpoint.sleepers(), 1, "{suite}");
        }
    }
}

#[test]
fn what_was_heard_before_the_sleep_is_not_heard_again() {
    let mut network = connected();
    talk(&mut network);
    network.run_for(Duration::from_secs(6));
    let address = network.clients[0].address;
    let recorded = sent_by(&network, address).pop().unwrap();
    network.inject(address, SERVER, &recorded);
    assert_eq!(network.server.received.len(), 1);
}

#[test]
fn a_connection_whose_finished_was_never_acknowledged_sleeps_all_the_same() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.clients[0].secured().is_empty() {
        assert!(network.step());
    }
    network.weather.loss = 100;
    network.drop_in_flight();
    network.run_for(Duration::from_secs(3600));
    let finished = network.wire.len();
    assert!(finished < 20, "{finished}");
    assert_eq!(network.clients[0].endpoint.sleepers(), 1);
}

#[test]
fn an_idle_connection_is_closed_and_its_peer_told() {
    let mut network = connected();
    network.run_for(Duration::from_secs(86_401));
    assert!(network.server.closes().chain(network.clients[0].closes()).any(|(_, r)| matches!(r, CloseReason::Idle)));
    assert_eq!((network.server.closes().count(), network.clients[0].closes().count()), (1, 1));
    assert_eq!(network.server.endpoint.footprint(), 0);
}

#[test]
fn a_client_that_gives_up_says_so() {
    let mut network = Network::new(server());
    network.answers_at_once = false;
    network.connect(&client());
    network.settle();
    let now = network.now;
    let handle = crate::proto::ConnectionHandle(1);
    network.clients[0].endpoint.close(now, handle);
    network.settle();
    let last = sent_by(&network, network.clients[0].address).pop().unwrap();
    // close_notify behind user_canceled.
    assert_eq!((last[0], &last[13..]), (21, &[1, 0][..]));
}
