//! Tickets without sense from a server, and keys without sense from a client that has manners otherwise.

use super::*;
use crate::tls::dtls13::asleep::Asleep;
use crate::tls::dtls13::retry::Retry;
use crate::tls::dtls13::schedule::{Origin, binder};
use crate::tls::dtls13::session_key::key_of;
use crate::tls::ffi::hash::Hash;
use crate::tls::session::{Session, SessionOf};
use crate::tls::session_policy::{NewSession, SessionsById};
use crate::tls::tickets::TicketKeys;
use crate::wire::handshake::NEW_SESSION_TICKET;
use crate::wire::hello13::{Offer, extension};
use crate::wire::{NewSessionTicket, extensions_of_body, u24, vector};

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

fn policy() -> SessionPolicy {
    SessionPolicy {
        tickets: Some(Arc::new(TicketKeys::parse(&[7; 48]).unwrap())),
        by_id: SessionsById::Nowhere,
        remembers_psk: true,
        lifetime: 300,
        started: 1_800_000_000,
    }
}

fn clock(now: Instant) -> WallClock {
    WallClock::new(now, Duration::from_secs(1_800_000_000))
}

/// A pair whose handshake is over, and what the server has given to the client.
fn remembered() -> (Pair, Vec<u8>) {
    remembered_by(&policy())
}

fn remembered_by(policy: &SessionPolicy) -> (Pair, Vec<u8>) {
    let (pair, session) = finished_under(policy);
    (pair, session.unwrap())
}

/// The same, where the server may give nothing.
fn finished_under(policy: &SessionPolicy) -> (Pair, Option<Vec<u8>>) {
    let now = base_time();
    let (mut pair, hello) = Pair::met(now, Some(&[CIPHER]), policy, Some((clock(now), None)));
    deliver(&mut pair.server, now, &hello);
    let mut out = Outbox::default();
    assert!(pair.server.handle_answer(now, Answer::Psk(Some(KEY)), &mut out).is_ok());
    let (_, finished) = deliver(&mut pair.client, now, &datagrams(&out));
    let (reactions, answers) = deliver(&mut pair.server, now, &finished);
    assert!(is_done(&reactions[0]), "{reactions:?}");
    let (mut reactions, acknowledgment) = deliver(&mut pair.client, now, &answers);
    let session = session(reactions.pop().unwrap());
    deliver(&mut pair.server, now, &acknowledgment);
    assert_eq!((pair.client.deadline(), pair.server.deadline()), (None, None));
    (pair, session)
}

fn session(reaction: Result<Reaction, Error>) -> Option<Vec<u8>> {
    match reaction {
        Ok(Reaction::Record(Inbound::Session(session))) => {
            let NewSession { bytes, .. } = *session;
            Some(bytes.to_vec())
        }
        Ok(Reaction::Record(Inbound::Consumed)) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_has_slept_knows_the_id_of_the_session_that_it_keeps() {
    let kept = SessionPolicy { tickets: None, by_id: SessionsById::Stored, ..policy() };
    let (pair, session) = remembered_by(&kept);
    let id = pair.server.session_id().unwrap();
    let ticket = Session::from_bytes(&session, SessionOf::Client).unwrap().ticket;
    assert_eq!((id.as_bytes(), id.as_bytes().len()), (&ticket[..], 32));
    assert_eq!(Asleep::of(&pair.server).unwrap().wake().session_id(), Some(id));
    assert!(remembered().0.server.session_id().is_none_or(|id| id.as_bytes().is_empty()));
}

#[test]
fn a_client_is_given_no_session_that_would_be_over_at_once() {
    for lifetime in [0, 1, 2] {
        let (mut pair, session) = finished_under(&SessionPolicy { lifetime, ..policy() });
        let session = session.map(|bytes| Session::from_bytes(&bytes, SessionOf::Client).unwrap().lifetime);
        assert_eq!(session, (lifetime > 0).then_some(lifetime));
        pair.talk();
    }
}

// --- a server --------------------------------------------------------------------------------------------------------

/// What a client makes of these messages of its server, in one record. The first ticket had the number 4.
fn takes(bodies: &[Vec<u8>]) -> (Result<Reaction, Error>, Pair) {
    let (mut pair, _) = remembered();
    std::mem::swap(&mut pair.client, &mut pair.server);
    let messages = bodies.iter().zip(5..).map(|(body, sequence)| message(NEW_SESSION_TICKET, sequence, body));
    let (reaction, answers) = pair.client_says(kind::HANDSHAKE, &messages.collect::<Vec<_>>().concat());
    assert_eq!(answers.len(), 1, "an acknowledgment, or an alert");
    (reaction, pair)
}

fn body(lifetime: u32, nonce: &[u8], ticket: &[u8]) -> Vec<u8> {
    NewSessionTicket { lifetime, age_add: 9, nonce, ticket }.write()
}

#[test]
fn a_client_takes_each_ticket_that_it_can_use_and_no_other() {
    let with_extensions = |extensions: &[u8]| {
        let mut body = body(300, &[1], b"ticket");
        body.truncate(body.len() - 2);
        vector(&mut body, 2, |body| body.extend(extensions));
        body
    };
    for (name, body, is_taken) in [
        ("an ordinary one", body(300, &[1], b"ticket"), true),
        ("one without a nonce", body(300, &[], b"ticket"), true),
        ("the longest nonce", body(300, &[1; 255], b"ticket"), true),
        ("a lifetime of centuries", body(u32::MAX, &[1], b"ticket"), true),
        ("one that is over at once", body(0, &[1], b"ticket"), false),
        ("the longest that can be offered", body(300, &[1], &[7; 4096]), true),
        ("one too long to be offered", body(300, &[1], &[7; 4097]), false),
        ("one that fills a message", body(300, &[1], &[7; 16_000]), false),
        ("early data and what nobody knows", with_extensions(&[0, 42, 0, 4, 0, 0, 0, 9, 0xfa, 0xfa, 0, 1, 7]), true),
    ] {
        let (reaction, mut pair) = takes(&[body]);
        let taken = session(reaction).map(|bytes| Session::from_bytes(&bytes, SessionOf::Client).unwrap());
        assert_eq!(taken.is_some(), is_taken, "{name}");
        assert!(taken.is_none_or(|session| session.lifetime <= 7 * 86_400));
        pair.talk();
    }
}

#[test]
fn of_several_tickets_in_one_record_the_newest_counts() {
    let (reaction, _) = takes(&[body(300, &[1], b"one"), body(300, &[2], b"two"), body(0, &[3], b"three")]);
    let session = Session::from_bytes(&session(reaction).unwrap(), SessionOf::Client).unwrap();
    assert_eq!(session.ticket, b"two");
}

#[test]
fn no_two_tickets_have_one_key() {
    let key = |nonce: &[u8]| {
        let (reaction, _) = takes(&[body(300, nonce, b"ticket")]);
        key_of(&Session::from_bytes(&session(reaction).unwrap(), SessionOf::Client).unwrap()).to_vec()
    };
    assert_ne!(key(&[1]), key(&[2]));
}

// CVE-2026-94200
#[test]
fn a_ticket_that_is_malformed_ends_the_connection() {
    let whole = body(300, &[1], b"ticket");
    let twice = [&whole[..whole.len() - 2], &[0, 8, 0, 42, 0, 0, 0, 42, 0, 0]].concat();
    for malformed in
        [vec![], whole[..whole.len() - 1].to_vec(), [&whole[..], &[0]].concat(), body(300, &[1], &[]), twice]
    {
        let (reaction, _) = takes(std::slice::from_ref(&malformed));
        assert_eq!(alert_of(&reaction.unwrap_err()), Some(50), "{malformed:?}");
    }
}

#[test]
fn a_client_that_remembers_nothing_takes_tickets_without_a_word() {
    let mut pair = Pair::open(CIPHER);
    std::mem::swap(&mut pair.client, &mut pair.server);
    let (reaction, answers) =
        pair.client_says(kind::HANDSHAKE, &message(NEW_SESSION_TICKET, 4, &body(300, &[1], b"ticket")));
    assert_eq!((session(reaction), answers.len()), (None, 1));
    pair.talk();
}

// --- a client --------------------------------------------------------------------------------------------------------

type Extensions = Vec<(u16, Vec<u8>)>;

/// A server that waits for a second hello, that hello, and the session in it.
fn returning() -> (Pair, Vec<u8>, Session) {
    let (_, session) = remembered();
    let now = base_time();
    let (pair, mut hello) = Pair::met(now, Some(&[CIPHER]), &policy(), Some((clock(now), Some(&session))));
    (pair, hello.remove(0), Session::from_bytes(&session, SessionOf::Client).unwrap())
}

/// The same hello with other extensions. `key`: proves the first of its keys, at the length of SHA-256.
fn rewritten(datagram: &[u8], change: impl FnOnce(&mut Extensions), key: Option<(Origin, &[u8])>) -> Vec<u8> {
    let record = Records::new(datagram).next().unwrap();
    let mut body = record.fragment()[12..].to_vec();
    let list = extensions_of_body(&body).unwrap().to_vec();
    let cookie = Offer::parse(&list).unwrap().cookie.unwrap().to_vec();
    let (mut extensions, mut rest) = (Extensions::new(), &list[..]);
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        extensions.push((u16::from_be_bytes([rest[0], rest[1]]), rest[4..4 + length].to_vec()));
        rest = &rest[4 + length..];
    }
    change(&mut extensions);
    body.truncate(body.len() - list.len() - 2);
    vector(&mut body, 2, |body| {
        for (id, content) in &extensions {
            body.extend(id.to_be_bytes());
            vector(body, 2, |body| body.extend(content));
        }
    });
    if let Some((origin, key)) = key {
        let keys = &extensions.last().unwrap().1;
        let uncovered = keys.len() - 2 - usize::from(u16::from_be_bytes([keys[0], keys[1]]));
        let transcript = Retry::read(&cookie).unwrap().transcript(&cookie).hash_for_binder(&body, uncovered);
        let at = body.len() - uncovered + 3;
        body[at..at + 32].copy_from_slice(&binder(origin, key, &transcript).unwrap());
    }
    let mut written = datagram[..13].to_vec();
    written.extend([&[1][..], &u24(body.len()), &[0, 1, 0, 0, 0], &u24(body.len()), &body].concat());
    let length = (written.len() - 13) as u16;
    written[11..13].copy_from_slice(&length.to_be_bytes());
    written
}

/// The content of pre_shared_key.
fn keys(keys: &[(&[u8], u32)], proof: usize) -> Vec<u8> {
    let mut content = Vec::new();
    vector(&mut content, 2, |content| {
        for (identity, age) in keys {
            vector(content, 2, |content| content.extend(*identity));
            content.extend(age.to_be_bytes());
        }
    });
    vector(&mut content, 2, |content| {
        keys.iter().for_each(|_| vector(content, 1, |content| content.resize(content.len() + proof, 0)))
    });
    content
}

fn only_keys(content: Vec<u8>) -> impl FnOnce(&mut Extensions) {
    |extensions| extensions.last_mut().unwrap().1 = content
}

/// What a server makes of the hello: whether it has answered with a flight, or asks for a key, or its alert.
fn answer(pair: &mut Pair, hello: Vec<u8>) -> Result<bool, Option<u8>> {
    let (mut reactions, flight) = deliver(&mut pair.server, pair.now, &[hello]);
    match reactions.remove(0) {
        Ok(Reaction::Handshake(Progress::Waiting)) => {
            assert!(!flight.is_empty());
            Ok(true)
        }
        Ok(Reaction::Handshake(Progress::Asks(Question::Psk(_)))) => Ok(false),
        Err(error) => Err(alert_of(&error)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_resumed_by_whoever_has_its_key_and_by_nobody_else() {
    let (mut pair, hello, session) = returning();
    let same = rewritten(&hello, |_| {}, Some((Origin::Session, key_of(&session))));
    assert_eq!(answer(&mut pair, same), Ok(true));
    for (origin, key) in [
        // Another one, none, and the right one as if it came from the application.
        (Origin::Session, &[7; 32][..]),
        (Origin::Session, &[]),
        (Origin::External, key_of(&session)),
        (Origin::External, KEY),
    ] {
        let (mut pair, hello, _) = returning();
        assert_eq!(answer(&mut pair, rewritten(&hello, |_| {}, Some((origin, key)))), Err(Some(51)));
    }
}

#[test]
fn a_hello_that_was_changed_on_its_way_proves_nothing() {
    let (mut pair, hello, _) = returning();
    let changed = rewritten(&hello, |extensions| extensions.insert(0, (0xfafa, vec![])), None);
    assert_eq!(answer(&mut pair, changed), Err(Some(51)));
}

#[test]
fn keys_that_are_not_last_or_without_what_belongs_to_them_are_refused() {
    let without = |id: u16| move |extensions: &mut Extensions| extensions.retain(|(other, _)| *other != id);
    let (mut pair, hello, _) = returning();
    let first = |extensions: &mut Extensions| {
        let keys = extensions.pop().unwrap();
        extensions.insert(0, keys);
    };
    assert_eq!(answer(&mut pair, rewritten(&hello, first, None)), Err(Some(47)));
    for missing in [extension::PSK_KEY_EXCHANGE_MODES, extension::KEY_SHARE, extension::SUPPORTED_GROUPS] {
        let (mut pair, hello, _) = returning();
        assert_eq!(answer(&mut pair, rewritten(&hello, without(missing), None)), Err(Some(109)), "{missing}");
    }
    for modes in [&[0][..], &[2, 1], &[]] {
        let (mut pair, hello, _) = returning();
        let change = |extensions: &mut Extensions| {
            let found = extensions.iter_mut().find(|(id, _)| *id == extension::PSK_KEY_EXCHANGE_MODES);
            found.unwrap().1 = modes.to_vec();
        };
        assert_eq!(answer(&mut pair, rewritten(&hello, change, None)), Err(Some(50)));
    }
}

#[test]
fn a_client_that_wants_no_key_exchange_resumes_nothing_and_gets_no_ticket() {
    let (mut pair, hello, session) = returning();
    let change = |extensions: &mut Extensions| {
        extensions.iter_mut().find(|(id, _)| *id == extension::PSK_KEY_EXCHANGE_MODES).unwrap().1 = vec![1, 0];
    };
    // Neither is its other key of any use, and there are no certificates.
    let hello = rewritten(&hello, change, Some((Origin::Session, key_of(&session))));
    assert_eq!(answer(&mut pair, hello), Err(Some(40)));
}

#[test]
fn proofs_of_another_length_belong_to_another_hash() {
    for (length, expected) in [(31, Err(Some(50))), (48, Err(Some(40))), (255, Err(Some(40)))] {
        let (mut pair, hello, session) = returning();
        let content = keys(&[(&session.ticket, 9)], length);
        assert_eq!(answer(&mut pair, rewritten(&hello, only_keys(content), None)), expected, "{length}");
    }
}

#[test]
fn of_a_hundred_keys_the_first_few_are_looked_at() {
    let place = |at: usize| {
        let (mut pair, hello, session) = returning();
        let junk = [7; 60];
        let mut offered = vec![(&junk[..], 5); 100];
        offered[at] = (&session.ticket, session.age_add);
        let hello = rewritten(&hello, only_keys(keys(&offered, 32)), Some((Origin::Session, key_of(&session))));
        (answer(&mut pair, hello), pair)
    };
    // Only the first proof was written: at any other place, the session is found, and its proof is wrong.
    assert_eq!(place(0).0, Ok(true));
    assert_eq!(place(3).0, Err(Some(51)));
    let (answered, mut pair) = place(4);
    assert_eq!(answered, Ok(false));
    // The application is asked about a few of them, and no more.
    let mut questions = 1;
    let refused = loop {
        match pair.server.handle_answer(pair.now, Answer::Psk(None), &mut Outbox::default()) {
            Ok(Progress::Asks(Question::Psk(_))) => questions += 1,
            other => break other,
        }
    };
    assert!(refused.is_err() && questions == 4, "{refused:?} {questions}");
}

#[test]
fn a_server_that_chooses_a_key_which_was_not_offered_ends_the_clients_handshake() {
    for (index, alert) in [(0, None), (1, None), (2, Some(47)), (0xff, Some(47))] {
        let (mut pair, hello, _) = returning();
        let (_, flight) = deliver(&mut pair.server, pair.now, &[hello]);
        let mut hello = Records::new(&flight[0]).next().unwrap().bytes.to_vec();
        // pre_shared_key is its last extension.
        *hello.last_mut().unwrap() = index;
        let (mut reactions, _) = deliver(&mut pair.client, pair.now, &[hello]);
        assert_eq!(reactions.remove(0).err().and_then(|error| alert_of(&error)), alert, "{index}");
    }
}

#[test]
fn a_hello_proves_each_of_its_keys() {
    let (_, hello, session) = returning();
    let record = Records::new(&hello).next().unwrap();
    let list = extensions_of_body(&record.fragment()[12..]).unwrap().to_vec();
    let offer = Offer::parse(&list).unwrap();
    let psk = offer.psk.unwrap();
    // The session first, and behind it the key of the application, which has no age.
    let keys: Vec<_> = psk.keys.iter().collect();
    assert_eq!((keys.len(), keys[0].identity, keys[1].identity), (2, &*session.ticket, &b"device"[..]));
    assert_eq!(keys[1].obfuscated_age, 0);
    assert!(keys[0].obfuscated_age.wrapping_sub(session.age_add) < 2000);
    let transcript = Retry::read(offer.cookie.unwrap()).unwrap().transcript(offer.cookie.unwrap());
    let transcript = transcript.hash_for_binder(&record.fragment()[12..], psk.uncovered);
    for (key, origin, secret) in [(keys[0], Origin::Session, key_of(&session)), (keys[1], Origin::External, KEY)] {
        assert_eq!(key.proof, &binder(origin, secret, &transcript).unwrap()[..]);
    }
    assert_eq!(transcript.hash(), Hash::Sha256);
}
