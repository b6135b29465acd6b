//! What RFC 5246, RFC 6347, RFC 4279 and RFC 7250 allow: monitors that walk beside a model, along all of its paths.
//!
//! A monitor sees each message and its answer. It knows which messages have come in their turn, and objects to an answer that no
//! order of messages before it justifies: an authentication, a delivery, the end of a connection.

use super::attacker::client::ClientMessage;
use super::attacker::server::ServerMessage;
use super::attacker::{Noise, Quality, Shown};
use super::model::{Model, NOT_SENT, NOTHING};
use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// How the two sides prove themselves.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Needs {
    /// The server has a certificate, or a raw public key; both have a pre-shared key otherwise.
    pub(super) certificate: bool,
    /// So does the client.
    pub(super) client_proof: bool,
}

/// Walks beside a model of somebody who hears such messages.
pub(super) trait Monitor: Clone + Eq + Hash {
    type Message: Copy;

    /// Takes a message, with the parts of the answer to it.
    fn step(&mut self, message: Self::Message, answer: &[&str]) -> Result<(), &'static str>;
}

/// What is wrong with a model, and the messages that show it.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) word: Vec<usize>,
    pub(super) what: String,
}

/// Walks all paths of a model. The number of steps with which a peer is authenticated, or what is wrong.
pub(super) fn check<M: Monitor>(
    model: &Model,
    alphabet: &[(&'static str, M::Message)],
    monitor: M,
) -> Result<usize, Violation> {
    let mut seen = HashSet::from([(0, monitor.clone())]);
    let mut next = VecDeque::from([(0, monitor, Vec::new())]);
    let mut authentications = HashSet::new();
    while let Some((state, monitor, path)) = next.pop_front() {
        for (symbol, &(_, message)) in alphabet.iter().enumerate() {
            let (target, answer) = model.edge(state, symbol);
            if answer == NOT_SENT {
                continue;
            }
            let parts: Vec<&str> = if answer == NOTHING { Vec::new() } else { answer.split(", ").collect() };
            let mut after = monitor.clone();
            let path = [&path[..], &[symbol]].concat();
            if let Err(wrong) = after.step(message, &parts) {
                let said: Vec<_> = path.iter().map(|&symbol| alphabet[symbol].0).collect();
                return Err(Violation { what: format!("{wrong}: after {said:?}, which led to {answer}"), word: path });
            }
            if parts.contains(&SECURE) {
                authentications.insert((state, symbol));
            }
            if seen.insert((target, after.clone())) {
                next.push_back((target, after, path));
            }
        }
    }
    Ok(authentications.len())
}

const SECURE: &str = "[secure]";
const DATA: &str = "[data]";
const FORMER_DATA: &str = "[former connection data]";

/// How far a handshake has come by messages in their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Turn {
    /// There is none.
    None,
    /// So many of its messages have come.
    Messages(usize),
    /// A message has come out of turn. All transcripts differ from now on.
    Spoilt,
}

/// The end of a handshake, and what a connection delivers: alike on both sides.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Ending {
    change_cipher_spec: bool,
    finished: bool,
    is_established: bool,
    /// Whether the last record of data has been delivered.
    data: Option<bool>,
}

/// What a message means to an [`Ending`].
struct Meaning {
    ends_handshake: bool,
    is_data: bool,
    is_data_again: bool,
    /// Whoever has sent it has the keys.
    is_authentic: bool,
}

impl Meaning {
    fn of_noise(noise: Option<Noise>, ends_handshake: bool, is_finished: bool) -> Meaning {
        Meaning {
            ends_handshake,
            is_data: matches!(noise, Some(Noise::Data | Noise::AnnouncementOfMove)),
            is_data_again: noise == Some(Noise::DataAgain),
            is_authentic: is_finished || noise.is_some_and(Noise::is_authentic),
        }
    }
}

impl Ending {
    fn new() -> Ending {
        Ending { change_cipher_spec: false, finished: false, is_established: false, data: None }
    }

    /// `is_complete`: all messages of the handshake before ChangeCipherSpec have come in their turn, and no other.
    fn take(&mut self, meaning: &Meaning, is_complete: bool, answer: &[&str]) -> Result<(), &'static str> {
        let is_secured = answer.contains(&SECURE);
        if is_secured {
            if !(is_complete && self.change_cipher_spec && self.finished && meaning.ends_handshake) {
                return Err("a peer is authenticated that has not proved itself in the order of RFC 5246 section 7.3");
            }
            if self.is_established {
                return Err("a connection is established twice");
            }
            self.is_established = true;
        }
        if meaning.is_data {
            self.data = Some(false);
        }
        if answer.contains(&DATA) {
            if !self.is_established {
                return Err("data is delivered before the end of the handshake");
            }
            // A record that came too early may be heard when the handshake is over.
            let is_first = meaning.is_data || is_secured || (meaning.is_data_again && self.data == Some(false));
            if !is_first {
                return Err("data is delivered that nobody has sent, or twice");
            }
            self.data = Some(true);
        }
        if answer.iter().any(|part| part.starts_with("[closed")) {
            if self.is_established && !is_secured && !meaning.is_authentic {
                return Err("an established connection ends by a message that anybody can send");
            }
            *self = Ending::new();
        }
        // It is repeated for a peer that repeats its own (RFC 6347 section 4.2.4).
        Ok(())
    }
}

/// What a server may do.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ServerRules {
    needs: Needs,
    /// The client has proved its address.
    is_proved: bool,
    turn: Turn,
    /// The first half of a key exchange has come in its turn.
    half: bool,
    ending: Ending,
    has_former: bool,
}

impl ServerRules {
    pub(super) fn new(needs: Needs) -> ServerRules {
        ServerRules { needs, is_proved: false, turn: Turn::None, half: false, ending: Ending::new(), has_former: false }
    }

    /// What a client says behind its hello, in this order (RFC 5246 section 7.3).
    fn order(&self) -> &'static [ClientMessage] {
        const EXCHANGE: ClientMessage = ClientMessage::KeyExchange(Quality::Right);
        if self.needs.client_proof {
            const PROOF: ClientMessage = ClientMessage::CertificateVerify(Quality::Right);
            &[ClientMessage::Certificate(Shown::Own), EXCHANGE, PROOF]
        } else {
            &[EXCHANGE]
        }
    }

    fn is_complete(&self) -> bool {
        self.turn == Turn::Messages(self.order().len())
    }

    fn has_exchanged(&self) -> bool {
        let exchange = self.order().iter().position(|message| matches!(message, ClientMessage::KeyExchange(_)));
        matches!(self.turn, Turn::Messages(count) if Some(count) > exchange)
    }

    fn take_handshake(&mut self, message: ClientMessage) {
        if self.ending.finished || self.ending.is_established {
            // What comes behind Finished is no part of this handshake.
            return;
        }
        let half = std::mem::take(&mut self.half);
        let message = match message {
            ClientMessage::SecondHalfOfKeyExchange if half => ClientMessage::KeyExchange(Quality::Right),
            other => other,
        };
        self.turn = match self.turn {
            Turn::None => Turn::None,
            Turn::Messages(count) if self.order().get(count) == Some(&message) => Turn::Messages(count + 1),
            _ => Turn::Spoilt,
        };
    }
}

impl Monitor for ServerRules {
    type Message = ClientMessage;

    fn step(&mut self, message: ClientMessage, answer: &[&str]) -> Result<(), &'static str> {
        use ClientMessage::*;
        match message {
            Hello | HelloWithWrongCookie | HelloAgain | KeyExchangeAgain | Other(_) => {}
            HelloWithCookie => self.is_proved = true,
            FirstHalfOfKeyExchange => {
                let awaits = |count| self.order().get(count) == Some(&KeyExchange(Quality::Right));
                self.half = matches!(self.turn, Turn::Messages(count) if awaits(count));
            }
            Certificate(_)
            | KeyExchange(_)
            | SecondHalfOfKeyExchange
            | CertificateVerify(_)
            | PlainFinished
            | ServerHelloDone => self.take_handshake(message),
            // One that overtakes a message may be kept for later: it is no handshake message, and has no number among them.
            ChangeCipherSpec => self.ending.change_cipher_spec |= matches!(self.turn, Turn::Messages(_)),
            Finished(Quality::Right) if self.is_complete() => self.ending.finished = true,
            // It is under keys that nobody has.
            Finished(_) if !self.has_exchanged() => {}
            Finished(_) => self.take_handshake(message),
        }
        let brings_cookie = matches!(message, HelloWithCookie | HelloAgain) && self.is_proved;
        let lacks_cookie = matches!(message, Hello | HelloWithWrongCookie);
        if lacks_cookie && answer.iter().any(|part| *part != "HelloVerifyRequest") {
            return Err("a hello without a valid cookie leads to more than a cookie");
        }
        if answer.contains(&"[connection]") || (answer.contains(&"ServerHello") && message == HelloWithCookie) {
            if !brings_cookie {
                return Err("a connection is made for a client that has not proved its address");
            }
            self.has_former |= self.ending.is_established;
            (self.turn, self.half, self.ending) = (Turn::Messages(0), false, Ending::new());
        }
        if answer.contains(&"ServerHello") && !self.is_proved {
            return Err("a client is answered that has not proved its address");
        }
        if answer.contains(&FORMER_DATA) && !(self.has_former && message == Other(Noise::DataOfFormer)) {
            return Err("data of a connection is delivered that is over");
        }
        if answer.iter().any(|part| part.starts_with("[former connection closed")) {
            if !answer.contains(&SECURE) {
                return Err("an established connection ends before another has proved itself (RFC 6347 section 4.2.8)");
            }
            self.has_former = false;
        }
        let noise = if let Other(noise) = message { Some(noise) } else { None };
        let ends = matches!(message, Finished(Quality::Right) | ChangeCipherSpec);
        let meaning = Meaning::of_noise(noise, ends, matches!(message, Finished(_)));
        let is_complete = self.is_complete();
        self.ending.take(&meaning, is_complete, answer)?;
        if answer.iter().any(|part| part.starts_with("[closed")) {
            self.turn = Turn::None;
        }
        Ok(())
    }
}

/// What a client may do.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ClientRules {
    needs: Needs,
    turn: ClientTurn,
    ending: Ending,
}

/// What comes next from the server (RFC 5246 section 7.3, RFC 4279 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ClientTurn {
    Hello,
    Certificate,
    KeyExchange,
    /// A request for a certificate, or the end of the flight.
    RequestOrDone,
    Done,
    Complete,
    Spoilt,
}

impl ClientRules {
    pub(super) fn new(needs: Needs) -> ClientRules {
        ClientRules { needs, turn: ClientTurn::Hello, ending: Ending::new() }
    }

    fn after(&self, message: ServerMessage) -> ClientTurn {
        use ServerMessage::*;
        let has_certificate = self.needs.certificate;
        match (self.turn, message) {
            (ClientTurn::Hello, HelloVerifyRequest) => ClientTurn::Hello,
            (ClientTurn::Hello, ServerHello) if has_certificate => ClientTurn::Certificate,
            (ClientTurn::Hello, ServerHello) => ClientTurn::KeyExchange,
            (ClientTurn::Certificate, Certificate(Shown::Own)) => ClientTurn::KeyExchange,
            (ClientTurn::KeyExchange, KeyExchange(Quality::Right)) if has_certificate => ClientTurn::RequestOrDone,
            (ClientTurn::KeyExchange, KeyExchange(Quality::Right)) => ClientTurn::Done,
            // A server without a hint leaves it out.
            (ClientTurn::KeyExchange, HelloDone) if !has_certificate => ClientTurn::Complete,
            (ClientTurn::RequestOrDone, CertificateRequest) => ClientTurn::Done,
            (ClientTurn::RequestOrDone | ClientTurn::Done, HelloDone) => ClientTurn::Complete,
            _ => ClientTurn::Spoilt,
        }
    }
}

impl Monitor for ClientRules {
    type Message = ServerMessage;

    fn step(&mut self, message: ServerMessage, answer: &[&str]) -> Result<(), &'static str> {
        use ServerMessage::*;
        let is_complete = self.turn == ClientTurn::Complete;
        match message {
            Other(_) => {}
            // One that overtakes a message may be kept for later: it is no handshake message, and has no number among them.
            ChangeCipherSpec => self.ending.change_cipher_spec |= self.turn != ClientTurn::Spoilt,
            Finished(Quality::Right) if is_complete => self.ending.finished = true,
            // It is under keys that nobody has.
            Finished(_) if !is_complete => {}
            // What comes behind Finished is no part of this handshake.
            _ if self.ending.finished || self.ending.is_established => {}
            other => self.turn = self.after(other),
        }
        let noise = if let Other(noise) = message { Some(noise) } else { None };
        let ends = matches!(message, Finished(Quality::Right) | ChangeCipherSpec);
        let meaning = Meaning::of_noise(noise, ends, matches!(message, Finished(_)));
        if answer.contains(&"ClientKeyExchange") && self.turn != ClientTurn::Complete {
            return Err("a client answers a flight that is not whole, or not its server's");
        }
        self.ending.take(&meaning, self.turn == ClientTurn::Complete, answer)?;
        if answer.iter().any(|part| part.starts_with("[closed")) {
            self.turn = ClientTurn::Spoilt;
        }
        Ok(())
    }
}
