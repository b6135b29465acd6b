//! Two associations that talk to each other without a network, so that one can say what no honest peer says.

mod connection_ids;
mod copies;
mod departure;
mod epochs;
mod messages;
mod proofs;
mod sessions;
mod shares;
mod sleep;

use super::association::Association;
use super::link::kind;
use crate::tls::config::{Settings, Wishes};
use crate::tls::context::Reaction;
use crate::tls::error::Error;
use crate::tls::greeting::Greeting;
use crate::tls::inbound::Inbound;
use crate::tls::outbox::Outbox;
use crate::tls::progress::Progress;
use crate::tls::psk::ClientPsk;
use crate::tls::question::{Answer, Asks, Question};
use crate::tls::session_policy::SessionPolicy;
use crate::tls::version::{Version, Versions};
use crate::tls::versions::{ClientConfig, ClientOf, ServerConfig};
use crate::tls::wall_clock::WallClock;
use crate::wire::{HelloStart, Records};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEY: &[u8] = b"0123456789abcdef";

/// Zero of the virtual clock: an `Instant` cannot be made from nothing.
pub(super) fn base_time() -> Instant {
    Instant::now()
}

pub(super) fn settings(ciphers: Option<&[&str]>) -> Settings {
    let versions = Versions { oldest: Version::Dtls13, newest: Version::Dtls13 };
    Settings {
        ciphers: ciphers.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        wishes: Wishes { versions, ..Wishes::default() },
        revocations: None,
        first_interval: Duration::from_secs(1),
        longest_interval: Duration::from_secs(60),
        mtu: 1200,
    }
}

/// The two sides. What one writes is given to the other by hand.
struct Pair {
    now: Instant,
    client: Association,
    server: Association,
}

fn datagrams(out: &Outbox) -> Vec<Vec<u8>> {
    out.datagrams().map(<[u8]>::to_vec).collect()
}

/// Gives datagrams to one side: what each record has led to, and what it has written.
fn deliver(
    side: &mut Association,
    now: Instant,
    datagrams: &[Vec<u8>],
) -> (Vec<Result<Reaction, Error>>, Vec<Vec<u8>>) {
    let (mut out, mut reactions) = (Outbox::default(), Vec::new());
    for datagram in datagrams {
        for record in Records::new(datagram) {
            let mut room = vec![0; record.bytes.len()];
            reactions.push(side.handle_record(now, &record, &mut room, &mut out));
        }
    }
    (reactions, self::datagrams(&out))
}

fn is_done(reaction: &Result<Reaction, Error>) -> bool {
    matches!(reaction, Ok(Reaction::Handshake(Progress::Done(_))))
}

impl Pair {
    /// Both have their keys of the handshake's end. `cipher`: the only one on offer.
    fn open(cipher: &str) -> Pair {
        let (mut pair, flight) = Pair::greeted(Some(&[cipher]));
        let (reactions, finished) = deliver(&mut pair.client, pair.now, &flight);
        assert!(is_done(reactions.last().unwrap()), "{reactions:?}");
        let (reactions, acknowledgment) = deliver(&mut pair.server, pair.now, &finished);
        assert!(is_done(&reactions[0]), "{reactions:?}");
        let (reactions, _) = deliver(&mut pair.client, pair.now, &acknowledgment);
        assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Consumed))), "{reactions:?}");
        assert_eq!((pair.client.deadline(), pair.server.deadline()), (None, None));
        pair
    }

    /// The client has sent its second hello, and the server has written its flight.
    fn greeted(ciphers: Option<&[&str]>) -> (Pair, Vec<Vec<u8>>) {
        let (mut pair, hello) = Pair::met(base_time(), ciphers, &SessionPolicy::none(), None);
        let (reactions, _) = deliver(&mut pair.server, pair.now, &hello);
        assert!(matches!(reactions[0], Ok(Reaction::Handshake(Progress::Asks(Question::Psk(_))))), "{reactions:?}");
        let mut out = Outbox::default();
        let answered = pair.server.handle_answer(pair.now, Answer::Psk(Some(KEY)), &mut out);
        assert!(matches!(answered, Ok(Progress::Waiting)));
        (pair, datagrams(&out))
    }

    /// The client has written its second hello. `sessions`: of the server. `session`: what the client offers; it remembers sessions if it
    /// has a clock.
    fn met(
        now: Instant,
        ciphers: Option<&[&str]>,
        sessions: &SessionPolicy,
        session: Option<(WallClock, Option<&[u8]>)>,
    ) -> (Pair, Vec<Vec<u8>>) {
        let settings = settings(ciphers);
        let server = ServerConfig::new(&settings, None, true, None).unwrap();
        let psk = ClientPsk::new(b"device", KEY).unwrap();
        let mut client = ClientConfig::new(&settings, Some(psk), None, None).unwrap();
        if let Some((clock, session)) = session {
            client = client.resuming(clock, session);
        }
        Pair::meeting(now, server, &client, sessions)
    }

    /// The same with these configurations.
    fn meeting(
        now: Instant,
        server: ServerConfig,
        client: &ClientConfig,
        sessions: &SessionPolicy,
    ) -> (Pair, Vec<Vec<u8>>) {
        let config = Arc::new(server);
        let ClientOf::Dtls13(client) = client.engine() else { panic!() };
        let mut client = Association::client(client, None).unwrap();
        let mut out = Outbox::default();
        assert!(matches!(client.handle_timeout(now, &mut out), Ok(Progress::Waiting)));
        let hello = datagrams(&out);
        let record = Records::new(&hello[0]).next().unwrap();
        let Greeting::Retry(request) = config.greet(&record, &HelloStart::parse(&record).unwrap()) else { panic!() };
        let retry = request.with_cookie(&[&request.memory()[..], &[0; 20]].concat()).unwrap();
        let (_, hello) = deliver(&mut client, now, &[retry]);
        let server = Association::server(&config, config.dtls13().unwrap(), Asks::default(), sessions.clone(), None);
        (Pair { now, client, server }, hello)
    }

    /// The client says something in its newest epoch: what it leads to, and what the server answers.
    fn client_says(&mut self, content_type: u8, content: &[u8]) -> (Result<Reaction, Error>, Vec<Vec<u8>>) {
        let mut out = Outbox::default();
        self.client.say(content_type, content, &mut out);
        let (mut reactions, answers) = deliver(&mut self.server, self.now, &datagrams(&out));
        (reactions.remove(0), answers)
    }

    /// One message each way arrives.
    fn talk(&mut self) {
        for _ in 0..2 {
            let mut out = Outbox::default();
            self.client.write(self.now, b"message", &mut out).unwrap();
            let (reactions, answers) = deliver(&mut self.server, self.now, &datagrams(&out));
            assert!(matches!(reactions[0], Ok(Reaction::Record(Inbound::Data(7)))), "{reactions:?}");
            assert!(answers.is_empty());
            std::mem::swap(&mut self.client, &mut self.server);
        }
    }

    /// Carries everything to and fro until nothing is said any more. `first`: what the client has written.
    fn settle(&mut self, first: Vec<Vec<u8>>) {
        let mut to_server = first;
        while !to_server.is_empty() {
            let (reactions, to_client) = deliver(&mut self.server, self.now, &to_server);
            assert!(reactions.iter().all(Result::is_ok), "{reactions:?}");
            let (reactions, answers) = deliver(&mut self.client, self.now, &to_client);
            assert!(reactions.iter().all(Result::is_ok), "{reactions:?}");
            to_server = answers;
        }
    }
}

/// A handshake message in one fragment.
fn message(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    let length = crate::wire::u24(body.len());
    [&[kind][..], &length, &sequence.to_be_bytes(), &[0; 3], &length, body].concat()
}

/// The alert in a datagram of epoch 0; `None` for another one.
fn alert_of(error: &Error) -> Option<u8> {
    error.alert
}
