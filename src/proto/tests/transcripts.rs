//! What two sides send each other, and when, in every mode: on a calm network, and where one datagram is lost, doubled or late.
//!
//! The transcripts are kept in `transcripts/`, a file for each mode: those of calm networks as they are, those of the others by a digest.
//! One that differs is a change that a peer sees, in a length, a timer or an order: it is made for a reason, or it is a fault.
//! `cargo test write_transcripts -- --ignored` writes them anew.

use super::modes::{Configs, Mode};
use super::network::*;
use crate::proto::{CloseReason, Counters, Event};
use crate::tls::{DropReason, Version, Versions};
use crate::wire::Records;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What becomes of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Doubled,
    /// The one behind it comes first.
    Late,
}

/// One mode in one version.
struct Scene {
    name: String,
    configs: Configs,
    /// Signatures with ECDSA are of many lengths, and so is what they are in.
    has_lengths: bool,
    /// The handshake resumes a session.
    resumes: bool,
}

fn scenes(mode: Mode) -> Vec<Scene> {
    const OLDER: Versions = Versions { oldest: Version::Dtls12, newest: Version::Dtls12 };
    const NEWER: Versions = Versions { oldest: Version::Dtls13, newest: Version::Dtls13 };
    const BOTH: Versions = Versions { oldest: Version::Dtls12, newest: Version::Dtls13 };
    let mut scenes = Vec::new();
    for (name, server, client) in [
        ("DTLS 1.2", OLDER, OLDER),
        ("DTLS 1.3", NEWER, NEWER),
        ("both versions with DTLS 1.2", OLDER, BOTH),
        ("both versions with DTLS 1.3", NEWER, BOTH),
        ("both versions on both sides", BOTH, BOTH),
    ] {
        let is_of_mode = [server, client].into_iter().all(|versions| is_of(mode, versions));
        for resumes in [false, true] {
            if is_of_mode && (!resumes || mode.resumes()) {
                let name = format!("{name}{}", if resumes { ", resumed" } else { "" });
                let configs = mode.configs_of(server, client, 400);
                scenes.push(Scene { name, configs, has_lengths: !signs(mode), resumes });
            }
        }
    }
    scenes
}

fn is_of(mode: Mode, versions: Versions) -> bool {
    match mode {
        // Where several signatures are in one flight, their lengths decide how many fragments there are.
        Mode::Imported | Mode::Mutual | Mode::RawPublicKeys => false,
        Mode::Dtls13 | Mode::Dtls13Mutual => versions.oldest == Version::Dtls13,
        Mode::PskWithCbc | Mode::EcdhePsk => versions.newest == Version::Dtls12,
        Mode::Psk | Mode::Certificate | Mode::Routability => true,
        _ => versions.oldest == versions.newest,
    }
}

fn signs(mode: Mode) -> bool {
    matches!(mode, Mode::Certificate | Mode::Dtls13Mutual)
}

/// One connection from its first datagram to its end.
struct Play<'a> {
    scene: &'a Scene,
    network: Network,
    began: Instant,
    /// What becomes of the datagram with this number, from 0.
    fate: Option<(usize, Fate)>,
    taken: usize,
    lines: Vec<String>,
    /// Datagrams that are in the lines.
    noted: usize,
    /// What the two sides knew last.
    known: [String; 2],
}

impl<'a> Play<'a> {
    fn new(scene: &'a Scene, fate: Option<(usize, Fate)>) -> Play<'a> {
        let mut network = scene.configs.network();
        let session = scene.resumes.then(|| {
            let client = scene.configs.connect(&mut network, None);
            network.settle();
            let handle = network.client_handle(client);
            let session = network.clients[client].endpoint.session(handle).unwrap().to_vec();
            let now = network.now;
            network.clients[client].endpoint.close(now, handle);
            network.run_for(Duration::from_secs(300));
            session
        });
        network.clients.clear();
        network.wire.clear();
        network.server.log.clear();
        let began = network.now;
        scene.configs.connect(&mut network, session.as_deref());
        let known = Default::default();
        Play { scene, network, began, fate, taken: 0, lines: Vec::new(), noted: 0, known }
    }

    /// Until this time after the beginning.
    fn run_to(&mut self, after: Duration) {
        let end = self.began + after;
        loop {
            self.note();
            while self.network.in_flight_to(SERVER) + self.network.in_flight_to(self.network.clients[0].address) > 0 {
                self.pass();
                self.note();
            }
            let endpoints = [&self.network.clients[0].endpoint, &self.network.server.endpoint];
            let due = endpoints.into_iter().filter_map(|endpoint| endpoint.poll_timeout()).min();
            let until = due.filter(|&due| due < end).unwrap_or(end);
            self.network.run_for(until.saturating_duration_since(self.network.now));
            self.note();
            if until == end && self.network.now == end {
                return;
            }
        }
    }

    /// The next datagram that is under way meets its fate.
    fn pass(&mut self) {
        let number = self.taken;
        self.taken += 1;
        let fate = self.fate.filter(|(chosen, _)| *chosen == number).map(|(_, fate)| fate);
        let Some(fate) = fate else {
            self.network.step();
            return;
        };
        let Some((from, to, datagram)) = self.network.take_next() else { return };
        match fate {
            Fate::Lost => return,
            Fate::Doubled => self.network.inject(from, to, &datagram),
            Fate::Late => self.taken += usize::from(self.network.step()),
        }
        self.network.inject(from, to, &datagram);
    }

    /// A handshake, messages before a sleep and behind it, and the end.
    fn run(mut self) -> String {
        self.run_to(Duration::from_secs(100));
        for (at, text) in [(101, "a question"), (102, "and one more"), (120, "one after a sleep")] {
            if !self.network.clients[0].secured().is_empty() {
                self.network.send_from_client(0, text.as_bytes());
            }
            self.run_to(Duration::from_secs(at));
            if let Some(&handle) = self.network.server.secured().last() {
                let to = self.network.clients[0].address;
                self.network.send_from_server(handle, to, &text.as_bytes()[1..]);
            }
        }
        self.run_to(Duration::from_secs(121));
        let now = self.network.now;
        if let Some(&handle) = self.network.clients[0].secured().last() {
            self.network.clients[0].endpoint.close(now, handle);
            self.network.collect();
        }
        self.run_to(Duration::from_secs(400));
        for (name, peer) in [("client", &self.network.clients[0]), ("server", &self.network.server)] {
            self.lines.push(format!("    {name}:{}", story(peer)));
            if self.fate.is_none() {
                self.lines.push(format!("    {name} counts{}", self.counts(peer.endpoint.counters())));
            }
        }
        assert!(self.network.identity_questions.is_empty(), "nobody wants to be asked who it is");
        self.lines.join("\n")
    }

    /// Whatever was sent since was sent now, and whatever else a side knows it has learnt of it.
    fn note(&mut self) {
        let millis = self.network.now.saturating_duration_since(self.began).as_millis();
        let mut last = None;
        for (from, _, datagram) in &self.network.wire[self.noted..] {
            let is_client = *from != SERVER;
            if last != Some(is_client) {
                self.lines.push(format!("    {millis:>6} {}", if is_client { "client" } else { "server" }));
                last = Some(is_client);
            }
            let shown = self.datagram(is_client, datagram);
            let _ = write!(self.lines.last_mut().unwrap(), " {shown}");
        }
        self.noted = self.network.wire.len();
        if self.fate.is_none() {
            self.note_facts(millis);
        }
    }

    fn note_facts(&mut self, millis: u128) {
        let sides = [("client", &self.network.clients[0]), ("server", &self.network.server)];
        for (index, (name, peer)) in sides.into_iter().enumerate() {
            let known = facts(peer);
            if known != self.known[index] {
                self.lines.push(format!("    {millis:>6} {name} knows {known}"));
                self.known[index] = known;
            }
        }
    }

    /// What has happened at all; that of no calm network stays 0.
    fn counts(&self, counters: &Counters) -> String {
        macro_rules! counts {
            ($($name:ident)*) => {
                [$((stringify!($name), counters.$name)),*]
            };
        }
        let bytes = if self.scene.has_lengths { [counters.bytes_received, counters.bytes_sent] } else { [0; 2] };
        let counts = counts![
            messages_received messages_sent records_dropped handshakes_started handshakes_completed handshakes_failed
            sessions_resumed jobs_started handshakes_refused handshakes_displaced address_checks address_checks_failed
            datagrams_withheld address_questions_displaced connections_restored moves datagrams_forwarded
            datagrams_injected
        ];
        let text: String =
            counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!(" {name} {count}")).collect();
        format!("{text} bytes {bytes:?} ends {:?} {:?}", counters.ends, counters.errors)
    }

    /// The records of a datagram: type, epoch and length of each.
    fn datagram(&self, is_client: bool, datagram: &[u8]) -> String {
        let id_length = match (self.scene.configs.mode.has_ids(), is_client) {
            (false, _) => 0,
            (true, true) => 8,
            (true, false) => 6,
        };
        let records: Vec<_> = Records::with_ids(datagram, id_length)
            .map(|record| {
                let kind = format!("{:?}", record.content_type);
                let kind: String = kind.chars().filter(char::is_ascii_uppercase).collect();
                let length = if self.scene.has_lengths { format!(":{}", record.bytes.len()) } else { String::new() };
                format!("{kind}{}{length}", record.epoch)
            })
            .collect();
        records.join("+")
    }
}

/// What one side can say of its connection.
fn facts(peer: &Peer) -> String {
    let begun = peer.log.iter().rev().find_map(|event| match event {
        Event::Connection { connection, .. } | Event::Secure { connection, .. } => Some(*connection),
        _ => None,
    });
    let Some(handle) = begun else { return String::new() };
    let endpoint = &peer.endpoint;
    let ids = endpoint.connection_ids(handle);
    let ids = ids.map(|ids| (ids.own().len(), ids.peer().len(), ids.checks_routability()));
    let known = (
        endpoint.payload_limit(handle),
        endpoint.algorithms(handle),
        ids,
        endpoint.own_certificate(handle).is_some(),
        endpoint.finished(handle).is_some(),
        endpoint.save(handle).is_some(),
        endpoint.export_keying_material(handle, b"label", None, 16).map(|bytes| bytes.len()).ok(),
        endpoint.session(handle).is_some(),
    );
    format!("{known:?} {:?}", endpoint.tally(handle))
}

/// What one side has seen.
fn story(peer: &Peer) -> String {
    let mut text = String::new();
    for event in &peer.log {
        let _ = match event {
            Event::Connection { .. } => write!(text, " connection"),
            Event::Secure { suite, resumed, psk_identity, peer, terms, handshake_time, .. } => {
                let known = (psk_identity.is_some(), peer.is_some(), terms.issuers.len());
                let terms = (&terms.protocol, &terms.authorization, terms.srtp_profile);
                write!(text, " secure {suite:?} {resumed} {known:?} {terms:?} after {handshake_time:?}")
            }
            Event::Closed { reason, tally, .. } => {
                let reason = match reason {
                    CloseReason::Error(error) => format!("{:?}", error.kind),
                    reason => format!("{reason:?}"),
                };
                write!(text, " closed {reason} {tally:?}")
            }
            Event::Session { .. } => write!(text, " session"),
            Event::NewSession { .. } => write!(text, " new session"),
            other => write!(text, " {other:?}"),
        };
    }
    let counters: &Counters = peer.endpoint.counters();
    let drops: Vec<_> = DropReason::ALL
        .iter()
        .filter(|&&reason| counters.drops(reason) > 0)
        .map(|&reason| format!("{} {reason:?}", counters.drops(reason)))
        .collect();
    let Counters { datagrams_received, datagrams_sent, datagrams_dropped, .. } = *counters;
    let _ = write!(
        text,
        " datagrams {datagrams_received} {datagrams_sent} dropped {datagrams_dropped} {drops:?} repeated {} retries {}",
        counters.retransmissions, counters.hello_verify_requests_sent,
    );
    text
}

/// The name of a case, its transcript, and whether the network was calm.
type Transcript = (String, String, bool);

/// The transcripts of a mode, as they are now.
fn transcripts(mode: Mode) -> Vec<Transcript> {
    let mut all = Vec::new();
    for scene in &scenes(mode) {
        all.push((scene.name.clone(), Play::new(scene, None).run(), true));
        // Those of the handshake, and the first behind it.
        let count = handshake_datagrams(scene);
        for fate in [Fate::Lost, Fate::Doubled, Fate::Late] {
            for number in 0..=count {
                let play = Play::new(scene, Some((number, fate)));
                all.push((format!("{}, {number} {fate:?}", scene.name), play.run(), false));
            }
        }
    }
    all
}

/// What a file has of a transcript.
fn kept((name, text, is_calm): &Transcript) -> String {
    if *is_calm { format!("{name}\n{text}\n") } else { format!("{name} {:016x}\n", digest(text)) }
}

/// FNV-1a, which is the same everywhere and for ever.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn handshake_datagrams(scene: &Scene) -> usize {
    let mut play = Play::new(scene, None);
    play.run_to(Duration::from_secs(1));
    play.taken
}

fn file(mode: Mode) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/proto/tests/transcripts").join(format!("{mode:?}.txt"))
}

#[test]
#[ignore = "writes them anew"]
fn write_transcripts() {
    for &mode in Mode::ALL.iter().filter(|&&mode| !scenes(mode).is_empty()) {
        std::fs::write(file(mode), transcripts(mode).iter().map(kept).collect::<String>()).unwrap();
    }
}

fn check(mode: Mode) {
    let all = std::fs::read_to_string(file(mode)).unwrap();
    let mut rest = all.as_str();
    for transcript in transcripts(mode) {
        let (name, text, _) = &transcript;
        rest = rest.strip_prefix(&*kept(&transcript)).unwrap_or_else(|| {
            let known = rest.lines().take(1 + text.lines().count()).collect::<Vec<_>>().join("\n");
            panic!("{mode:?}, {name}: now\n{text}\nand before\n{known}")
        });
    }
    assert_eq!(rest, "", "{mode:?}");
}

macro_rules! modes {
    ($($name:ident: $mode:ident;)*) => {
        $(
            #[test]
            fn $name() {
                check(Mode::$mode);
            }
        )*
    };
}

modes! {
    a_pre_shared_key: Psk;
    a_pre_shared_key_with_cbc: PskWithCbc;
    a_pre_shared_key_with_a_key_exchange: EcdhePsk;
    a_certificate: Certificate;
    a_session_by_its_id: SessionId;
    a_session_by_a_ticket: Ticket;
    connection_ids: ConnectionIds;
    addresses_that_are_checked: Routability;
    dtls13: Dtls13;
    dtls13_with_two_certificates: Dtls13Mutual;
}
