//! An association with copies, from which others go on: no number of any epoch is used twice, whoever lives, and whatever each of
//! them knows. The numbers are read from what is sent.

use super::*;
use crate::tls::bound::Bound;
use crate::tls::dtls13::asleep::Asleep;
use crate::tls::dtls13::protection::Opener;
use crate::tls::dtls13::schedule::next_generation;
use crate::tls::dtls13::suite::algorithm;
use crate::tls::dtls13::{Context, Saved};
use crate::tls::ffi::hash::Digest;
use crate::tls::suites::Suite;
use std::collections::{HashMap, HashSet};

const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// Payloads that an owner's first copy leaves room for.
const FIRST: usize = 4096 - 16;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

/// Every number that has been on the wire under one key after the other.
struct Wire {
    suite: Suite,
    openers: HashMap<u64, Opener>,
    secrets: Vec<Digest>,
    /// Where the last one was found: its epoch, and which part of its numbers.
    last: (u64, u64),
    numbers: HashSet<(u64, u64)>,
}

impl Wire {
    /// `first`: the secret of epoch 3.
    fn new(suite: Suite, first: Digest) -> Wire {
        Wire { suite, openers: HashMap::new(), secrets: vec![first], last: (3, 0), numbers: HashSet::new() }
    }

    fn opener(&mut self, epoch: u64) -> &mut Opener {
        let index = (epoch - 3) as usize;
        while self.secrets.len() <= index {
            self.secrets.push(next_generation(self.secrets.last().unwrap()).unwrap());
        }
        let (algorithm, secret) = (algorithm(self.suite).unwrap(), self.secrets[index].clone());
        self.openers.entry(epoch).or_insert_with(|| Opener::new(algorithm, secret, epoch))
    }

    /// Finds which number each record has, of those whose end it shows.
    fn note(&mut self, datagrams: &[Vec<u8>]) {
        for record in datagrams.iter().flat_map(|datagram| Records::new(datagram)) {
            let places = (3..40).flat_map(|epoch| (0..16).map(move |part| (epoch, part)));
            let is_possible = |(epoch, _): &(u64, u64)| epoch & 3 == u64::from(record.epoch);
            let number = [self.last].into_iter().chain(places).filter(is_possible).find_map(|(epoch, part)| {
                let opener = self.opener(epoch);
                opener.forget(part << 15);
                opener.open(0, &mut record.bytes.to_vec()).ok().map(|opened| opened.number)
            });
            let number = number.expect("a record of this association");
            self.last = (number.epoch, number.number >> 15);
            assert!(self.numbers.insert((number.epoch, number.number)), "{number:?} twice");
        }
    }
}

/// A server's side, and its peer as it was when this owner began.
struct Owner {
    server: Association,
    peer: Association,
}

impl Owner {
    fn new(config: &ServerConfig, copy: &[u8], client: &ClientOf, peer: &[u8]) -> Owner {
        let ClientOf::Dtls13(client) = client else { panic!() };
        let server = Association::arrive(config.dtls13().unwrap(), &Saved::read(copy).unwrap()).unwrap();
        Owner { server, peer: Association::arrive_client(client, &Saved::read(peer).unwrap()).unwrap() }
    }

    /// Sends so many payloads, or as many as there are numbers for: how many its peer has understood.
    fn send(&mut self, now: Instant, wire: &mut Wire, count: usize) -> usize {
        let mut out = Outbox::default();
        for _ in 0..count {
            if self.server.lacks_numbers() {
                break;
            }
            self.server.write(now, b"the same each time", &mut out).unwrap();
        }
        let sent = datagrams(&out);
        wire.note(&sent);
        let (reactions, _) = deliver(&mut self.peer, now, &sent);
        let is_data = |reaction: &&Result<Reaction, Error>| matches!(reaction, Ok(Reaction::Record(Inbound::Data(_))));
        reactions.iter().filter(is_data).count()
    }

    /// Does what is due, and hears what its peer says to that.
    fn pass_time(&mut self, now: Instant, wire: &mut Wire) {
        if self.server.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let mut out = Outbox::default();
        self.server.handle_timeout(now, &mut out).unwrap();
        self.server.take_copy_due();
        let mut sent = datagrams(&out);
        while !sent.is_empty() {
            wire.note(&sent);
            let (_, answers) = deliver(&mut self.peer, now, &sent);
            (_, sent) = deliver(&mut self.server, now, &answers);
        }
    }

    fn reserve(&mut self) -> Option<(Vec<u8>, Bound)> {
        let saved = self.server.reserve()?;
        Some((written(&saved), saved.bound().unwrap()))
    }
}

fn written(saved: &Saved) -> Vec<u8> {
    let mut bytes = Vec::new();
    saved.write_to(&mut bytes);
    bytes
}

/// What a store has.
struct Store {
    copy: Vec<u8>,
    owner: usize,
}

impl Store {
    /// The next owner, and what is stored of it in the same moment.
    fn take_over(&mut self, owner: usize) -> Option<Vec<u8>> {
        self.copy = written(&Saved::read(&self.copy).unwrap().succeed().ok()?);
        self.owner = owner;
        Some(self.copy.clone())
    }
}

/// A client and the owners of its server's side, from one to the next.
struct Fleet {
    now: Instant,
    config: ServerConfig,
    client: ClientConfig,
    wire: Wire,
    store: Store,
    owners: Vec<Owner>,
}

impl Fleet {
    fn new(cipher: &str) -> Fleet {
        let Pair { now, client, mut server } = Pair::open(cipher);
        let settings = settings(Some(&[cipher]));
        let secret = server.leave().unwrap().link.own.secret;
        let psk = ClientPsk::new(b"device", KEY).unwrap();
        let copy = server.reserve().unwrap();
        server.confirm(copy.bound().unwrap());
        let suite = copy.suite();
        Fleet {
            now,
            config: ServerConfig::new(&settings, None, true, None).unwrap(),
            client: ClientConfig::new(&settings, Some(psk), None, None).unwrap(),
            wire: Wire::new(suite, secret),
            store: Store { copy: written(&copy), owner: 0 },
            owners: vec![Owner { server, peer: client }],
        }
    }

    /// The peer, as the newest owner that it can go on with knows it.
    fn peer(&self) -> Vec<u8> {
        written(&self.owners.iter().rev().find_map(|owner| owner.peer.leave()).unwrap())
    }

    /// Another one takes over, with this peer; `None` when there have been too many.
    fn take_over(&mut self, peer: &[u8]) -> Option<&mut Owner> {
        let copy = self.store.take_over(self.owners.len())?;
        self.owners.push(Owner::new(&self.config, &copy, self.client.engine(), peer));
        self.owners.last_mut()
    }

    /// An owner writes a copy. The store takes it of the one who owns the connection. `is_told`: whether that one hears so.
    fn write(&mut self, owner: usize, is_told: bool) {
        let Some((copy, bound)) = self.owners[owner].reserve() else { return };
        if self.store.owner == owner {
            self.store.copy = copy;
            if is_told {
                self.owners[owner].server.confirm(bound);
            }
        }
    }
}

#[test]
fn a_thousand_take_overs_beside_owners_that_live_on_use_no_number_twice() {
    for seed in 0..10 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 + seed);
        let mut fleet = Fleet::new(CIPHER);
        for _ in 0..100 {
            for _ in 0..5 {
                // The newest one half of the time, and otherwise any that has ever been one.
                let last = fleet.owners.len() - 1;
                let index = if dice.roll(2) == 0 { last } else { dice.roll(last + 1) };
                match dice.roll(4) {
                    0 => fleet.write(index, dice.roll(4) > 0),
                    1 => fleet.owners[index].pass_time(fleet.now, &mut fleet.wire),
                    _ => {
                        let count = [1, 10, 100][dice.roll(3)];
                        fleet.owners[index].send(fleet.now, &mut fleet.wire, count);
                    }
                }
            }
            let peer = fleet.peer();
            fleet.take_over(&peer).unwrap();
            let owner = fleet.owners.last_mut().unwrap();
            assert_eq!(owner.send(fleet.now, &mut fleet.wire, 1), 1, "who takes over is understood");
        }
        assert!(fleet.wire.numbers.len() > 1000, "{}", fleet.wire.numbers.len());
    }
}

#[test]
fn a_connection_goes_on_without_its_store_and_is_taken_over_no_more_often_than_there_are_shares() {
    let mut fleet = Fleet::new(CIPHER);
    let mut taken = 0;
    let mut peer = fleet.peer();
    while fleet.take_over(&peer).is_some() {
        taken += 1;
        let owner = fleet.owners.last_mut().unwrap();
        assert_eq!(owner.send(fleet.now, &mut fleet.wire, 1), 1);
        peer = written(&owner.peer.leave().unwrap());
        // It has lost the store, but not the peer. The next one has never heard of that.
        for _ in 0..if taken % 16 == 0 { 10 } else { 0 } {
            assert_eq!(owner.send(fleet.now, &mut fleet.wire, 96), 96);
            owner.pass_time(fleet.now, &mut fleet.wire);
        }
        assert_eq!(owner.server.bound().unwrap().epoch > 6, taken % 16 == 0);
    }
    assert_eq!(taken, 127);
}

#[test]
fn payloads_wait_for_numbers_and_go_on_with_those_of_the_next_copy() {
    for cipher in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let mut fleet = Fleet::new(cipher);
        let (now, owner) = (fleet.now, 0);
        assert_eq!(fleet.owners[owner].send(now, &mut fleet.wire, FIRST / 2), FIRST / 2);
        assert!(!fleet.owners[owner].server.take_copy_due());
        assert_eq!(fleet.owners[owner].send(now, &mut fleet.wire, FIRST), FIRST / 2);
        assert!(fleet.owners[owner].server.lacks_numbers());
        assert!(fleet.owners[owner].server.take_copy_due() && !fleet.owners[owner].server.take_copy_due());
        // A copy that the store has not confirmed gives nothing.
        fleet.write(owner, false);
        assert_eq!(fleet.owners[owner].send(now, &mut fleet.wire, 1), 0);
        fleet.write(owner, true);
        assert_eq!(fleet.owners[owner].send(now, &mut fleet.wire, 8000), 8000, "{cipher}");
        assert!(
            fleet.owners[owner].server.take_copy_due(),
            "the one that was confirmed does not stand in the way of the next"
        );
        // The copy of an owner that is none any more is not taken.
        let peer = fleet.peer();
        fleet.take_over(&peer).unwrap();
        fleet.write(owner, true);
        assert!(fleet.owners[owner].send(now, &mut fleet.wire, 8000) < 200);
    }
}

#[test]
fn what_is_no_payload_has_numbers_left_and_is_as_if_lost_when_these_are_used_up() {
    let mut fleet = Fleet::new(CIPHER);
    let now = fleet.now;
    fleet.owners[0].send(now, &mut fleet.wire, FIRST);
    let owner = &mut fleet.owners[0];
    // Its peer asks it to update its keys again and again, and hears nothing of it.
    let mut answers = 0;
    for sequence in 3..43 {
        let mut out = Outbox::default();
        owner.peer.say(kind::HANDSHAKE, &message(24, sequence, &[1]), &mut out);
        owner.peer.link().update_sealer(now).unwrap();
        let (reactions, answer) = deliver(&mut owner.server, now, &datagrams(&out));
        assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Consumed))), "{reactions:?}");
        fleet.wire.note(&answer);
        answers += answer.len();
    }
    assert_eq!(answers, 16);
    // One was used before the first copy.
    assert_eq!(owner.server.bound().unwrap().number, FIRST as u64 + 16 + 1);
}

#[test]
fn what_goes_along_is_what_its_owner_may_use_and_goes_on_as_the_same_owner() {
    let mut fleet = Fleet::new(CIPHER);
    let peer = fleet.peer();
    fleet.take_over(&peer).unwrap();
    let now = fleet.now;
    fleet.owners[1].send(now, &mut fleet.wire, 100);
    let bound = fleet.owners[1].server.bound();
    let left = written(&fleet.owners[1].server.leave().unwrap());
    let Owner { peer, .. } = fleet.owners.pop().unwrap();
    let server = Association::arrive(fleet.config.dtls13().unwrap(), &Saved::read(&left).unwrap()).unwrap();
    assert_eq!(server.bound(), bound);
    fleet.owners.push(Owner { server, peer });
    assert_eq!(fleet.owners[1].send(now, &mut fleet.wire, 1000), 512 - 100 - 16);
    fleet.write(1, true);
    assert!(fleet.owners[1].send(now, &mut fleet.wire, 1000) > 900);
    assert!(fleet.owners[1].server.leave().unwrap().succeed().is_ok());
}

#[test]
fn a_key_update_under_way_is_made_again_by_whoever_takes_over() {
    for has_arrived in [false, true] {
        let mut fleet = Fleet::new(CIPHER);
        let now = fleet.now;
        // The first owner comes to the end of its numbers, and the store does not answer.
        assert_eq!(fleet.owners[0].send(now, &mut fleet.wire, FIRST - 100), FIRST - 100);
        let mut out = Outbox::default();
        fleet.owners[0].server.handle_timeout(now, &mut out).unwrap();
        let update = datagrams(&out);
        fleet.wire.note(&update);
        if has_arrived {
            deliver(&mut fleet.owners[0].peer, now, &update);
        }
        fleet.write(0, false);
        let peer = written(&fleet.owners[0].peer.leave().unwrap());
        fleet.take_over(&peer).unwrap();
        // With the peer itself, which still has the keys before.
        let [first, second] = &mut fleet.owners[..] else { panic!() };
        std::mem::swap(&mut first.peer, &mut second.peer);
        for epoch in 4..8 {
            let owner = &mut fleet.owners[1];
            assert_eq!(owner.send(now, &mut fleet.wire, 96), 96, "{has_arrived}");
            owner.pass_time(now, &mut fleet.wire);
            assert_eq!(owner.server.bound().unwrap().epoch, epoch, "{has_arrived}");
        }
        // The first one lives.
        for _ in 0..4 {
            fleet.owners[0].send(now, &mut fleet.wire, 200);
            fleet.owners[0].pass_time(now, &mut fleet.wire);
        }
    }
}

#[test]
fn what_is_reserved_is_kept_in_sleep_and_a_copy_does_not_wake() {
    let mut fleet = Fleet::new(CIPHER);
    let now = fleet.now;
    fleet.owners[0].send(now, &mut fleet.wire, 2000);
    let Owner { server, peer } = fleet.owners.pop().unwrap();
    let bound = server.bound().unwrap();
    let mut context = Context::new(server);
    context.hibernate();
    assert!(context.is_asleep() && !context.lacks_numbers());
    assert_eq!(context.ask(Association::bound), Some(bound));
    let saved = context.disturb(Association::reserve).unwrap();
    context.disturb(|association| association.confirm(saved.bound().unwrap()));
    // There are numbers enough.
    assert_eq!((context.is_asleep(), saved.bound()), (true, Some(bound)));
    assert_eq!(context.ask(Association::bound), saved.bound());
    let Context::Asleep(asleep) = context else { panic!() };
    let mut owner = Owner { server: asleep.wake(), peer };
    assert_eq!(owner.send(now, &mut fleet.wire, 2 * FIRST), FIRST - 2000);
    // With a copy that is due, it gives nothing back but the memory of its keys.
    let mut context = Context::new(owner.server);
    context.hibernate();
    assert!(context.lacks_numbers() && context.take_copy_due() && matches!(context, Context::Awake(_)));
}

#[test]
fn an_owner_that_has_slept_is_the_same_owner() {
    let mut fleet = Fleet::new(CIPHER);
    let peer = fleet.peer();
    for _ in 0..4 {
        let server = &mut fleet.owners.last_mut().unwrap().server;
        let reserved = server.leave().unwrap().link.reserved;
        assert!(reserved.is_some());
        *server = Asleep::of(server).unwrap().wake();
        assert_eq!(server.leave().unwrap().link.reserved, reserved);
        fleet.take_over(&peer).unwrap();
    }
}
