//! An hour as the attacker, shortened: random mutations of real traffic at random moments, with what must hold whatever
//! happens. `npm run fuzz` runs it for longer; a failure names the seed that repeats it.

use super::certificates::{ca_signed_server, ca_signed_server_with, verifying_client_with};
use super::mutations::{Dice, mutate};
use super::network::*;
use super::stories::{check_ends, check_stories};
use crate::proto::{
    AddressValidation, Event, HandshakeQuestion, KnownSession, NamePattern, Question, SessionSettings, WallClock,
};
use crate::tls::{ClientConfig, ClientPsk, ServerConfig, Settings, Version, Versions, Wishes};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds, from the environment.
const BUDGET: &str = "FUZZ_SECONDS";
/// The only seed to run, from the environment.
const SEED: &str = "FUZZ_SEED";

const DEFAULT_BUDGET: u64 = 2;
const STEPS: usize = 400;
const CLIENTS_LIMIT: usize = 12;

/// What a run was about: a fuzzer that nothing comes through to tests nothing.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    handshakes: u64,
    /// Of hellos in fragments.
    fragmented: u64,
    /// Questions that hellos have raised.
    answers: u64,
    messages: u64,
    records_dropped: u64,
    jobs: u64,
    /// Connections that have followed their IDs to another address.
    moves: u64,
    address_checks: u64,
    /// Handshakes that have resumed a session.
    resumed: u64,
}

/// A server, the clients that it will have, and what it answers names with when it is asked.
struct Scene {
    network: Network,
    client: ClientConfig,
    named: Option<Arc<ServerConfig>>,
}

impl Scene {
    /// Certificates, and names that decide which, now and then: they take ten times as long as pre-shared keys.
    fn new(seed: u64, dice: &mut Dice) -> Scene {
        let wishes = |dice: &mut Dice| Wishes {
            protocols: [b"coap", b"lwm2"][dice.roll(2)..].iter().map(|name| name.to_vec()).collect(),
            srtp_profiles: ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"][dice.roll(3).min(2)..]
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            ..Wishes::default()
        };
        let client = Settings { wishes: wishes(dice), ..settings(&["PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256"]) };
        let own = if dice.roll(2) == 0 { wishes(dice) } else { Wishes::default() };
        let server = Settings { wishes: own, ..settings(&[]) };
        let mut is_newer = false;
        let mut scene = if seed.is_multiple_of(20) {
            let (default, _) = ca_signed_server("default.test");
            let (named, ca) = ca_signed_server_with(&server, "a.test");
            let client = verifying_client_with(&Settings { ciphers: None, ..client }, &ca, "a.test");
            let named = Arc::new(named);
            let jobs = if seed.is_multiple_of(40) { 3 } else { 0 };
            let mut network = Network::with_jobs(default, jobs);
            network.server.endpoint.add_context(NamePattern::new("*.test"), Arc::clone(&named));
            Scene { network, client, named: Some(named) }
        } else {
            // One in three clients asks its application who it is, and has the server's hint for that.
            let is_asking = seed.is_multiple_of(3);
            // One in eight speaks DTLS 1.3.
            is_newer = cfg!(feature = "aws-lc") && seed % 8 == 5;
            let (client, server) = if is_newer { newer(client, server) } else { (client, server) };
            let client = if is_asking {
                ClientConfig::asking_for_psk(&client, None, None).unwrap()
            } else {
                let psk = ClientPsk::new(IDENTITY, KEY).unwrap();
                ClientConfig::new(&client, Some(psk), None, None).unwrap()
            };
            let psk_hint = if is_asking { b"hint".to_vec() } else { Vec::new() };
            let server = Settings { wishes: Wishes { psk_hint, ..server.wishes }, ..server };
            let server = ServerConfig::new(&server, None, true, None).unwrap();
            Scene { network: Network::new(server), client, named: None }
        };
        if dice.roll(2) == 0 {
            let validations = [AddressValidation::None, AddressValidation::Basic, AddressValidation::Enhanced];
            scene.network.server.endpoint.use_connection_ids(Some([0, 1, 8, 32][dice.roll(4)]));
            scene.network.server.endpoint.validate_addresses(validations[dice.roll(3)]);
            scene.network.client_ids = [None, Some(0), Some(6)][dice.roll(3)];
        }
        // A first hello in fragments gets no answer in DTLS 1.3.
        scene.network.hello_fragments = (dice.roll(2) == 0 && !is_newer).then(|| 60 + dice.roll(140));
        scene
    }

    /// Clients that come later offer a session that one has got, most often unharmed.
    fn offer_session(mut self, dice: &mut Dice, clock: WallClock) -> Scene {
        let Some(client) = self.network.clients.last() else { return self };
        let Some(&handle) = client.secured().last() else { return self };
        if let Some(session) = client.endpoint.session(handle).map(<[u8]>::to_vec) {
            let session = if dice.roll(3) == 0 { mutate(dice, session.clone(), &session) } else { session };
            self.client = self.client.resuming(clock, Some(&session));
        }
        self
    }

    /// Answers a look-up of a session in the application's store, well or badly; whether there was one.
    fn answer_session(&mut self, dice: &mut Dice) -> bool {
        let network = &mut self.network;
        let Some((lookup, Question::Handshake(HandshakeQuestion::Session(id)))) = network.other_questions.pop() else {
            return false;
        };
        let stored = network.server.log.iter().rev().filter_map(|event| match event {
            Event::NewSession { session, .. } => Some((session.id.as_bytes().to_vec(), session.bytes.to_vec())),
            _ => None,
        });
        let stored: Vec<_> = stored.collect();
        let any = stored.first().map(|(_, bytes)| bytes.clone());
        let own = stored.iter().find(|(stored, _)| *stored == id).map(|(_, bytes)| bytes.clone());
        let answer = match dice.roll(4) {
            0 => any.map(|bytes| mutate(dice, bytes.clone(), &bytes)),
            1 => any,
            _ => own,
        };
        let answer = HandshakeAnswer::Session(answer.as_deref().map(KnownSession::Stored));
        let answered = reply(&mut network.server.endpoint, network.now, lookup, answer);
        network.collect();
        answered
    }

    /// Answers one question that a hello has raised, usually well; whether there was one.
    fn answer(&mut self, dice: &mut Dice) -> bool {
        let Scene { network, named, .. } = self;
        let is_wrong = dice.roll(8) == 0;
        if !network.config_questions.is_empty() {
            return network.answer_config(named.clone().filter(|_| !is_wrong));
        }
        let Some((lookup, protocols)) = network.protocol_questions.first().cloned() else { return false };
        let first = protocols.get(1..1 + usize::from(protocols[0])).unwrap();
        match dice.roll(3) {
            0 if is_wrong => network.answer_protocol(None),
            1 if is_wrong => network.answer_protocol(Some(b"other")),
            2 if is_wrong => fail(&mut network.server.endpoint, network.now, lookup, "as the dice say"),
            _ => network.answer_protocol(Some(first)),
        }
    }
}

/// The same settings for a client of DTLS 1.3, and a server of both versions.
fn newer(client: Settings, server: Settings) -> (Settings, Settings) {
    let versions = |oldest| Versions { oldest, newest: Version::Dtls13 };
    let of_client = Wishes { versions: versions(Version::Dtls13), ..client.wishes };
    let of_server = Wishes { versions: versions(Version::Dtls12), ..server.wishes };
    let client = Settings { ciphers: None, wishes: of_client, ..client };
    (client, Settings { wishes: of_server, ..server })
}

fn run(seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let mut scene = Scene::new(seed, &mut dice);
    let network = &mut scene.network;
    network.weather = Weather {
        loss: dice.roll(20) as u64,
        duplication: dice.roll(20) as u64,
        jitter: Duration::from_millis(dice.roll(30) as u64),
    };
    let mut asks = asks_about_addresses(dice.roll(2) == 0, dice.roll(2) == 0);
    asks.handshakes.for_configs = dice.roll(2) == 0;
    asks.handshakes.for_protocols = dice.roll(2) == 0;
    asks.handshakes.for_sessions = dice.roll(2) == 0;
    network.server.endpoint.ask(asks);
    let clock = WallClock::new(network.now, Duration::from_secs(1_800_000_000));
    let settings = SessionSettings {
        lifetime: Duration::from_secs(1 + dice.roll(300) as u64),
        remembers_psk: true,
        ticket_keys: None,
        issues_tickets: dice.roll(2) == 0,
        kept: [None, Some(0), Some(3)][dice.roll(3)],
        clock,
    };
    network.server.endpoint.remember_sessions(network.now, settings).unwrap();
    scene.client = scene.client.resuming(clock, None);
    let mut sent: HashMap<Vec<u8>, usize> = HashMap::new();
    for step in 0..STEPS {
        if dice.roll(4) == 0 {
            tally.answers += u64::from(scene.answer(&mut dice));
            tally.answers += u64::from(scene.answer_session(&mut dice));
        }
        if dice.roll(8) == 0 {
            scene = scene.offer_session(&mut dice, clock);
        }
        let Scene { network, client: config, .. } = &mut scene;
        match dice.roll(13) {
            0 if network.clients.len() < CLIENTS_LIMIT => {
                network.connect(config);
            }
            1 if network.clients.len() < CLIENTS_LIMIT && !network.clients.is_empty() => {
                // A client that lost its state, at the address that it had.
                let address = network.clients[dice.roll(network.clients.len())].address;
                network.connect_from(address, config);
            }
            2 => network.run_for(Duration::from_millis(dice.roll(3_000) as u64)),
            3 | 4 => {
                network.step();
            }
            5 if !network.clients.is_empty() => {
                let client = dice.roll(network.clients.len());
                if network.clients[client].closes().next().is_none() && !network.clients[client].secured().is_empty() {
                    let payload = format!("{seed}/{step}").into_bytes();
                    sent.insert(payload.clone(), client);
                    network.send_from_client(client, &payload);
                }
            }
            6 if !network.clients.is_empty() => {
                let client = dice.roll(network.clients.len());
                if let Some(&handle) = network.clients[client].secured().first() {
                    let now = network.now;
                    network.clients[client].endpoint.close(now, handle);
                    network.collect();
                }
            }
            7 => {
                network.answers_at_once = dice.roll(2) == 0;
                network.runs_jobs_at_once = dice.roll(2) == 0;
            }
            8 => {
                if let Some((lookup, identity)) = network.open_lookups.pop() {
                    let key = network.keys.get(&identity).cloned().filter(|_| dice.roll(4) != 0);
                    network.answer(lookup, key.as_deref());
                }
                if let Some((asked, lookup, _)) = network.identity_questions.pop() {
                    let own = network.own_psk.clone().filter(|_| dice.roll(4) != 0);
                    let own = own.as_ref().map(|(identity, key)| (identity.as_slice(), key.as_slice()));
                    network.answer_identity(asked, lookup, own);
                }
                if let Some((lookup, _)) = network.move_questions.pop() {
                    let old = network.clients.last().map(|client| client.address);
                    network.server.endpoint.handle_answer(network.now, lookup, Answer::Move(old));
                    network.collect();
                }
            }
            10 if !network.clients.is_empty() => {
                // A NAT gives a client another address.
                let client = dice.roll(network.clients.len());
                network.clients[client].address =
                    SocketAddr::from(([198, 51, 100, 9], 20_000 + dice.roll(1000) as u16));
            }
            9 if !network.open_jobs.is_empty() => {
                let job = dice.roll(network.open_jobs.len());
                network.run_job(job);
            }
            _ if !network.wire.is_empty() => {
                let (from, to, datagram) = network.wire[dice.roll(network.wire.len())].clone();
                let other = network.wire[dice.roll(network.wire.len())].2.clone();
                let mut datagram = mutate(&mut dice, datagram, &other);
                let from = if dice.roll(4) == 0 { SocketAddr::from(([203, 0, 113, 7], 1)) } else { from };
                if dice.roll(10) == 0 && !datagram.is_empty() {
                    datagram[0] = 254;
                    datagram.extend_from_slice(b"id\x02");
                }
                network.inject(from, to, &datagram);
            }
            _ => {}
        }
    }
    let Scene { network, .. } = &mut scene;
    network.weather = Weather::default();
    network.run_for(Duration::from_secs(300));
    check_stories(network);
    let mut seen = HashSet::new();
    for (_, payload) in &network.server.received {
        assert!(sent.contains_key(payload), "a message that nobody sent");
        assert!(seen.insert(payload), "a message that came twice");
    }
    check_ends(network);
    tally.runs += 1;
    let handshakes = network.server.endpoint.counters().handshakes_completed;
    tally.handshakes += handshakes;
    tally.fragmented += if network.hello_fragments.is_some() { handshakes } else { 0 };
    tally.messages += network.server.received.len() as u64;
    tally.records_dropped += network.server.endpoint.counters().records_dropped;
    tally.jobs += network.server.endpoint.counters().jobs_started;
    tally.moves += network.server.endpoint.counters().moves;
    tally.address_checks += network.server.endpoint.counters().address_checks;
    let resumed = |event: &&Event| matches!(event, Event::Secure { resumed: true, .. });
    tally.resumed += network.server.log.iter().filter(resumed).count() as u64;
}

#[test]
fn whatever_comes_every_connection_ends_once_and_no_message_is_made_up() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let budget = Duration::from_secs(number(BUDGET).unwrap_or(DEFAULT_BUDGET));
    let began = base_time();
    let since = |began: Instant| base_time().duration_since(began);
    let mut seed = number(SEED).unwrap_or(1);
    let mut tally = Tally::default();
    while since(began) < budget {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, &mut tally)));
        assert!(outcome.is_ok(), "{SEED}={seed} repeats this");
        if number(SEED).is_some() {
            break;
        }
        seed += 1;
    }
    println!("{tally:?}");
    assert!(tally.jobs > 0 || tally.runs < 40, "nothing left for other threads: {tally:?}");
    assert!(tally.handshakes > tally.runs && tally.messages > tally.runs, "nothing came through: {tally:?}");
    let has_moved = tally.moves > tally.runs / 8 && tally.address_checks > tally.runs / 40;
    let is_broad =
        tally.fragmented > tally.runs && tally.answers > tally.runs && has_moved && tally.resumed > tally.runs / 8;
    assert!(is_broad || number(SEED).is_some(), "too little of some of it: {tally:?}");
}
