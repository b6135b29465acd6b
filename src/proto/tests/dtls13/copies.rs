//! Connections with copies in a store, from which others take them over.

use super::*;
use crate::proto::{Bound, ConnectionHandle, Event, NoCopy, SavedConnection, SendError, Traveller};
use crate::tls::{Fence, SaveClock};
use std::time::Duration;

const CLOCK: SaveClock = SaveClock { saved: None, now: Duration::from_secs(1_780_000_000) };

/// Payloads that the first copy leaves room for.
const FIRST: usize = 4096 - 16;

fn copy_of(network: &mut Network, handle: ConnectionHandle) -> (Traveller, Fence) {
    let (traveller, fence) = network.server.endpoint.copy_for_store(handle).unwrap_or_else(|why| panic!("{why:?}"));
    (traveller, fence.unwrap())
}

/// A new process goes on from a copy, whose place its own has taken.
fn take_over(network: &mut Network, copy: &Traveller) -> (ConnectionHandle, Bound) {
    network.restart_server(server());
    let (saved, bound) = copy.saved.succeed().unwrap();
    let mut bytes = Vec::new();
    saved.write_to(&mut bytes);
    let saved = SavedConnection::read(&bytes).unwrap();
    let restoration = Restoration { saved: &saved, clock: CLOCK };
    let handle = network.server.endpoint.restore(network.now, copy.remote, restoration).unwrap();
    (handle, bound.unwrap())
}

/// Time for what is due, and for what it leads to.
const MOMENT: Duration = Duration::from_millis(20);

fn copies_due(network: &mut Network) -> usize {
    network.run_for(MOMENT);
    network.server.log.iter().filter(|event| matches!(event, Event::CopyDue { .. })).count()
}

#[test]
fn there_is_a_copy_when_the_handshake_has_nothing_under_way_and_no_session_of_the_older_kind() {
    let mut network = Network::new(server());
    network.connect(&client());
    while network.server.secured().is_empty() {
        let handles = (1..3).map(ConnectionHandle);
        for handle in handles {
            assert!(network.server.endpoint.copy_for_store(handle).is_err());
        }
        assert!(network.step());
    }
    network.settle();
    let handle = network.server.secured()[0];
    let (first, Fence { bound, before: None }) = copy_of(&mut network, handle) else { panic!() };
    let (_, again) = copy_of(&mut network, handle);
    assert_eq!((again.before, first.saved.has_one_life()), (Some(bound), true));
    assert!(again.bound >= bound && network.server.endpoint.save(handle).is_none());
    assert_eq!(network.server.endpoint.copy_for_store(ConnectionHandle(99)).err(), Some(NoCopy::Never));
    talk(&mut network);
}

#[test]
fn a_copy_does_not_go_on_beside_the_connection_that_it_was_made_of() {
    let mut network = connected();
    let handle = network.server.secured()[0];
    let (copy, _) = copy_of(&mut network, handle);
    let (saved, _) = copy.saved.succeed().unwrap();
    let elsewhere = SocketAddr::from(([198, 51, 100, 8], 1));
    for remote in [copy.remote, elsewhere] {
        let restoration = Restoration { saved: &saved, clock: CLOCK };
        assert!(network.server.endpoint.restore(network.now, remote, restoration).is_none());
    }
    talk(&mut network);
}

#[test]
fn whoever_takes_over_is_heard_and_takes_no_record_twice() {
    let mut network = connected();
    let device = network.clients[0].address;
    network.send_from_client(0, b"before");
    network.settle();
    let recorded = network.wire.last().unwrap().2.clone();
    let first = network.server.secured()[0];
    let (mut copy, _) = copy_of(&mut network, first);
    for _ in 0..40 {
        let (handle, _) = take_over(&mut network, &copy);
        network.inject(device, SERVER, &recorded);
        assert_eq!(network.server.payloads(), [] as [&[u8]; 0]);
        // Nothing of what it sends arrives, so that its successor is a further block ahead.
        (copy, _) = copy_of(&mut network, handle);
    }
    let (handle, _) = take_over(&mut network, &copy);
    network.send_from_client(0, b"after");
    network.send_from_server(handle, device, b"welcome back");
    network.settle();
    assert_eq!(network.server.payloads(), [b"after"]);
    assert_eq!(network.clients[0].payloads(), [b"welcome back"]);
}

#[test]
fn a_copy_is_due_by_an_event_and_without_its_confirmation_payloads_are_refused_but_nothing_ends() {
    let mut network = connected();
    let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
    copy_of(&mut network, handle);
    assert_eq!(copies_due(&mut network), 0);
    let send = |network: &mut Network, count: usize| {
        (0..count).filter(|_| network.server.endpoint.send(network.now, handle, b"x").is_ok()).count()
    };
    assert_eq!(send(&mut network, 2048), 2048);
    assert_eq!(copies_due(&mut network), 1);
    let (_, fence) = copy_of(&mut network, handle);
    assert_eq!(send(&mut network, 2 * FIRST), FIRST - 2048);
    let refused = network.server.endpoint.send(network.now, handle, b"x").map(|_| ());
    assert!(matches!(refused, Err(SendError::NoNumbers)), "{refused:?}");
    network.server.endpoint.confirm_copy(handle, fence.bound);
    assert_eq!(send(&mut network, 100), 100);
    network.send_from_server(handle, device, b"heard");
    network.settle();
    assert_eq!(network.clients[0].payloads().last().unwrap(), b"heard");
    assert_eq!(network.server.closes().count(), 0);
}

#[test]
fn without_its_store_a_connection_goes_on_with_keys_of_its_own() {
    let mut network = connected();
    let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
    copy_of(&mut network, handle);
    let before = network.clients[0].received.len();
    for _ in 0..150 {
        for _ in 0..40 {
            network.send_from_server(handle, device, b"still here");
        }
        network.run_for(MOMENT);
    }
    assert_eq!(network.clients[0].received.len() - before, 6000);
    let (_, fence) = copy_of(&mut network, handle);
    assert!(fence.bound.epoch > 3);
}

#[test]
fn a_copy_is_due_when_the_peer_has_other_keys() {
    let mut network = connected();
    let handle = network.server.secured()[0];
    let client = network.client_handle(0);
    // The client's keys are worn by what its own store has not confirmed.
    assert!(network.clients[0].endpoint.copy_for_store(client).is_ok());
    let (old, _) = copy_of(&mut network, handle);
    for _ in 0..100 {
        for _ in 0..40 {
            network.send_from_client(0, b"message");
        }
        network.run_for(MOMENT);
    }
    assert!(copies_due(&mut network) > 0);
    let (copy, _) = copy_of(&mut network, handle);
    for (copy, heard) in [(old, 0), (copy, 1)] {
        take_over(&mut network, &copy);
        network.send_from_client(0, b"after");
        network.settle();
        assert_eq!(network.server.payloads().len(), heard);
    }
}

#[test]
fn a_copy_of_one_that_sleeps_does_not_wake_it() {
    let mut network = connected();
    let (device, handle) = (network.clients[0].address, network.server.secured()[0]);
    network.run_for(Duration::from_secs(60));
    assert_eq!(network.server.endpoint.sleepers(), 1);
    let (_, fence) = copy_of(&mut network, handle);
    network.server.endpoint.confirm_copy(handle, fence.bound);
    assert_eq!(network.server.endpoint.sleepers(), 1);
    let (copy, again) = copy_of(&mut network, handle);
    assert_eq!(again.before, Some(fence.bound));
    network.send_from_server(handle, device, b"awake");
    let (handle, _) = take_over(&mut network, &copy);
    network.send_from_server(handle, device, b"elsewhere");
    network.settle();
    assert_eq!(network.clients[0].payloads(), [&b"awake"[..], b"elsewhere"]);
}
