//! The attacker as a client, and what it can say to a server.

use super::association::{Association, Ephemeral};
use super::messages::{
    CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE, CURVE, FINISHED, HEADER, HELLO_VERIFY_REQUEST,
    SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, client_extensions, client_hello, fragment, message, vector,
};
use super::secrets::{VERIFY_DATA, psk_premaster_secret};
use super::speaker::{Listener, Speaker, hear};
use super::{HANDSHAKE, Noise, Proofs, Quality, Shown, random};

/// What the attacker says to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum ClientMessage {
    /// A hello without a cookie, of which nothing more is heard.
    Hello,
    /// A new hello without a cookie, and the same with the cookie that comes.
    HelloWithCookie,
    /// The last hello with a cookie once more.
    HelloAgain,
    HelloWithWrongCookie,
    Certificate(Shown),
    KeyExchange(Quality),
    /// The key exchange of this handshake once more.
    KeyExchangeAgain,
    FirstHalfOfKeyExchange,
    SecondHalfOfKeyExchange,
    CertificateVerify(Quality),
    ChangeCipherSpec,
    Finished(Quality),
    PlainFinished,
    /// A message that only servers send.
    ServerHelloDone,
    Other(Noise),
}

use ClientMessage::*;

impl ClientMessage {
    const HANDSHAKE: [(&'static str, ClientMessage); 18] = [
        ("ClientHello", Hello),
        ("ClientHello with cookie", HelloWithCookie),
        ("ClientHello with cookie again", HelloAgain),
        ("ClientHello with wrong cookie", HelloWithWrongCookie),
        ("ClientKeyExchange", KeyExchange(Quality::Right)),
        ("ClientKeyExchange, unusable", KeyExchange(Quality::Wrong)),
        ("ClientKeyExchange again", KeyExchangeAgain),
        ("ClientKeyExchange, first half", FirstHalfOfKeyExchange),
        ("ClientKeyExchange, second half", SecondHalfOfKeyExchange),
        ("Certificate", Certificate(Shown::Own)),
        ("Certificate of a stranger", Certificate(Shown::Stranger)),
        ("Certificate, empty", Certificate(Shown::Nothing)),
        ("CertificateVerify", CertificateVerify(Quality::Right)),
        ("CertificateVerify, wrong", CertificateVerify(Quality::Wrong)),
        ("ChangeCipherSpec", ChangeCipherSpec),
        ("Finished", Finished(Quality::Right)),
        ("Finished, wrong", Finished(Quality::Wrong)),
        ("Finished in the clear", PlainFinished),
    ];

    /// Whether it takes a place in the transcript.
    fn is_of_handshake(self) -> bool {
        matches!(self, Certificate(_) | KeyExchange(_) | CertificateVerify(_) | PlainFinished | ServerHelloDone)
    }

    pub(in super::super) fn alphabet() -> Vec<(&'static str, ClientMessage)> {
        let others = Noise::ALL.into_iter().map(|(name, noise)| (name, Other(noise)));
        Self::HANDSHAKE.into_iter().chain([("ServerHelloDone", ServerHelloDone)]).chain(others).collect()
    }
}

/// A hello with a cookie.
struct Greeting {
    random: [u8; 32],
    whole: Vec<u8>,
}

pub(in super::super) struct Client {
    speaker: Speaker,
    /// The random of a hello that waits for its cookie.
    waiting: Option<[u8; 32]>,
    cookie: Option<Vec<u8>>,
    greeting: Option<Greeting>,
    shown: Shown,
    /// The last ClientKeyExchange that was said.
    exchange: Option<Vec<u8>>,
    /// One of which only a part was said, with its private key.
    unsaid: Option<(Vec<u8>, Option<Ephemeral>)>,
    server_point: Vec<u8>,
}

impl Client {
    pub(in super::super) fn new(proofs: Proofs) -> Client {
        let nothing = Association::new(true, [0; 32], 0);
        Client {
            speaker: Speaker::new(proofs, nothing),
            waiting: None,
            cookie: None,
            greeting: None,
            shown: Shown::Nothing,
            exchange: None,
            unsaid: None,
            server_point: Vec::new(),
        }
    }

    /// The datagram with a message; `None` where it would lead to states without end, or where there is nothing to repeat. Behind
    /// [`HelloWithCookie`] follows [`Client::greet`].
    pub(in super::super) fn say(&mut self, what: ClientMessage) -> Option<Vec<u8>> {
        if what.is_of_handshake() && self.speaker.now.is_finishing() {
            return None;
        }
        Some(match what {
            Hello | HelloWithCookie => {
                let random = random::<32>();
                self.waiting = (what == HelloWithCookie).then_some(random);
                let whole = message(CLIENT_HELLO, 0, &self.hello_body(random, &[]));
                self.speaker.plain(HANDSHAKE, &whole)
            }
            // In the middle of a handshake, how often something was repeated would be a state each time.
            HelloAgain | KeyExchangeAgain if !self.speaker.now.is_open() => return None,
            HelloAgain => {
                let whole = self.greeting.as_ref()?.whole.clone();
                self.speaker.plain(HANDSHAKE, &whole)
            }
            HelloWithWrongCookie => {
                let whole = message(CLIENT_HELLO, 1, &self.hello_body(random::<32>(), &[7; 20]));
                self.speaker.plain(HANDSHAKE, &whole)
            }
            Certificate(shown) => {
                self.shown = shown;
                let body = self.speaker.certificate(shown);
                self.handshake(CERTIFICATE, &body)
            }
            KeyExchange(Quality::Right) => {
                let (body, ephemeral) = self.key_exchange();
                self.exchange_keys(&body, ephemeral)
            }
            KeyExchange(Quality::Wrong) => {
                // An identity longer than its message; a point that is on no curve.
                let body = match self.speaker.proofs {
                    Proofs::Psk { .. } => vec![0, 9, 7],
                    Proofs::Ecdsa(_) => vector(1, &[&[4][..], &[1; 64]].concat()),
                };
                self.handshake(CLIENT_KEY_EXCHANGE, &body)
            }
            KeyExchangeAgain => {
                let whole = self.exchange.clone()?;
                self.speaker.plain(HANDSHAKE, &whole)
            }
            FirstHalfOfKeyExchange | SecondHalfOfKeyExchange if self.exchange.is_some() => return None,
            FirstHalfOfKeyExchange => {
                let (body, ephemeral) = self.unsaid.take().unwrap_or_else(|| self.key_exchange());
                let half = fragment(CLIENT_KEY_EXCHANGE, self.speaker.now.sequence, &body, 0..body.len() / 2);
                self.unsaid = self.speaker.now.is_under_way().then_some((body, ephemeral));
                self.speaker.plain(HANDSHAKE, &half)
            }
            SecondHalfOfKeyExchange => {
                let (body, ephemeral) = self.unsaid.take()?;
                let half = fragment(CLIENT_KEY_EXCHANGE, self.speaker.now.sequence, &body, body.len() / 2..body.len());
                self.exchange_keys(&body, ephemeral);
                self.speaker.number -= 1;
                self.speaker.plain(HANDSHAKE, &half)
            }
            CertificateVerify(quality) => {
                let body = self.speaker.sign(&self.speaker.now.transcript, self.shown, quality);
                self.handshake(CERTIFICATE_VERIFY, &body)
            }
            ChangeCipherSpec => self.speaker.change_cipher_spec(),
            Finished(quality) => self.speaker.finish(quality)?,
            PlainFinished => {
                let data = self.speaker.now.verify_data(true);
                debug_assert_eq!(data.len(), VERIFY_DATA);
                self.handshake(FINISHED, &data)
            }
            ServerHelloDone => self.handshake(SERVER_HELLO_DONE, &[]),
            Other(noise) => self.speaker.noise(noise)?,
        })
    }

    /// The names of what is in a datagram of the server's.
    pub(in super::super) fn hear(&mut self, datagram: &[u8]) -> Vec<String> {
        hear(self, datagram)
    }

    fn hello_body(&self, random: [u8; 32], cookie: &[u8]) -> Vec<u8> {
        let proofs = &self.speaker.proofs;
        let extensions = client_extensions(proofs.has_certificates(), proofs.has_raw_keys());
        client_hello(&random, cookie, proofs.suite(), &extensions)
    }

    /// The hello that waits, with the cookie that has come for it.
    pub(in super::super) fn greet(&mut self) -> Option<Vec<u8>> {
        let (random, cookie) = (self.waiting.take()?, self.cookie.take()?);
        let whole = message(CLIENT_HELLO, 1, &self.hello_body(random, &cookie));
        self.greeting = Some(Greeting { random, whole: whole.clone() });
        Some(self.speaker.plain(HANDSHAKE, &whole))
    }

    /// A server has answered the hello with the cookie, with which the transcript begins (RFC 6347 section 4.2.1).
    fn begin(&mut self, server_random: &[u8]) {
        let Some(Greeting { random, whole }) = &self.greeting else { return };
        if self.speaker.now.server_random == server_random {
            return;
        }
        let mut next = Association::new(true, *random, 1);
        next.server_random.copy_from_slice(server_random);
        next.transcript.clone_from(whole);
        next.sequence = 2;
        self.turn_to(next);
    }

    /// The connection at hand is over.
    pub(in super::super) fn forget(&mut self) {
        self.turn_to(Association::new(true, [0; 32], 0));
    }

    fn turn_to(&mut self, next: Association) {
        self.speaker.begin(next);
        (self.shown, self.exchange, self.unsaid) = (Shown::Nothing, None, None);
        self.server_point.clear();
    }

    fn handshake(&mut self, message_type: u8, body: &[u8]) -> Vec<u8> {
        self.unsaid = None;
        let whole = self.speaker.now.say(message_type, body);
        self.speaker.plain(HANDSHAKE, &whole)
    }

    /// RFC 4279 section 2, RFC 8422 section 5.7.
    fn key_exchange(&self) -> (Vec<u8>, Option<Ephemeral>) {
        match &self.speaker.proofs {
            Proofs::Psk { identity, .. } => (vector(2, identity), None),
            Proofs::Ecdsa(_) => {
                let ephemeral = Ephemeral::generate();
                (vector(1, &ephemeral.public), Some(ephemeral))
            }
        }
    }

    /// Says it; there are keys from now on.
    fn exchange_keys(&mut self, body: &[u8], ephemeral: Option<Ephemeral>) -> Vec<u8> {
        let record = self.handshake(CLIENT_KEY_EXCHANGE, body);
        if self.speaker.now.is_under_way() {
            self.exchange = Some(message(CLIENT_KEY_EXCHANGE, self.speaker.now.sequence - 1, body));
        }
        let premaster = match (&self.speaker.proofs, ephemeral) {
            (Proofs::Psk { key, .. }, _) => psk_premaster_secret(key),
            (_, Some(ephemeral)) => ephemeral.agree(&self.server_point),
            (_, None) => Vec::new(),
        };
        self.speaker.now.exchange(&premaster);
        record
    }
}

impl Listener for Client {
    fn speaker(&mut self) -> &mut Speaker {
        &mut self.speaker
    }

    fn take(&mut self, message_type: u8, sequence: u16, whole: &[u8]) {
        let body = &whole[HEADER..];
        match message_type {
            HELLO_VERIFY_REQUEST => {
                self.cookie = Some(body[3..].to_vec());
                return;
            }
            SERVER_HELLO => self.begin(&body[2..34]),
            _ => {}
        }
        let now = &mut self.speaker.now;
        if sequence != now.expected {
            return;
        }
        now.expected += 1;
        now.transcript.extend_from_slice(whole);
        if message_type == SERVER_KEY_EXCHANGE && body.starts_with(&CURVE) {
            let length = usize::from(body[CURVE.len()]);
            self.server_point = body[CURVE.len() + 1..][..length].to_vec();
        }
    }
}
