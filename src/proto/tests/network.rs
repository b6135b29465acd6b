//! A simulated network: virtual time, and datagrams that get lost, doubled, delayed and reordered as a test wishes.

pub(super) use crate::proto::{Answer, HandshakeAnswer, Restoration};
use crate::proto::{
    Answered, Asks, CloseReason, ConnectionHandle, Endpoint, Event, HandshakeAsks, HandshakeQuestion, Job, Limits,
    Question, QuestionId, Route,
};
pub(super) use crate::tls::{CertificateFault, ErrorKind};
use crate::tls::{
    ClientConfig, ClientPsk, PeerCredential, SaveClock, SavedConnection, ServerConfig, Settings, Suite, Wishes,
};
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5684);
pub(super) const IDENTITY: &[u8] = b"device-1";
pub(super) const KEY: &[u8] = b"0123456789abcdef";

/// Lets every endpoint of every test give its heavy steps away, from the environment; they are done at once.
const JOBS: &str = "TEST_WITH_JOBS";

/// What the network does to datagrams; probabilities in percent.
#[derive(Clone, Copy, Default)]
pub(super) struct Weather {
    pub(super) loss: u64,
    pub(super) duplication: u64,
    /// Up to this much beyond the usual time.
    pub(super) jitter: Duration,
}

/// One endpoint, with what it has said.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) endpoint: Endpoint,
    pub(super) log: Vec<Event>,
    pub(super) received: Vec<(ConnectionHandle, Vec<u8>)>,
}

impl Peer {
    pub(super) fn secured(&self) -> Vec<ConnectionHandle> {
        self.log
            .iter()
            .filter_map(|event| match event {
                Event::Secure { connection, .. } => Some(*connection),
                _ => None,
            })
            .collect()
    }

    pub(super) fn suite(&self) -> Option<Suite> {
        self.log.iter().find_map(|event| match event {
            Event::Secure { suite, .. } => Some(*suite),
            _ => None,
        })
    }

    pub(super) fn closes(&self) -> impl Iterator<Item = (ConnectionHandle, &CloseReason)> {
        self.log.iter().filter_map(|event| match event {
            Event::Closed { connection, reason, .. } => Some((*connection, reason)),
            _ => None,
        })
    }

    /// What the peers of established connections have proved to have the private keys of.
    pub(super) fn peer_keys(&self) -> Vec<Option<Vec<u8>>> {
        self.log
            .iter()
            .filter_map(|event| match event {
                Event::Secure { peer, .. } => Some(peer.as_ref().map(|peer| peer.public_key.clone())),
                _ => None,
            })
            .collect()
    }

    /// Codes of the errors that ended connections.
    pub(super) fn error_kinds(&self) -> Vec<ErrorKind> {
        self.closes()
            .filter_map(|(_, reason)| match reason {
                CloseReason::Error(error) => Some(error.kind),
                _ => None,
            })
            .collect()
    }

    /// What was said of the error that ended a connection first.
    pub(super) fn error_message(&self) -> String {
        let error = self.closes().find_map(|(_, reason)| match reason {
            CloseReason::Error(error) => Some(error.to_string()),
            _ => None,
        });
        error.unwrap()
    }

    pub(super) fn payloads(&self) -> Vec<Vec<u8>> {
        self.received.iter().map(|(_, payload)| payload.clone()).collect()
    }
}

/// A server, its clients, and what is between them.
pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) server: Peer,
    pub(super) clients: Vec<Peer>,
    pub(super) weather: Weather,
    /// How long a datagram is on its way, at least.
    pub(super) delay: Duration,
    /// Datagrams that did not arrive, because of the weather or of their length.
    pub(super) lost: usize,
    /// Percent of the datagrams that arrive with one bit changed.
    pub(super) corruption: u64,
    /// Bytes of the longest datagram that arrives; `None` for any.
    pub(super) longest: Option<usize>,
    /// Bytes of the connection IDs that clients want to see; `None` for clients without. For clients that come later.
    pub(super) client_ids: Option<u8>,
    /// Keys that the server's application knows. A look-up of another identity is answered with "unknown".
    pub(super) keys: HashMap<Vec<u8>, Vec<u8>>,
    /// Look-ups wait here when the application does not answer at once.
    pub(super) open_lookups: Vec<(QuestionId, Vec<u8>)>,
    pub(super) answers_at_once: bool,
    /// As whom clients appear that are asked: `None` when they have no key for the server.
    pub(super) own_psk: Option<(Vec<u8>, Vec<u8>)>,
    /// Questions to clients for that, answered or not, with the server's hint.
    pub(super) identity_questions: Vec<(SocketAddr, QuestionId, Option<Vec<u8>>)>,
    /// Questions for the configuration that answers a name.
    pub(super) config_questions: Vec<(QuestionId, String)>,
    /// Questions for one of a client's protocols, each with its length before it.
    pub(super) protocol_questions: Vec<(QuestionId, Vec<u8>)>,
    /// Questions for the saved connection of an address.
    pub(super) restore_questions: Vec<(QuestionId, SocketAddr)>,
    /// Questions for the old address of a device, with its name.
    pub(super) move_questions: Vec<(QuestionId, Vec<u8>)>,
    /// Questions of all other kinds.
    pub(super) other_questions: Vec<(QuestionId, Question)>,
    /// Questions whether a peer is accepted, at the server or at one of the clients.
    pub(super) open_verifications: Vec<(SocketAddr, QuestionId, PeerCredential)>,
    /// Jobs that an endpoint may have out at a time; 0 for none. For endpoints that come later.
    pub(super) job_limit: usize,
    pub(super) runs_jobs_at_once: bool,
    /// Jobs that are out, and whose they are: a client's, by its index, or the server's.
    pub(super) open_jobs: Vec<(Option<usize>, Job)>,
    /// Somebody between the two replaces these bytes by those, which are as many.
    pub(super) rewrite: Option<(Vec<u8>, Vec<u8>)>,
    /// Addresses of the server beside its first. With any, its system tells which of them was asked.
    pub(super) also_at: Vec<SocketAddr>,
    /// Clients are of a kind that cuts its hellos into fragments with so many bytes of the message; ours never does.
    pub(super) hello_fragments: Option<usize>,
    /// The clients' hellos before they were cut.
    pub(super) hellos: Vec<Vec<u8>>,
    /// Every datagram that was put on the wire: from, to, bytes.
    pub(super) wire: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    in_flight: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sequence: u64,
    dice: u64,
}

pub(super) fn settings(ciphers: &[&str]) -> Settings {
    Settings {
        ciphers: (!ciphers.is_empty()).then(|| ciphers.iter().map(|&name| name.to_owned()).collect()),
        wishes: Wishes::default(),
        revocations: None,
        first_interval: Duration::from_secs(1),
        longest_interval: Duration::from_secs(60),
        mtu: 1200,
    }
}

pub(super) fn limits() -> Limits {
    Limits {
        handshake_timeout: Duration::from_secs(120),
        idle_timeout: Some(Duration::from_secs(86_400)),
        hibernate_after: Some(Duration::from_secs(5)),
        handshakes: 1000,
        handshakes_per_address: 1000,
        connections: 1_000_000,
        evicts_idle: false,
        stalled_handshake_timeout: Duration::from_secs(10),
        connections_per_address: None,
        address_questions: 32,
        address_questions_per_second: 1000,
    }
}

pub(super) fn psk_server() -> ServerConfig {
    ServerConfig::new(&settings(&[]), None, true, None).unwrap()
}

pub(super) fn psk_client(ciphers: &[&str]) -> ClientConfig {
    psk_client_with(ciphers, IDENTITY, KEY)
}

pub(super) fn psk_client_with(ciphers: &[&str], identity: &[u8], key: &[u8]) -> ClientConfig {
    ClientConfig::new(&settings(ciphers), Some(ClientPsk::new(identity, key).unwrap()), None, None).unwrap()
}

/// A client that is asked as whom it appears.
pub(super) fn asking_client(ciphers: &[&str]) -> ClientConfig {
    ClientConfig::asking_for_psk(&settings(ciphers), None, None).unwrap()
}

impl Network {
    pub(super) fn new(config: impl Into<Arc<ServerConfig>>) -> Network {
        Network::with_limits(config, limits())
    }

    pub(super) fn with_limits(config: impl Into<Arc<ServerConfig>>, limits: Limits) -> Network {
        let now = base_time();
        let mut endpoint = Endpoint::server(now, config, limits, 0).unwrap();
        endpoint.offer_jobs(default_job_limit());
        Network {
            now,
            server: Peer { address: SERVER, endpoint, log: Vec::new(), received: Vec::new() },
            clients: Vec::new(),
            weather: Weather::default(),
            delay: Duration::from_millis(1),
            lost: 0,
            corruption: 0,
            longest: None,
            client_ids: None,
            keys: HashMap::from([(IDENTITY.to_vec(), KEY.to_vec())]),
            open_lookups: Vec::new(),
            answers_at_once: true,
            own_psk: Some((IDENTITY.to_vec(), KEY.to_vec())),
            identity_questions: Vec::new(),
            config_questions: Vec::new(),
            protocol_questions: Vec::new(),
            restore_questions: Vec::new(),
            move_questions: Vec::new(),
            other_questions: Vec::new(),
            open_verifications: Vec::new(),
            job_limit: default_job_limit(),
            runs_jobs_at_once: true,
            open_jobs: Vec::new(),
            rewrite: None,
            also_at: Vec::new(),
            hello_fragments: None,
            hellos: Vec::new(),
            wire: Vec::new(),
            in_flight: BTreeMap::new(),
            sequence: 0,
            dice: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// A network whose endpoints give their heavy steps away.
    pub(super) fn with_jobs(config: impl Into<Arc<ServerConfig>>, limit: usize) -> Network {
        let mut network = Network::new(config);
        network.job_limit = limit;
        network.server.endpoint.offer_jobs(limit);
        network.runs_jobs_at_once = false;
        network
    }

    /// A PSK server and one client that has finished its handshake.
    pub(super) fn connected() -> Network {
        let mut network = Network::new(psk_server());
        network.connect(&psk_client(&[]));
        network.settle();
        assert_eq!(network.server.secured().len(), 1);
        network
    }

    /// A new client at an address of its own.
    pub(super) fn connect(&mut self, config: &ClientConfig) -> usize {
        let index = self.clients.len();
        let number = u16::try_from(index).unwrap();
        self.connect_from(SocketAddr::from(([198, 51, 100, 7], 10_000 + number)), config)
    }

    /// A new client at `address`; one that was there before no longer gets anything.
    pub(super) fn connect_from(&mut self, address: SocketAddr, config: &ClientConfig) -> usize {
        self.connect_between(address, SERVER, config)
    }

    /// A new client at `address`, which asks the server at one of its addresses.
    pub(super) fn connect_between(&mut self, address: SocketAddr, server: SocketAddr, config: &ClientConfig) -> usize {
        let mut endpoint = Endpoint::client(limits(), 0);
        endpoint.offer_jobs(self.job_limit);
        endpoint.use_connection_ids(self.client_ids);
        endpoint.connect(self.now, server, config).unwrap();
        self.clients.push(Peer { address, endpoint, log: Vec::new(), received: Vec::new() });
        self.collect();
        self.clients.len() - 1
    }

    pub(super) fn client_handle(&self, index: usize) -> ConnectionHandle {
        *self.clients[index].secured().last().unwrap()
    }

    pub(super) fn send_from_client(&mut self, index: usize, payload: &[u8]) {
        let handle = self.client_handle(index);
        let now = self.now;
        let client = &mut self.clients[index];
        let datagram = client.endpoint.send(now, handle, payload).unwrap().datagram.to_vec();
        let from = client.address;
        self.put_on_wire(from, SERVER, datagram);
    }

    pub(super) fn send_from_server(&mut self, handle: ConnectionHandle, to: SocketAddr, payload: &[u8]) {
        let datagram = self.server.endpoint.send(self.now, handle, payload).unwrap().datagram.to_vec();
        self.put_on_wire(SERVER, to, datagram);
    }

    /// The server's process ends without a word, and another one begins.
    pub(super) fn restart_server(&mut self, config: impl Into<Arc<ServerConfig>>) {
        let mut endpoint = Endpoint::server(self.now, config, limits(), 0).unwrap();
        endpoint.offer_jobs(self.job_limit);
        self.server = Peer { address: SERVER, endpoint, log: Vec::new(), received: Vec::new() };
    }

    /// Seals a payload without sending it.
    pub(super) fn seal(&mut self, index: usize, payload: &[u8]) -> Vec<u8> {
        let handle = self.client_handle(index);
        self.clients[index].endpoint.send(self.now, handle, payload).unwrap().datagram.to_vec()
    }

    /// A datagram that the attacker makes up, delivered at once.
    pub(super) fn inject(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        self.deliver(from, to, datagram);
        self.collect();
    }

    /// Datagrams under way to this address.
    pub(super) fn in_flight_to(&self, address: SocketAddr) -> usize {
        self.in_flight.values().filter(|(_, to, _)| *to == address).count()
    }

    /// Takes the next datagram that is under way off the wire, when it would arrive: from, to, bytes.
    pub(super) fn take_next(&mut self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let ((at, _), taken) = self.in_flight.pop_first()?;
        self.now = self.now.max(at);
        Some(taken)
    }

    /// Loses every datagram that is under way.
    pub(super) fn drop_in_flight(&mut self) {
        self.in_flight.clear();
    }

    /// Runs until no datagram is under way, without waiting for timers.
    pub(super) fn settle(&mut self) {
        self.collect();
        while self.step() {}
    }

    /// Delivers the next datagram that is under way.
    pub(super) fn step(&mut self) -> bool {
        let Some((from, to, datagram)) = self.take_next() else {
            return false;
        };
        self.deliver(from, to, &datagram);
        self.collect();
        true
    }

    /// Runs everything, timers included, for this long.
    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.collect();
        loop {
            let arrival = self.in_flight.first_key_value().map(|(&(at, _), _)| at);
            let timers = self.peers().filter_map(|peer| peer.endpoint.poll_timeout()).min();
            let Some(next) = arrival.into_iter().chain(timers).min().filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, (from, to, datagram)) = self.in_flight.pop_first().unwrap();
                self.deliver(from, to, &datagram);
            } else {
                let now = self.now;
                self.server.endpoint.handle_timeout(now);
                for client in &mut self.clients {
                    client.endpoint.handle_timeout(now);
                }
            }
            self.collect();
        }
        self.now = end;
    }

    pub(super) fn answer(&mut self, lookup: QuestionId, key: Option<&[u8]>) -> bool {
        let answered = reply(&mut self.server.endpoint, self.now, lookup, HandshakeAnswer::Psk(key));
        self.collect();
        answered
    }

    /// Answers, where it was asked, as whom a client appears.
    pub(super) fn answer_identity(
        &mut self,
        asked: SocketAddr,
        lookup: QuestionId,
        own: Option<(&[u8], &[u8])>,
    ) -> bool {
        let now = self.now;
        let client = self.clients.iter_mut().rev().find(|client| client.address == asked);
        let answered =
            client.is_some_and(|client| reply(&mut client.endpoint, now, lookup, HandshakeAnswer::OwnPsk(own)));
        self.collect();
        answered
    }

    /// Answers the oldest question for a configuration.
    pub(super) fn answer_config(&mut self, config: Option<Arc<ServerConfig>>) -> bool {
        let (lookup, _) = self.config_questions.remove(0);
        let answered = reply(&mut self.server.endpoint, self.now, lookup, HandshakeAnswer::Config(config));
        self.collect();
        answered
    }

    /// Answers the oldest question for a protocol.
    pub(super) fn answer_protocol(&mut self, protocol: Option<&[u8]>) -> bool {
        let (lookup, _) = self.protocol_questions.remove(0);
        let answered = reply(&mut self.server.endpoint, self.now, lookup, HandshakeAnswer::Protocol(protocol));
        self.collect();
        answered
    }

    /// Answers, where it was asked, whether a peer is accepted.
    pub(super) fn answer_peer(&mut self, asked: SocketAddr, lookup: QuestionId, accepted: bool) -> bool {
        let now = self.now;
        let peer = self.clients.iter_mut().find(|client| client.address == asked).unwrap_or(&mut self.server);
        let answered = reply(&mut peer.endpoint, now, lookup, HandshakeAnswer::Peer(accepted));
        self.collect();
        answered
    }

    /// Runs one of the jobs that are out.
    pub(super) fn run_job(&mut self, index: usize) {
        let (client, job) = self.open_jobs.remove(index);
        let peer = match client {
            None => &mut self.server,
            Some(index) => &mut self.clients[index],
        };
        peer.endpoint.handle_job(self.now, job.run());
        self.collect();
    }

    /// Takes what the endpoints have to say, and gives it to the wire and to the application.
    pub(super) fn collect(&mut self) {
        let mut outgoing = Vec::new();
        for index in 0..=self.clients.len() {
            let now = self.now;
            let is_server = index == self.clients.len();
            let peer = if is_server { &mut self.server } else { &mut self.clients[index] };
            loop {
                while let Some(transmit) = peer.endpoint.poll_transmit() {
                    let from = transmit.route.local.map_or(peer.address, |ip| SocketAddr::new(ip, peer.address.port()));
                    outgoing.push((from, transmit.route.remote, transmit.datagram));
                }
                if let Some(job) = peer.endpoint.poll_job(now) {
                    if self.runs_jobs_at_once {
                        peer.endpoint.handle_job(now, job.run());
                    } else {
                        self.open_jobs.push(((!is_server).then_some(index), job));
                    }
                    continue;
                }
                match peer.endpoint.poll_event() {
                    None => break,
                    Some(Event::Question { question, about, .. }) => match about {
                        Question::Handshake(HandshakeQuestion::Psk(identity)) if self.answers_at_once => {
                            let key = self.keys.get(&identity).map(Vec::as_slice);
                            // Late when the same input has ended the connection, too.
                            reply(&mut peer.endpoint, now, question, HandshakeAnswer::Psk(key));
                        }
                        Question::Handshake(HandshakeQuestion::Psk(identity)) => {
                            self.open_lookups.push((question, identity));
                        }
                        Question::Handshake(HandshakeQuestion::OwnPsk(hint)) => {
                            if self.answers_at_once {
                                let own = self.own_psk.as_ref();
                                let own = own.map(|(identity, key)| (identity.as_slice(), key.as_slice()));
                                reply(&mut peer.endpoint, now, question, HandshakeAnswer::OwnPsk(own));
                            }
                            self.identity_questions.push((peer.address, question, hint));
                        }
                        Question::Handshake(HandshakeQuestion::Config(name)) => {
                            self.config_questions.push((question, name));
                        }
                        Question::Handshake(HandshakeQuestion::Protocol(protocols)) => {
                            self.protocol_questions.push((question, protocols));
                        }
                        Question::Handshake(HandshakeQuestion::Peer(presented)) => {
                            self.open_verifications.push((peer.address, question, presented));
                        }
                        Question::Restore { claimed, .. } => self.restore_questions.push((question, claimed)),
                        Question::Move { device_id, .. } => self.move_questions.push((question, device_id)),
                        other => self.other_questions.push((question, other)),
                    },
                    Some(Event::Data { connection, payload }) => peer.received.push((connection, payload)),
                    Some(event) => peer.log.push(event),
                }
            }
        }
        for (from, to, datagram) in outgoing {
            match self.hello_fragments {
                Some(length) if is_client_hello(&datagram) => {
                    cut(&datagram, length).into_iter().for_each(|datagram| self.put_on_wire(from, to, datagram));
                    self.hellos.push(datagram);
                }
                _ => self.put_on_wire(from, to, datagram),
            }
        }
    }

    pub(super) fn put_on_wire(&mut self, from: SocketAddr, to: SocketAddr, mut datagram: Vec<u8>) {
        if let Some((old, new)) = &self.rewrite {
            while let Some(at) = datagram.windows(old.len()).position(|window| window == old) {
                datagram[at..at + new.len()].copy_from_slice(new);
            }
        }
        self.wire.push((from, to, datagram.clone()));
        let is_too_long = self.longest.is_some_and(|longest| datagram.len() > longest);
        if self.roll() % 100 < self.weather.loss || is_too_long {
            self.lost += 1;
            return;
        }
        if self.corruption > 0 && self.roll() % 100 < self.corruption {
            let bit = self.roll() as usize % (8 * datagram.len());
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
        let copies = if self.roll() % 100 < self.weather.duplication { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = self.weather.jitter.as_micros() as u64;
            let extra = if jitter == 0 { 0 } else { self.roll() % jitter };
            let at = self.now + self.delay + Duration::from_micros(extra);
            self.sequence += 1;
            self.in_flight.insert((at, self.sequence), (from, to, datagram.clone()));
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let now = self.now;
        let local = (!self.also_at.is_empty()).then_some(to.ip());
        let is_for_server = to == SERVER || self.also_at.contains(&to);
        let peer = if is_for_server {
            Some(&mut self.server)
        } else {
            self.clients.iter_mut().rev().find(|client| client.address == to)
        };
        let Some(peer) = peer else {
            return;
        };
        let route = Route { remote: from, local: local.filter(|_| is_for_server) };
        if let Some(received) = peer.endpoint.handle_datagram(now, route, datagram) {
            let (connection, payload) = (received.connection, received.payload.to_vec());
            peer.received.push((connection, payload));
        }
    }

    /// Another seed for the weather.
    pub(super) fn stir(&mut self, seed: u64) {
        self.dice ^= seed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }

    fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.clients.iter().chain(std::iter::once(&self.server))
    }

    /// xorshift64: every run of a test sees the same weather.
    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice >> 11
    }
}

/// Answers a handshake's question. Whether that had an effect.
pub(super) fn reply(endpoint: &mut Endpoint, now: Instant, question: QuestionId, answer: HandshakeAnswer<'_>) -> bool {
    endpoint.handle_answer(now, question, Answer::Handshake(answer)) != Answered::Unused
}

/// Fails to answer a question. Whether that had an effect.
pub(super) fn fail(endpoint: &mut Endpoint, now: Instant, question: QuestionId, message: &str) -> bool {
    endpoint.fail(now, question, message) != Answered::Unused
}

/// Answers the question for a saved connection. The connection that goes on, if one does.
pub(super) fn reply_with_saved(
    endpoint: &mut Endpoint,
    now: Instant,
    unix_time: Duration,
    question: QuestionId,
    saved: Option<&SavedConnection>,
) -> Option<ConnectionHandle> {
    let restoration = saved.map(|saved| Restoration { saved, clock: clock(unix_time) });
    match endpoint.handle_answer(now, question, Answer::Restore(restoration, None)) {
        Answered::Restored(connection) => Some(connection),
        Answered::Unused | Answered::Used => None,
    }
}

/// The clock at a restore of a copy whose own time nobody has noted.
pub(super) fn clock(now: Duration) -> SaveClock {
    SaveClock { saved: None, now }
}

/// The application wants to be asked about addresses.
pub(super) fn asks_about_addresses(for_restores: bool, for_moves: bool) -> Asks {
    Asks { for_restores, for_moves, ..Asks::default() }
}

/// The application wants to be asked about hellos.
pub(super) fn asks_about_hellos(for_configs: bool, for_protocols: bool) -> Asks {
    let handshakes = HandshakeAsks { for_configs, for_protocols, for_sessions: false };
    Asks { handshakes, ..Asks::default() }
}

fn is_client_hello(datagram: &[u8]) -> bool {
    datagram[0] == 22 && datagram[3..5] == [0, 0] && datagram[13] == 1
}

/// The fragment with these bytes of a handshake message that fills a record; `number` is the record's.
pub(super) fn fragment(message: &[u8], number: u64, range: std::ops::Range<usize>) -> Vec<u8> {
    let (headers, body) = message.split_at(13 + 12);
    let u24 = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
    let mut bytes = headers.to_vec();
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11..13].copy_from_slice(&((12 + range.len()) as u16).to_be_bytes());
    bytes[19..22].copy_from_slice(&u24(range.start));
    bytes[22..25].copy_from_slice(&u24(range.len()));
    bytes.extend_from_slice(&body[range]);
    bytes
}

/// A hello in fragments with so many bytes of it each, under numbers that follow those of the client's last hello.
pub(super) fn cut(hello: &[u8], length: usize) -> Vec<Vec<u8>> {
    let number = 1000 * u64::from_be_bytes(hello[3..11].try_into().unwrap());
    let end = hello.len() - 13 - 12;
    let ranges = (0..end).step_by(length).map(|start| start..end.min(start + length));
    ranges.zip(number..).map(|(range, number)| fragment(hello, number, range)).collect()
}

/// Zero of the virtual clock: an `Instant` cannot be made from nothing.
pub(super) fn base_time() -> Instant {
    Instant::now()
}

fn default_job_limit() -> usize {
    if std::env::var_os(JOBS).is_some() { 4 } else { 0 }
}
