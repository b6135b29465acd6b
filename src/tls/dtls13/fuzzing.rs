//! What fuzzers feed: the content of records whose keys the fuzzer has, and records whose keys it has not.

use super::acknowledgments;
use super::incoming::{Incoming, Place};
use super::protection::{Opener, Sealer};
use super::suite::{algorithm, hash};
use crate::tls::suites::Suite;
use crate::wire::NewSessionTicket;
use crate::wire::fuzzing::Target;
use crate::wire::handshake::HandshakeFragment;

pub(crate) const TARGETS: [Target; 4] = [
    ("tickets-of-dtls13", tickets),
    ("acknowledgments-of-dtls13", acknowledgments),
    ("messages-of-dtls13", messages),
    ("ciphertexts-of-dtls13", ciphertexts),
];

/// The body of a NewSessionTicket message.
fn tickets(input: &[u8]) {
    if let Some(ticket) = NewSessionTicket::parse(input) {
        let again = ticket.write();
        assert_eq!(NewSessionTicket::parse(&again), Some(ticket), "what was written is read");
        assert!(!ticket.ticket.is_empty() && again.len() <= input.len());
    }
}

fn acknowledgments(input: &[u8]) {
    if let Some(numbers) = acknowledgments::parse(input) {
        assert_eq!(2 + 16 * numbers.count(), input.len());
    }
}

/// The contents of records, one fragment behind the other.
fn messages(input: &[u8]) {
    let mut incoming = Incoming::new(0);
    let (mut rest, mut kept) = (input, 0);
    while let Some((fragment, behind)) = HandshakeFragment::split(rest) {
        let epoch = u64::from(fragment.sequence & 1) + 1;
        if incoming.put(epoch, &fragment) == Place::Kept {
            kept += fragment.body.len();
        }
        while let Some(message) = incoming.next() {
            assert!(message.body.len() <= kept, "every byte of a message has come");
        }
        rest = behind;
    }
}

/// A suite and the length of a connection ID, and what is sealed or forged.
fn ciphertexts(input: &[u8]) {
    let Some((&choice, content)) = input.split_first() else { return };
    let suites = Suite::all_of_dtls13();
    let Some(&suite) = suites.get(usize::from(choice) % suites.len()) else { return };
    let Some(algorithm) = algorithm(suite) else { return };
    let secret = hash(suite).of(b"a secret");
    let mut opener = Opener::new(algorithm, secret.clone(), 3);
    let mut forged = content.to_vec();
    let id = vec![7; usize::from(choice >> 3)];
    assert!(opener.open(id.len(), &mut forged).is_err(), "nobody can seal without the key");
    let mut sealer = Sealer::new(algorithm, secret, 3);
    let mut record = Vec::new();
    let kind = choice | 1;
    if sealer.seal(&id, kind, content, &mut record).is_ok() {
        let Ok(opened) = opener.open(id.len(), &mut record) else { panic!("what was sealed is not opened") };
        assert_eq!((opened.kind, record.get(opened.content)), (kind, Some(content)));
    }
}
