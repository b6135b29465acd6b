//! What fuzzers feed: what comes back from a store, from a peer that keeps it for us, or from another process.

#[cfg(feature = "aws-lc")]
use super::dtls13;
use super::mbed;
use super::saved_connection::SavedConnection;
use super::session::{Session, SessionOf};
use super::tickets::{TICKET_KEY_LENGTH, TicketKeys};
use super::trust;
use super::version::Version;
use crate::wire::fuzzing::Target;

const OWN: [Target; 3] = [("saved-connections", saved_connections), ("sessions", sessions), ("tickets", tickets)];

/// Those of the engines included.
pub(crate) fn targets() -> impl Iterator<Item = Target> {
    let targets = OWN.into_iter().chain(mbed::fuzzing::TARGETS).chain(trust::fuzzing::TARGETS);
    #[cfg(feature = "aws-lc")]
    let targets = targets.chain(dtls13::fuzzing::TARGETS);
    targets
}

fn saved_connections(input: &[u8]) {
    let Some(saved) = SavedConnection::read(input) else { return };
    let mut written = Vec::new();
    saved.write_to(&mut written);
    let again = SavedConnection::read(&written).unwrap_or_else(|| panic!("what was written is not read"));
    let mut twice = Vec::new();
    again.write_to(&mut twice);
    assert_eq!(written, twice);
    let _ = (saved.check(), saved.association());
    if let Ok((next, bound)) = saved.succeed() {
        assert_eq!(next.association(), saved.association());
        let mut written = Vec::new();
        next.write_to(&mut written);
        assert!(SavedConnection::read(&written).is_some(), "what follows a copy is one");
        assert_eq!(bound.is_some(), saved.has_one_life());
    }
}

fn sessions(input: &[u8]) {
    for of in [SessionOf::Server, SessionOf::Client] {
        let Some(session) = Session::from_bytes(input, of) else { continue };
        let Some(written) = session.to_bytes() else { continue };
        assert_eq!(&written[..], input, "a session has one form");
        session.is_live(1_800_000_000);
    }
}

/// A ticket as it comes from a client, and a session that is sealed, spoilt and opened.
fn tickets(input: &[u8]) {
    let key = [7; TICKET_KEY_LENGTH];
    let Some(keys) = TicketKeys::parse(&key) else { panic!("a key of the right length") };
    assert!(keys.open(Version::Dtls13, input).is_none(), "nobody can make a ticket without the key");
    let Some(other) = TicketKeys::parse(input) else { return check_sealed(&keys, input) };
    assert_eq!(&other.to_bytes()[..], input);
    check_sealed(&other, &[]);
}

fn check_sealed(keys: &TicketKeys, session: &[u8]) {
    let version = if session.len().is_multiple_of(2) { Version::Dtls12 } else { Version::Dtls13 };
    let Some(mut ticket) = keys.seal(version, session) else { return };
    assert_eq!(keys.open(version, &ticket).as_deref().map(Vec::as_slice), Some(session));
    let at = session.first().map_or(0, |&first| usize::from(first) % ticket.len());
    if let Some(byte) = ticket.get_mut(at) {
        *byte ^= 1;
    }
    assert!(keys.open(version, &ticket).is_none(), "a ticket that was changed");
}
