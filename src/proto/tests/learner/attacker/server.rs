//! The attacker as a server, and what it can say to a client.

use super::association::{Association, Ephemeral};
use super::messages::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE, CURVE, FINISHED, HEADER,
    HELLO_VERIFY_REQUEST, NEW_SESSION_TICKET, SCHEME, SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, message,
    server_extensions, server_hello, vector,
};
use super::secrets::psk_premaster_secret;
use super::speaker::{Listener, Speaker, hear};
use super::{HANDSHAKE, Noise, Proofs, Quality, Shown, random};

/// What the attacker says to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum ServerMessage {
    HelloVerifyRequest,
    ServerHello,
    /// With a suite that the client has not offered.
    ServerHelloOfAnotherSuite,
    Certificate(Shown),
    /// A hint of an identity with pre-shared keys (RFC 4279 section 2).
    KeyExchange(Quality),
    CertificateRequest,
    HelloDone,
    NewSessionTicket,
    ChangeCipherSpec,
    Finished(Quality),
    PlainFinished,
    /// Messages that only clients send.
    ClientHello,
    ClientKeyExchange,
    Other(Noise),
}

use ServerMessage::*;

impl ServerMessage {
    const HANDSHAKE: [(&'static str, ServerMessage); 17] = [
        ("HelloVerifyRequest", HelloVerifyRequest),
        ("ServerHello", ServerHello),
        ("ServerHello of another suite", ServerHelloOfAnotherSuite),
        ("Certificate", Certificate(Shown::Own)),
        ("Certificate of a stranger", Certificate(Shown::Stranger)),
        ("Certificate, empty", Certificate(Shown::Nothing)),
        ("ServerKeyExchange", KeyExchange(Quality::Right)),
        ("ServerKeyExchange, wrong", KeyExchange(Quality::Wrong)),
        ("CertificateRequest", CertificateRequest),
        ("ServerHelloDone", HelloDone),
        ("NewSessionTicket", NewSessionTicket),
        ("ChangeCipherSpec", ChangeCipherSpec),
        ("Finished", Finished(Quality::Right)),
        ("Finished, wrong", Finished(Quality::Wrong)),
        ("Finished in the clear", PlainFinished),
        ("ClientHello", ClientHello),
        ("ClientKeyExchange", ClientKeyExchange),
    ];

    /// Whether it takes a place in the transcript, or a number among the messages.
    fn is_of_handshake(self) -> bool {
        !matches!(self, ChangeCipherSpec | Finished(_) | Other(_))
    }

    pub(in super::super) fn alphabet() -> Vec<(&'static str, ServerMessage)> {
        // A client has no former connection.
        let others = Noise::ALL.into_iter().filter(|(_, noise)| *noise != Noise::DataOfFormer);
        Self::HANDSHAKE.into_iter().chain(others.map(|(name, noise)| (name, Other(noise)))).collect()
    }
}

pub(in super::super) struct Server {
    speaker: Speaker,
    shown: Shown,
    ephemeral: Option<Ephemeral>,
    /// message_seq of the client's hello that was answered.
    hellos: u16,
}

impl Server {
    pub(in super::super) fn new(proofs: Proofs) -> Server {
        let nothing = Association::new(false, [0; 32], 0);
        Server { speaker: Speaker::new(proofs, nothing), shown: Shown::Own, ephemeral: None, hellos: 0 }
    }

    /// The datagram with a message; `None` where it would lead to states without end.
    pub(in super::super) fn say(&mut self, what: ServerMessage) -> Option<Vec<u8>> {
        if what.is_of_handshake() && self.speaker.now.is_finishing() {
            return None;
        }
        Some(match what {
            HelloVerifyRequest => {
                // It is not in the transcript, and its message_seq is that of the hello (RFC 6347 section 4.2.2).
                let body = [&[254, 255][..], &vector(1, &random::<20>())].concat();
                let whole = message(HELLO_VERIFY_REQUEST, self.speaker.now.sequence, &body);
                self.speaker.now.sequence += 1;
                self.speaker.plain(HANDSHAKE, &whole)
            }
            ServerHello => self.hello(self.speaker.proofs.suite()),
            // TLS_RSA_WITH_AES_128_CBC_SHA.
            ServerHelloOfAnotherSuite => self.hello(0x002f),
            Certificate(shown) => {
                self.shown = shown;
                let body = self.speaker.certificate(shown);
                self.handshake(CERTIFICATE, &body)
            }
            KeyExchange(quality) => self.key_exchange(quality),
            CertificateRequest => {
                // ecdsa_sign, and no names of authorities (RFC 5246 section 7.4.4).
                let body = [&[1, 64][..], &vector(2, &SCHEME), &[0, 0]].concat();
                self.handshake(CERTIFICATE_REQUEST, &body)
            }
            HelloDone => self.handshake(SERVER_HELLO_DONE, &[]),
            NewSessionTicket => {
                let body = [&[0, 0, 14, 16][..], &vector(2, &[7; 40])].concat();
                self.handshake(NEW_SESSION_TICKET, &body)
            }
            ChangeCipherSpec => self.speaker.change_cipher_spec(),
            Finished(quality) => self.speaker.finish(quality)?,
            PlainFinished => {
                let data = self.speaker.now.verify_data(false);
                self.handshake(FINISHED, &data)
            }
            ClientHello => self.handshake(CLIENT_HELLO, &[254, 253]),
            ClientKeyExchange => self.handshake(CLIENT_KEY_EXCHANGE, &[0, 0]),
            Other(noise) => self.speaker.noise(noise)?,
        })
    }

    /// The names of what is in a datagram of the client's.
    pub(in super::super) fn hear(&mut self, datagram: &[u8]) -> Vec<String> {
        hear(self, datagram)
    }

    /// The connection is over.
    pub(in super::super) fn forget(&mut self) {
        self.speaker.begin(Association::new(false, [0; 32], 0));
        (self.shown, self.ephemeral, self.hellos) = (Shown::Own, None, 0);
    }

    fn handshake(&mut self, message_type: u8, body: &[u8]) -> Vec<u8> {
        let whole = self.speaker.now.say(message_type, body);
        self.speaker.plain(HANDSHAKE, &whole)
    }

    fn hello(&mut self, suite: u16) -> Vec<u8> {
        let proofs = &self.speaker.proofs;
        let extensions = server_extensions(proofs.has_certificates(), proofs.has_raw_keys(), proofs.are_mutual());
        self.speaker.now.server_random = random::<32>();
        let body = server_hello(&self.speaker.now.server_random, suite, &extensions);
        self.handshake(SERVER_HELLO, &body)
    }

    /// RFC 4279 section 2, RFC 8422 section 5.4.
    fn key_exchange(&mut self, quality: Quality) -> Vec<u8> {
        let body = match (&self.speaker.proofs, quality) {
            (Proofs::Psk { .. }, Quality::Right) => vector(2, b"hint"),
            (Proofs::Psk { .. }, Quality::Wrong) => vec![0, 9, 7],
            (Proofs::Ecdsa(_), _) => {
                let ephemeral = Ephemeral::generate();
                let parameters = [&CURVE[..], &vector(1, &ephemeral.public)].concat();
                self.ephemeral = Some(ephemeral);
                let Association { client_random, server_random, .. } = &self.speaker.now;
                let signed = [&client_random[..], server_random, &parameters].concat();
                [parameters, self.speaker.sign(&signed, self.shown, quality)].concat()
            }
        };
        self.handshake(SERVER_KEY_EXCHANGE, &body)
    }
}

impl Listener for Server {
    fn speaker(&mut self) -> &mut Speaker {
        &mut self.speaker
    }

    fn take(&mut self, message_type: u8, sequence: u16, whole: &[u8]) {
        let body = &whole[HEADER..];
        let now = &mut self.speaker.now;
        match message_type {
            CLIENT_HELLO if now.expected == 0 || sequence == self.hellos + 1 => {
                // A hello with a cookie takes the place of the first (RFC 6347 section 4.2.1).
                self.hellos = sequence;
                now.client_random.copy_from_slice(&body[2..34]);
                now.transcript = whole.to_vec();
                now.expected = sequence + 1;
            }
            CERTIFICATE | CLIENT_KEY_EXCHANGE | CERTIFICATE_VERIFY if sequence == now.expected => {
                now.expected += 1;
                now.transcript.extend_from_slice(whole);
                if message_type == CLIENT_KEY_EXCHANGE {
                    let premaster = match (&self.speaker.proofs, self.ephemeral.take()) {
                        (Proofs::Psk { key, .. }, _) => psk_premaster_secret(key),
                        (_, Some(ephemeral)) => ephemeral.agree(body.get(1..).unwrap_or_default()),
                        (_, None) => Vec::new(),
                    };
                    self.speaker.now.exchange(&premaster);
                }
            }
            _ => {}
        }
    }
}
