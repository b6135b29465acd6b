//! What a fuzzer feeds to a whole server and a whole client: a plan of what happens to their flights.
//!
//! The plan is the input. Its first byte is the mode, and each step after it a byte, with the bytes that the step takes. So a
//! fuzzer that changes a byte changes one thing, and the rest goes on as it did. Some steps know the structure of what they
//! change, so that lengths agree; some know the keys, so that what is behind the MAC is reached.

use super::modes::{Configs, Mode};
use super::network::*;
use super::stories::{check_ends, check_stories};
use crate::proto::vendor_move::MoveAnnouncement;
use crate::wire::Records;
use crate::wire::fuzzing::Target;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Steps of one plan; an input that has more of them costs more than it can show.
const STEPS: usize = 200;
const CLIENTS: usize = 4;
/// Datagrams on the wire, so that two sides that answer each other end.
const DATAGRAMS: usize = 2_000;

/// Lengths in a plaintext handshake record: of the record, of the message, of the fragment.
const LENGTHS: [std::ops::Range<usize>; 3] = [11..13, 14..17, 22..25];
const MESSAGE_BODY: usize = 13 + 12;

/// What is left of an input. Past its end everything is zero.
struct Plan<'a>(&'a [u8]);

impl<'a> Plan<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    /// Up to 63 bytes.
    fn bytes(&mut self) -> &'a [u8] {
        let length = self.below(64).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

thread_local! {
    // Made once: it takes longer to read keys than to shake hands.
    static CONFIGS: Vec<Configs> = Mode::ALL.iter().map(|mode| mode.configs(1200)).collect();
}

/// A mode, and a plan.
fn flights(input: &[u8]) {
    let mut plan = Plan(input);
    let mode = plan.below(Mode::ALL.len());
    CONFIGS.with(|configs| Play::new(&configs[mode]).run(&mut plan));
}

/// The announcement of a move, and a datagram that a server gets that knows nobody.
fn announcements(input: &[u8]) {
    if let Some(MoveAnnouncement { datagram, device_id }) = MoveAnnouncement::parse(input) {
        assert_eq!(datagram.len() + device_id.len() + 1, input.len());
        assert!(Records::new(&datagram).next().is_some_and(|record| record.bytes.len() == datagram.len()));
    }
    CONFIGS.with(|configs| {
        let mut network = configs[0].network();
        network.server.endpoint.ask(asks_about_addresses(true, true));
        let stranger = SocketAddr::from(([203, 0, 113, 7], 1));
        network.inject(stranger, SERVER, input);
        assert_eq!(network.server.endpoint.connection_count(), 0, "nobody proves an address with one datagram");
        // RFC 6347 section 4.2.1: no more comes back than was sent.
        let answers = network.wire.iter().map(|(.., datagram)| datagram.len()).sum::<usize>();
        assert!(answers <= input.len(), "{answers} bytes for {}", input.len());
    });
}

pub(crate) const TARGETS: [Target; 2] = [("flights", flights), ("announcements", announcements)];

struct Play<'a> {
    configs: &'a Configs,
    network: Network,
    #[cfg(feature = "aws-lc")]
    insider: crate::tls::Insider,
    /// Whether somebody with keys has written: then there are messages that nobody has sent.
    is_rewritten: bool,
    sent: HashSet<Vec<u8>>,
    session: Option<Vec<u8>>,
}

impl<'a> Play<'a> {
    fn new(configs: &'a Configs) -> Play<'a> {
        Play {
            configs,
            network: configs.network(),
            #[cfg(feature = "aws-lc")]
            insider: Default::default(),
            is_rewritten: false,
            sent: HashSet::new(),
            session: None,
        }
    }

    fn run(mut self, plan: &mut Plan<'_>) {
        self.connect();
        for _ in 0..STEPS {
            if plan.0.is_empty() || self.network.wire.len() > DATAGRAMS {
                break;
            }
            self.step(plan);
        }
        self.network.run_for(Duration::from_secs(300));
        check_stories(&self.network);
        check_ends(&self.network);
        self.check_messages();
    }

    /// Each message was sent, and comes once.
    fn check_messages(&self) {
        if self.is_rewritten {
            return;
        }
        for peer in self.network.clients.iter().chain([&self.network.server]) {
            let payloads = peer.payloads();
            assert!(payloads.iter().all(|payload| self.sent.contains(payload)), "a message that nobody sent");
            assert_eq!(payloads.iter().collect::<HashSet<_>>().len(), payloads.len(), "a message that came twice");
        }
    }

    fn step(&mut self, plan: &mut Plan<'_>) {
        let network = &mut self.network;
        match plan.byte() % 16 {
            // Nothing happens, or time passes.
            0 => drop(network.step()),
            1 => network.run_for(Duration::from_millis(u64::from(plan.byte()).pow(2))),
            // The next datagram is lost, comes twice, or comes after the one behind it.
            2 => drop(network.take_next()),
            3 => self.with_next(|network, (from, to, datagram)| {
                network.inject(from, to, &datagram);
                network.inject(from, to, &datagram);
            }),
            4 => self.with_next(|network, (from, to, datagram)| {
                network.step();
                network.inject(from, to, &datagram);
            }),
            // It is spoilt, cut short, or something follows it.
            5 => {
                let (at, value) = (plan.byte(), plan.byte());
                self.with_next(|network, (from, to, mut datagram)| {
                    let at = usize::from(at) % datagram.len().max(1);
                    if let Some(byte) = datagram.get_mut(at) {
                        *byte ^= value.max(1);
                    }
                    network.inject(from, to, &datagram);
                });
            }
            6 => {
                let (at, behind) = (plan.byte(), plan.bytes());
                self.with_next(|network, (from, to, mut datagram)| {
                    datagram.truncate(datagram.len() - usize::from(at) % datagram.len().max(1));
                    datagram.extend_from_slice(behind);
                    network.inject(from, to, &datagram);
                });
            }
            // One of its plaintext messages has other bytes, and lengths that agree.
            7 => self.with_message(plan),
            // It has another plaintext behind its MAC.
            8 | 9 => self.with_keys(plan),
            // Something comes once more, from where it was or from elsewhere.
            10 => {
                if let Some((from, to, datagram)) = network.wire.get(plan.below(network.wire.len())).cloned() {
                    let stranger = SocketAddr::from(([203, 0, 113, 7], 1));
                    network.inject(if plan.byte().is_multiple_of(4) { stranger } else { from }, to, &datagram);
                }
            }
            // Somebody makes a datagram up.
            11 => {
                let address = network.clients[plan.below(network.clients.len())].address;
                let (from, to) = if plan.byte().is_multiple_of(2) { (address, SERVER) } else { (SERVER, address) };
                network.inject(from, to, plan.bytes());
            }
            12 => self.send(plan),
            13 => self.close(plan),
            14 if network.clients.len() < CLIENTS => self.connect(),
            // A NAT gives a client another address.
            15 => {
                let client = plan.below(network.clients.len());
                network.clients[client].address =
                    SocketAddr::from(([198, 51, 100, 9], 20_000 + u16::from(plan.byte())));
            }
            _ => {}
        }
        self.notice();
    }

    fn with_next(&mut self, handle: impl FnOnce(&mut Network, (SocketAddr, SocketAddr, Vec<u8>))) {
        if let Some(next) = self.network.take_next() {
            handle(&mut self.network, next);
        }
    }

    fn with_message(&mut self, plan: &mut Plan<'_>) {
        let (index, at, cut, inserted) = (plan.byte(), plan.byte(), plan.byte(), plan.bytes());
        self.with_next(|network, (from, to, datagram)| {
            let mut records: Vec<Vec<u8>> = Records::new(&datagram).map(|record| record.bytes.to_vec()).collect();
            let is_message = |record: &&mut Vec<u8>| record.len() > MESSAGE_BODY && record[0] == 22 && record[4] == 0;
            let mut messages: Vec<_> = records.iter_mut().filter(is_message).collect();
            let count = messages.len();
            if let Some(record) = messages.get_mut(usize::from(index) % count.max(1)) {
                let body = MESSAGE_BODY + usize::from(at) * (record.len() - MESSAGE_BODY) / 256;
                let end = (body + usize::from(cut % 64)).min(record.len());
                record.splice(body..end, inserted.iter().copied());
                for (range, before) in LENGTHS.into_iter().zip([13, MESSAGE_BODY, MESSAGE_BODY]) {
                    let length = (record.len() - before).to_be_bytes();
                    let width = range.len();
                    record[range].copy_from_slice(&length[length.len() - width..]);
                }
            }
            network.inject(from, to, &records.concat());
        });
    }

    #[cfg(not(feature = "aws-lc"))]
    fn with_keys(&mut self, _: &mut Plan<'_>) {}

    #[cfg(feature = "aws-lc")]
    fn with_keys(&mut self, plan: &mut Plan<'_>) {
        let (kind, at, cut, inserted) = (plan.byte(), plan.byte(), plan.byte(), plan.bytes());
        let Some((from, to, datagram)) = self.network.take_next() else { return };
        let is_from_server = from == SERVER;
        let id_length = match (self.configs.mode.has_ids(), is_from_server) {
            (false, _) => 0,
            (true, true) => 6,
            (true, false) => 8,
        };
        let insider = &self.insider;
        let rewrite = |record: crate::wire::Record<'_>| {
            insider.rewrite(is_from_server, &record, |inside| {
                if kind >= 0x80 {
                    inside.kind = kind & 0x1f;
                }
                let at = usize::from(at) * (inside.content.len() + 1) / 256;
                let end = (at + usize::from(cut % 64)).min(inside.content.len());
                inside.content.splice(at..end, inserted.iter().copied());
            })
        };
        let mut datagrams = Vec::new();
        for record in Records::with_ids(&datagram, id_length) {
            let rewritten = rewrite(record);
            self.is_rewritten |= rewritten.is_some();
            datagrams.extend(rewritten.unwrap_or_else(|| record.bytes.to_vec()));
        }
        self.network.inject(from, to, &datagrams);
    }

    fn send(&mut self, plan: &mut Plan<'_>) {
        let network = &mut self.network;
        let number = self.sent.len();
        let payload = format!("{number}{}", "x".repeat(usize::from(plan.byte())));
        if plan.byte().is_multiple_of(2) {
            let client = plan.below(network.clients.len());
            if is_open(&network.clients[client]) {
                self.sent.insert(payload.clone().into_bytes());
                network.send_from_client(client, payload.as_bytes());
            }
        } else if let Some(&handle) = network.server.secured().last()
            && let Ok(sealed) = network.server.endpoint.send(network.now, handle, payload.as_bytes())
        {
            self.sent.insert(payload.into_bytes());
            if let Some(route) = sealed.route {
                let datagram = sealed.datagram.to_vec();
                network.put_on_wire(SERVER, route.remote, datagram);
            }
        }
    }

    fn close(&mut self, plan: &mut Plan<'_>) {
        let network = &mut self.network;
        let (client, now) = (plan.below(network.clients.len()), network.now);
        let peer = if plan.byte().is_multiple_of(2) { &mut network.server } else { &mut network.clients[client] };
        if let Some(&handle) = peer.secured().last() {
            peer.endpoint.close(now, handle);
        }
        network.collect();
    }

    fn connect(&mut self) {
        let index = self.configs.connect(&mut self.network, self.session.as_deref());
        self.network.clients[index].endpoint.log_keys(true);
    }

    /// Learns what the insider and a client that comes later can know.
    fn notice(&mut self) {
        let Some(client) = self.network.clients.last() else { return };
        if let Some(&handle) = client.secured().last() {
            self.session = client.endpoint.session(handle).map(<[u8]>::to_vec);
        }
        #[cfg(feature = "aws-lc")]
        self.learn_keys();
    }

    #[cfg(feature = "aws-lc")]
    fn learn_keys(&mut self) {
        let Some(client) = self.network.clients.last_mut() else { return };
        let mut logs = Vec::new();
        client.log.retain(|event| match event {
            crate::proto::Event::KeyLog { lines, .. } => {
                logs.push(lines.as_bytes().to_vec());
                false
            }
            _ => true,
        });
        let address = client.address;
        for lines in logs {
            // The newest ones that went each way: a hello's random is 11 bytes behind its header.
            let random = |from: SocketAddr, to: SocketAddr, kind: u8| {
                let hello = |(sender, receiver, datagram): &&(SocketAddr, SocketAddr, Vec<u8>)| {
                    (*sender, *receiver) == (from, to)
                        && datagram.first() == Some(&22)
                        && datagram.get(13) == Some(&kind)
                };
                let (.., datagram) = self.network.wire.iter().rev().find(hello)?;
                datagram.get(MESSAGE_BODY + 2..)?.first_chunk::<32>().copied()
            };
            let randoms = random(address, SERVER, 1).zip(random(SERVER, address, 2));
            self.insider.learn(&lines, &randoms.map_or_else(Default::default, |(client, server)| [client, server]));
        }
    }
}

fn is_open(peer: &Peer) -> bool {
    peer.closes().next().is_none() && !peer.secured().is_empty()
}
