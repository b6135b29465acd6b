//! Every mode on networks that lose, double, delay, reorder and spoil datagrams, carry only short ones, and give clients other
//! addresses. Each network comes of a seed. `npm run fuzz` tries more of them; a failure names the mode and the seed.

use super::modes::{Configs, Mode};
use super::mutations::Dice;
use super::network::*;
use super::roaming::UNIX_TIME;
use super::stories::{check_ends, check_stories};
use crate::proto::{ConnectionHandle, Event};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Networks of every mode, from the environment.
const NETWORKS: &str = "FUZZ_NETWORKS";
/// The only seed to run, from the environment.
const SEED: &str = "FUZZ_SEED";

const DEFAULT_NETWORKS: u64 = 3;
const CLIENTS: usize = 3;
/// Messages that go each way on each connection.
const MESSAGES: usize = 8;

/// Datagrams that a network has to lose before a handshake may be under way after 100 s: a flight is repeated after 1, 2, 4,
/// 8, 16 and 32 s (RFC 6347, section 4.2.4.1), and each time one of the two directions has lost it.
const UNLUCKY: usize = 6;

/// Payload bytes of the longest datagram that a network carries.
const MTUS: [u16; 3] = [1200, 800, 600];

/// What the networks were like, so that a run shows what it was about.
#[derive(Debug, Default)]
struct Tally {
    networks: u64,
    handshakes: u64,
    resumed: u64,
    moves: u64,
    datagrams: u64,
    messages_sent: u64,
    messages_received: u64,
}

struct Run<'a> {
    configs: &'a Configs,
    dice: Dice,
    network: Network,
    /// Clients that talk, by their index, with the server's handle of them.
    pairs: Vec<(usize, ConnectionHandle)>,
    sent: usize,
    texts: HashSet<Vec<u8>>,
}

impl<'a> Run<'a> {
    fn new(configs: &'a Configs, seed: u64) -> Run<'a> {
        let mut dice = Dice::new(seed);
        let mut network = configs.network();
        network.stir(seed);
        network.weather = Weather {
            loss: dice.roll(26) as u64,
            duplication: dice.roll(31) as u64,
            jitter: Duration::from_millis([0, 5, 50, 400][dice.roll(4)]),
        };
        network.longest = Some(configs.mtu.into());
        // A bit that flips in plaintext ends a handshake now and then, as it may.
        network.corruption = if dice.roll(4) == 0 { 1 + dice.roll(10) as u64 } else { 0 };
        Run { configs, dice, network, pairs: Vec::new(), sent: 0, texts: HashSet::new() }
    }

    fn play(mut self, tally: &mut Tally) {
        self.shake_hands();
        if self.configs.mode.resumes() {
            self.come_again();
        }
        if self.configs.mode == Mode::Imported {
            check_stories(&self.network);
            self.go_on_in_another_process();
        }
        self.talk();
        self.end();
        tally.networks += 1;
        tally.handshakes += self.network.clients.iter().map(|client| client.secured().len() as u64).sum::<u64>();
        tally.resumed += self.resumed() as u64;
        tally.moves += self.network.server.endpoint.counters().moves;
        tally.datagrams += self.network.wire.len() as u64;
        tally.messages_sent += self.sent as u64;
        tally.messages_received += self.received() as u64;
    }

    /// Every client gets its connection. It tries again when a spoilt datagram has ended its handshake, and when losses
    /// have kept it from its end.
    fn shake_hands(&mut self) {
        for _ in 0..CLIENTS {
            self.connect(None);
        }
    }

    fn connect(&mut self, session: Option<&[u8]>) {
        let had_corruption = self.network.corruption;
        for attempt in 0..20 {
            let had_lost = self.network.lost;
            let client = self.configs.connect(&mut self.network, session);
            self.network.run_for(Duration::from_secs(100));
            let has_reason = had_corruption > 0 || self.network.lost - had_lost >= UNLUCKY;
            let is_secure = !self.network.clients[client].secured().is_empty();
            let address = self.network.clients[client].address;
            assert!(
                is_secure || has_reason,
                "a handshake failed without a reason: {:?}",
                self.network.clients[client].error_kinds()
            );
            if is_secure && let Some(handle) = self.handle_at(address) {
                self.pairs.push((client, handle));
                return;
            }
            assert!(has_reason, "the client believes in a connection that its server does not have");
            if attempt == 15 {
                self.network.corruption = 0;
            }
        }
        panic!("a network that spoils nothing any more ends handshakes");
    }

    /// The server's open connection with this client.
    fn handle_at(&self, address: SocketAddr) -> Option<ConnectionHandle> {
        let server = &self.network.server;
        let closed: HashSet<_> = server.closes().map(|(handle, _)| handle).collect();
        let at = |event: &Event| match event {
            Event::Connection { connection, remote, .. } if *remote == address => Some(*connection),
            _ => None,
        };
        let secured = server.secured();
        server.log.iter().rev().find_map(at).filter(|handle| secured.contains(handle) && !closed.contains(handle))
    }

    /// Each client closes, and comes again with its session.
    fn come_again(&mut self) {
        for (client, _) in std::mem::take(&mut self.pairs) {
            let handle = self.network.client_handle(client);
            let peer = &mut self.network.clients[client];
            let session = peer.endpoint.session(handle).map(<[u8]>::to_vec);
            let session = session.expect("a client that has connected has a session");
            peer.endpoint.close(self.network.now, handle);
            self.network.collect();
            let before = self.resumed();
            self.connect(Some(&session));
            assert!(self.resumed() > before || self.network.corruption > 0, "a session that was not resumed");
        }
    }

    fn resumed(&self) -> usize {
        let is_resumed = |event: &&Event| matches!(event, Event::Secure { resumed: true, .. });
        self.network.server.log.iter().filter(is_resumed).count()
    }

    /// The server's connections are saved, and another process takes them.
    fn go_on_in_another_process(&mut self) {
        let network = &mut self.network;
        let copies: Vec<_> =
            self.pairs.iter().map(|(_, handle)| network.server.endpoint.take_out(*handle).unwrap()).collect();
        network.restart_server(std::sync::Arc::clone(&self.configs.server));
        self.configs.prepare(network);
        for (pair, copy) in self.pairs.iter_mut().zip(copies) {
            let restoration = Restoration { saved: &copy.saved, clock: clock(UNIX_TIME) };
            pair.1 = network.server.endpoint.restore(network.now, copy.remote, restoration).unwrap();
        }
    }

    /// Both sides send, and clients get other addresses where that is no obstacle.
    fn talk(&mut self) {
        for _ in 0..MESSAGES {
            for (client, handle) in self.pairs.clone() {
                if self.configs.mode.has_ids() && self.dice.roll(6) == 0 {
                    let port = 20_000 + self.dice.roll(10_000) as u16;
                    self.network.clients[client].address = SocketAddr::from(([198, 51, 100, 9], port));
                }
                let text = self.next_text();
                self.network.send_from_client(client, &text);
                let text = self.next_text();
                let sealed = self.network.server.endpoint.send(self.network.now, handle, &text).unwrap();
                if let Some(route) = sealed.route {
                    let datagram = sealed.datagram.to_vec();
                    self.network.put_on_wire(SERVER, route.remote, datagram);
                }
                self.network.collect();
                let pause = self.dice.roll(300) as u64;
                self.network.run_for(Duration::from_millis(pause));
            }
        }
        self.network.run_for(Duration::from_secs(10));
        let peers = self.network.clients.iter().chain([&self.network.server]);
        let all: Vec<_> = peers.flat_map(Peer::payloads).collect();
        assert!(all.iter().all(|text| self.texts.contains(text)), "a message that nobody sent");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "a message that came twice");
        assert!(all.len() * 4 >= self.sent, "{} of {} messages", all.len(), self.sent);
    }

    fn next_text(&mut self) -> Vec<u8> {
        self.sent += 1;
        let text = format!("{} {}", self.sent, "x".repeat(self.dice.roll(400))).into_bytes();
        self.texts.insert(text.clone());
        text
    }

    fn received(&self) -> usize {
        self.network.clients.iter().chain([&self.network.server]).map(|peer| peer.received.len()).sum()
    }

    /// The network gets calm; everybody who comes is served, and whoever closes is gone.
    fn end(&mut self) {
        let network = &mut self.network;
        (network.weather, network.corruption, network.longest) = (Weather::default(), 0, None);
        network.run_for(Duration::from_secs(300));
        if self.configs.mode != Mode::Imported {
            check_stories(network);
        }
        check_ends(network);
        self.connect(None);
        let (client, _) = *self.pairs.last().unwrap();
        let before = self.network.server.received.len();
        self.network.send_from_client(client, b"calm");
        self.network.settle();
        assert_eq!(self.network.server.payloads()[before..], [b"calm"]);
        let open = self.network.server.endpoint.connection_count();
        let (handle, now) = (self.network.client_handle(client), self.network.now);
        self.network.clients[client].endpoint.close(now, handle);
        self.network.settle();
        assert_eq!(self.network.server.endpoint.connection_count(), open - 1);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Runs a mode on as many networks as are wished.
fn every_network(modes: &[Mode]) {
    let mut tally = Tally::default();
    for &mode in modes {
        let configs = MTUS.map(|mtu| mode.configs(mtu));
        let seeds = match number(SEED) {
            Some(seed) => seed..=seed,
            None => 1..=number(NETWORKS).unwrap_or(DEFAULT_NETWORKS),
        };
        for seed in seeds {
            let configs = &configs[(seed % 3) as usize];
            let play = std::panic::AssertUnwindSafe(|| Run::new(configs, seed).play(&mut tally));
            assert!(std::panic::catch_unwind(play).is_ok(), "{SEED}={seed} repeats this, in the mode {mode:?}");
        }
    }
    println!("{modes:?}: {tally:?}");
    assert!(tally.messages_received > tally.networks && tally.datagrams > tally.networks);
}

#[test]
fn pre_shared_keys_get_through_hostile_networks() {
    every_network(&[Mode::Psk, Mode::PskWithCbc, Mode::EcdhePsk, Mode::Imported]);
}

#[test]
fn certificates_and_raw_public_keys_get_through_hostile_networks() {
    every_network(&[Mode::Certificate, Mode::Mutual, Mode::RawPublicKeys]);
}

#[test]
fn sessions_are_resumed_on_hostile_networks() {
    every_network(&[Mode::SessionId, Mode::Ticket]);
}

#[test]
fn connection_ids_get_through_hostile_networks_and_nats() {
    every_network(&[Mode::ConnectionIds, Mode::Routability]);
}

#[cfg(feature = "aws-lc")]
#[test]
fn dtls13_gets_through_hostile_networks() {
    every_network(&[Mode::Dtls13, Mode::Dtls13Mutual]);
}
