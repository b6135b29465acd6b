//! Who is learnt: servers and clients, with each way to prove oneself.

use super::super::certificates::{Issuer, issuer};
use super::super::network::{IDENTITY, KEY, psk_client, psk_server, settings};
use super::attacker::client::{Client, ClientMessage};
use super::attacker::server::{Server, ServerMessage};
use super::attacker::{Noise, Proofs, Quality, Shown, Signers};
use super::credentials::{Identity, NAME};
use super::learning::{Conversation, System};
use super::model::{Model, NOT_SENT, NOTHING};
use super::rules::{ClientRules, Needs, ServerRules, Violation, check};
use super::subject::{Said, Subject};
use crate::proto::{ClientConfig, Credentials, PeerAuthentication, ServerConfig, Settings, TrustAnchors};
use crate::wire::PublicKey;
use std::sync::Arc;

/// A system, what its page says of it, and the rules that its model has to keep.
pub(super) struct Scene {
    /// Of its page in `docs/models`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) system: Box<dyn System>,
    /// Says how a model breaks the rules, or how many handshakes it has that end well.
    pub(super) check: Box<Check>,
}

type Check = dyn Fn(&Model) -> Result<usize, Violation>;
pub(super) type Make = fn() -> Scene;

/// The names of scenes whose models are kept, and how each is made.
pub(super) const SCENES: [(&str, Make); 3] = [
    ("psk-client", || client("psk-client", "A client with a pre-shared key", Parties::psk())),
    ("psk-server", || server("psk-server", "A server with pre-shared keys", Parties::psk())),
    ("ecdsa-client", || {
        client("ecdsa-client", "A client that verifies certificates", Parties::certified(false, false))
    }),
];

/// Those with slow computations, of whose models a part is compared.
pub(super) const MORE_SCENES: [(&str, Make); 5] = [
    ("ecdsa-server", || server("ecdsa-server", "A server with a certificate", Parties::certified(false, false))),
    ("mutual-server", || {
        server("mutual-server", "A server that asks for certificates", Parties::certified(false, true))
    }),
    ("rpk-server", || server("rpk-server", "A server that asks for raw public keys", Parties::certified(true, true))),
    ("mutual-client", || client("mutual-client", "A client with a certificate", Parties::certified(false, true))),
    ("rpk-client", || client("rpk-client", "A client with a raw public key", Parties::certified(true, true))),
];

/// A server with pre-shared keys, and an attacker with this identity and key.
pub(super) fn psk_server_for(identity: Vec<u8>, key: Vec<u8>) -> impl System {
    let alphabet = ClientMessage::alphabet();
    ServerSystem { alphabet, config: Arc::new(psk_server()), proofs: Proofs::Psk { identity, key } }
}

/// The product on either side, the attacker on the other.
struct Parties {
    proofs: Proofs,
    server: Arc<ServerConfig>,
    client: ClientConfig,
    needs: Needs,
}

impl Parties {
    fn psk() -> Parties {
        Parties {
            proofs: Proofs::Psk { identity: IDENTITY.to_vec(), key: KEY.to_vec() },
            server: Arc::new(psk_server()),
            client: psk_client(&[]),
            needs: Needs { certificate: false, client_proof: false },
        }
    }

    fn certified(raw: bool, mutual: bool) -> Parties {
        let issuer = issuer();
        let [product, own] = [(); 2].map(|()| Identity::new(&issuer));
        let stranger = Identity::new(&self::issuer());
        let credentials = || {
            Some(if raw {
                Credentials::parse_raw(product.key_pem().as_bytes(), None).unwrap()
            } else {
                Credentials::parse(product.key_pem().as_bytes(), None, std::slice::from_ref(&product.certificate_pem))
                    .unwrap()
            })
        };
        let peer = |name: Option<&str>| PeerAuthentication {
            trust_anchors: (!raw).then(|| anchors(&issuer)),
            servername: name.map(str::to_owned),
            public_keys: raw.then(|| vec![PublicKey::recognise(&own.public_key).unwrap()]),
            required: true,
            ..PeerAuthentication::lenient()
        };
        let server = ServerConfig::new(&roomy(), credentials(), false, mutual.then(|| peer(None))).unwrap();
        let name = (!raw).then_some(NAME);
        let client = ClientConfig::new(&roomy(), None, Some(peer(name)), mutual.then(credentials).flatten()).unwrap();
        Parties {
            proofs: Proofs::Ecdsa(Arc::new(Signers { own, stranger, raw, mutual })),
            server: Arc::new(server),
            client,
            needs: Needs { certificate: true, client_proof: mutual },
        }
    }
}

/// No message is cut, so that the attacker need not put any together.
fn roomy() -> Settings {
    Settings { mtu: 4096, ..settings(&[]) }
}

fn anchors(issuer: &Issuer) -> Arc<TrustAnchors> {
    Arc::new(TrustAnchors::parse(&[issuer.pem()]).unwrap())
}

fn server(name: &'static str, title: &'static str, parties: Parties) -> Scene {
    let needs = parties.needs;
    let system = ServerSystem { alphabet: ClientMessage::alphabet(), config: parties.server, proofs: parties.proofs };
    Scene {
        name,
        title,
        system: Box::new(system),
        check: Box::new(move |model| check(model, &ClientMessage::alphabet(), ServerRules::new(needs))),
    }
}

fn client(name: &'static str, title: &'static str, parties: Parties) -> Scene {
    let needs = parties.needs;
    let system = ClientSystem { alphabet: ServerMessage::alphabet(), config: parties.client, proofs: parties.proofs };
    Scene {
        name,
        title,
        system: Box::new(system),
        check: Box::new(move |model| check(model, &ServerMessage::alphabet(), ClientRules::new(needs))),
    }
}

/// A server of the product.
struct ServerSystem {
    alphabet: Vec<(&'static str, ClientMessage)>,
    config: Arc<ServerConfig>,
    proofs: Proofs,
}

/// A client of the product.
struct ClientSystem {
    alphabet: Vec<(&'static str, ServerMessage)>,
    config: ClientConfig,
    proofs: Proofs,
}

impl System for ServerSystem {
    fn alphabet(&self) -> Vec<&'static str> {
        self.alphabet.iter().map(|(name, _)| *name).collect()
    }

    fn hints(&self) -> Vec<Vec<usize>> {
        use ClientMessage::*;
        let proved = self.proofs.are_mutual();
        let (shown, verified) = if proved {
            (Some(Certificate(Shown::Own)), Some(CertificateVerify(Quality::Right)))
        } else {
            (None, None)
        };
        let handshake = |exchange: &[ClientMessage], end: [ClientMessage; 2]| -> Vec<ClientMessage> {
            [HelloWithCookie]
                .into_iter()
                .chain(shown)
                .chain(exchange.iter().copied())
                .chain(verified)
                .chain(end)
                .collect()
        };
        let (exchange, end) = ([KeyExchange(Quality::Right)], [ChangeCipherSpec, Finished(Quality::Right)]);
        let usual = handshake(&exchange, end);
        let data = |noise| [ClientMessage::Other(noise)];
        let words = [
            [&usual[..], &data(Noise::Data), &[HelloAgain]].concat(),
            [&usual[..], &usual, &data(Noise::DataOfFormer)].concat(),
            [&usual[..], &[HelloWithCookie], &data(Noise::DataOfFormer)].concat(),
            handshake(&[FirstHalfOfKeyExchange, SecondHalfOfKeyExchange], end),
            handshake(&exchange, [Finished(Quality::Right), ChangeCipherSpec]),
        ];
        words.iter().map(|word| indices(&self.alphabet, word)).collect()
    }

    fn begin(&self) -> Box<dyn Conversation + '_> {
        Box::new(WithServer {
            system: self,
            subject: Subject::server(&self.config),
            attacker: Client::new(self.proofs.clone()),
        })
    }
}

struct WithServer<'a> {
    system: &'a ServerSystem,
    subject: Subject,
    attacker: Client,
}

impl Conversation for WithServer<'_> {
    fn say(&mut self, symbol: usize) -> String {
        let (_, what) = self.system.alphabet[symbol];
        let Some(datagram) = self.attacker.say(what) else { return NOT_SENT.to_owned() };
        let mut answer = self.exchange(what, &datagram);
        if what == ClientMessage::HelloWithCookie
            && let Some(datagram) = self.attacker.greet()
        {
            answer.extend(self.exchange(what, &datagram));
        }
        if is_over(&answer) {
            self.attacker.forget();
        }
        spelt(&answer)
    }
}

impl WithServer<'_> {
    fn exchange(&mut self, what: ClientMessage, datagram: &[u8]) -> Vec<String> {
        let repeats = matches!(
            what,
            ClientMessage::HelloWithCookie | ClientMessage::HelloAgain | ClientMessage::KeyExchangeAgain
        );
        let said = if repeats { self.subject.hear_later(datagram) } else { self.subject.hear(datagram) };
        told(said, |datagram| self.attacker.hear(datagram))
    }
}

impl System for ClientSystem {
    fn alphabet(&self) -> Vec<&'static str> {
        self.alphabet.iter().map(|(name, _)| *name).collect()
    }

    fn hints(&self) -> Vec<Vec<usize>> {
        use ServerMessage::*;
        let exchange: &[ServerMessage] =
            if self.proofs.has_certificates() { &[Certificate(Shown::Own), KeyExchange(Quality::Right)] } else { &[] };
        let (usual, turned) =
            ([ChangeCipherSpec, Finished(Quality::Right)], [Finished(Quality::Right), ChangeCipherSpec]);
        let data = [ServerMessage::Other(Noise::Data)];
        let asks: &[ServerMessage] = &[CertificateRequest];
        let hint: &[ServerMessage] = &[KeyExchange(Quality::Right)];
        let words = [
            [&[HelloVerifyRequest, ServerHello], exchange, &[HelloDone], &usual, &data].concat(),
            [&[ServerHello], exchange, asks, &[HelloDone], &usual, &data].concat(),
            [&[ServerHello], hint, &[HelloDone], &usual, &data].concat(),
            [&[ServerHello], exchange, &[HelloDone], &turned, &data].concat(),
        ];
        words.iter().map(|word| indices(&self.alphabet, word)).collect()
    }

    fn begin(&self) -> Box<dyn Conversation + '_> {
        let (subject, first) = Subject::client(&self.config);
        let mut attacker = Server::new(self.proofs.clone());
        for datagram in &first.datagrams {
            attacker.hear(datagram);
        }
        Box::new(WithClient { system: self, subject, attacker })
    }
}

struct WithClient<'a> {
    system: &'a ClientSystem,
    subject: Subject,
    attacker: Server,
}

impl Conversation for WithClient<'_> {
    fn say(&mut self, symbol: usize) -> String {
        let (_, what) = self.system.alphabet[symbol];
        let Some(datagram) = self.attacker.say(what) else { return NOT_SENT.to_owned() };
        let said = self.subject.hear(&datagram);
        let answer = told(said, |datagram| self.attacker.hear(datagram));
        if is_over(&answer) {
            self.attacker.forget();
        }
        spelt(&answer)
    }
}

fn indices<M: PartialEq>(alphabet: &[(&'static str, M)], word: &[M]) -> Vec<usize> {
    let index = |message: &M| alphabet.iter().position(|(_, each)| each == message);
    word.iter().map(|message| index(message).expect("it is in the alphabet")).collect()
}

/// What was sent, and what the application was told.
fn told(said: Said, mut hear: impl FnMut(&[u8]) -> Vec<String>) -> Vec<String> {
    let sent: Vec<String> = said.datagrams.iter().flat_map(|datagram| hear(datagram)).collect();
    sent.into_iter().chain(said.events.into_iter().map(|event| format!("[{event}]"))).collect()
}

/// Whether the connection at hand has ended.
fn is_over(answer: &[String]) -> bool {
    answer.iter().any(|part| part.starts_with("[closed"))
}

fn spelt(answer: &[String]) -> String {
    if answer.is_empty() { NOTHING.to_owned() } else { answer.join(", ") }
}
