//! A server's handshake, from the ClientHello with a valid cookie to the client's Finished (RFC 9147 section 5, RFC 8446
//! section 2.2).

use super::config::ServerConfig;
use super::errors::{illegal, unexpected};
use super::finish::Outcome;
use super::hellos::{encrypted_extensions, server_hello};
use super::incoming::Message;
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use super::retry::Retry;
use super::schedule::{Schedule, binder, finished};
use super::suite::{algorithm, hash};
use super::transcript::Transcript;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::are_equal;
use crate::tls::ffi::groups::KeyShare;
use crate::tls::ffi::hash::Digest;
use crate::tls::finished::Finished;
use crate::tls::outbox::Outbox;
use crate::tls::psk::PSK_IDENTITY_LIMIT;
use crate::tls::question::Question;
use crate::tls::random::fill_random;
use crate::wire::extensions::Hello;
use crate::wire::handshake::{CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, HandshakeFragment, SERVER_HELLO};
use crate::wire::hello13::{DTLS_1_3, Offer, PskOffer, offers_version};
use crate::wire::{
    ClientHello, ConnectionId, Record, alert, application_protocol as alpn, connection_id_extension, extensions_of_body,
};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// Identities of one client that the application is asked about; a client has few.
const QUESTIONS_LIMIT: usize = 4;

/// A handshake that waits.
pub(super) struct ServerHandshake {
    config: Arc<ServerConfig>,
    protocol: Option<Vec<u8>>,
    /// The connection ID that answers the client's offer.
    own_id: Option<ConnectionId>,
    stage: Stage,
    /// The identity that the client has claimed last.
    identity: Option<Vec<u8>>,
}

enum Stage {
    /// For the application, which has the key.
    Asking(Box<Asking>),
    /// For the client's Finished.
    Awaiting(Box<Awaiting>),
    Over,
}

struct Asking {
    /// The body of the ClientHello.
    hello: Vec<u8>,
    retry: Retry,
    /// The messages before it.
    transcript: Transcript,
    /// Which of the client's identities is asked about.
    index: usize,
    asked: usize,
}

struct Awaiting {
    suite: crate::tls::suites::Suite,
    transcript: Transcript,
    client_handshake: Digest,
    own: Digest,
    peer: Digest,
    exporter: Digest,
    own_finished: Digest,
}

impl ServerHandshake {
    /// `record`: holds the whole ClientHello, whose cookie was verified. `protocol`: what the application has chosen of the
    /// client's application protocols. `own_id`: the connection ID that answers the client's offer, if it has made one.
    pub(super) fn new(
        config: &Arc<ServerConfig>,
        record: &Record<'_>,
        protocol: Option<Vec<u8>>,
        own_id: Option<ConnectionId>,
    ) -> Result<(ServerHandshake, Question), Error> {
        let fragment = HandshakeFragment::parse(record.fragment());
        let hello = ClientHello::parse(record);
        let (Some(fragment), Some(hello)) = (fragment, hello) else {
            return Err(illegal("The client's hello is not one that a handshake could begin with"));
        };
        let offer = Offer::parse(hello.extensions)?;
        // RFC 9147 section 5.1: the cookie says what it was made for; the rest must be as it was.
        let retry = offer.cookie.and_then(|cookie| Some((Retry::read(cookie)?, cookie)));
        let is_second = fragment.sequence == 1 && offers_version(hello.extensions, DTLS_1_3);
        let Some((retry, cookie)) = retry.filter(|_| is_second) else {
            return Err(illegal("The client's second hello is not like its first"));
        };
        // RFC 8446 section 4.1.2, RFC 9147 section 5.3.
        if hello.parameters.compression_methods != [0] || !hello.cookie.is_empty() {
            return Err(illegal("The client offers compression, or sends a cookie where DTLS 1.3 has none"));
        }
        if !hello.parameters.suites().any(|id| id == retry.suite.id()) {
            return Err(illegal(
                "The client's second hello does not offer the cipher suite that was chosen by its first",
            ));
        }
        if !config.offers.suites.contains(&retry.suite) {
            let message = "The context that answers this name does not offer the cipher suite that was chosen before";
            return Err(Error::new(ErrorKind::NoSharedCipher, message));
        }
        let protocol = choose_protocol(config, protocol, hello.extensions)?;
        let transcript = retry.transcript(cookie);
        let asking = Asking { hello: fragment.body.to_vec(), retry, transcript, index: 0, asked: 0 };
        let stage = Stage::Asking(Box::new(asking));
        let mut handshake = ServerHandshake { config: Arc::clone(config), protocol, own_id, stage, identity: None };
        match handshake.question(0)? {
            Some(question) => Ok((handshake, question)),
            None => {
                let message = "The client offers no pre-shared key that goes with a cipher suite of this server";
                Err(Error::new(ErrorKind::NoSharedCipher, message))
            }
        }
    }

    /// The question about the first identity from this one on that could be good.
    fn question(&mut self, from: usize) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &mut self.stage else { return Err(Error::unasked()) };
        if asking.asked == QUESTIONS_LIMIT {
            return Ok(None);
        }
        let length = hash(asking.retry.suite).length();
        let psk = read_psk(&asking.hello)?;
        let fits = |(identity, binder): &(&[u8], &[u8])| binder.len() == length && identity.len() <= PSK_IDENTITY_LIMIT;
        let next = psk.keys.iter().enumerate().skip(from).find(|(_, key)| fits(key));
        Ok(next.map(|(index, (identity, _))| {
            asking.index = index;
            asking.asked += 1;
            self.identity = Some(identity.to_vec());
            Question::Psk(identity.to_vec())
        }))
    }

    /// Goes on with the key of the identity that was asked about; `None` when the application knows none.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        key: Option<&[u8]>,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Option<Question>, Error> {
        let Stage::Asking(asking) = &self.stage else { return Err(Error::unasked()) };
        let next = asking.index + 1;
        if key.is_none()
            && let Some(question) = self.question(next)?
        {
            return Ok(Some(question));
        }
        let Stage::Asking(asking) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        // Whether or not it is needed: who measures the answer's time must not see who is known.
        let mut nobodys = Zeroizing::new([0; 32]);
        fill_random(&mut *nobodys).map_err(|_| no_random_numbers())?;
        let is_known = key.is_some();
        let awaiting = self.respond(now, &asking, key.unwrap_or(&*nobodys), is_known, link, out)?;
        self.stage = Stage::Awaiting(Box::new(awaiting));
        Ok(None)
    }

    /// Sends the server's flight to a client that has proved to have the key.
    fn respond(
        &self,
        now: Instant,
        asking: &Asking,
        key: &[u8],
        is_known: bool,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<Awaiting, Error> {
        let Asking { hello, retry: Retry { suite, group, .. }, transcript, index, .. } = asking;
        let offer = Offer::parse(extensions_of(hello)?)?;
        let psk = offer.psk.as_ref().ok_or_else(no_key)?;
        let (_, proof) = *psk.keys.get(*index).ok_or_else(no_key)?;
        if !are_equal(proof, &binder(key, &transcript.hash_for_binder(hello, psk.uncovered))?) {
            return Err(wrong_key(is_known));
        }
        // Nothing is computed for whoever has no key.
        let (own, shared) = self.exchange(&offer, *group)?;
        let algorithm = algorithm(*suite).ok_or_else(no_key)?;
        let mut transcript = transcript.clone();
        transcript.add(CLIENT_HELLO, hello);
        let mut random = [0; 32];
        fill_random(&mut random).map_err(|_| no_random_numbers())?;
        let index = u16::try_from(*index).map_err(|_| no_key())?;
        let (ids, others) = self.agree_on_ids(extensions_of(hello)?)?;
        let answer = server_hello(&random, *suite, &own, index, &others);
        transcript.add(SERVER_HELLO, &answer);

        let schedule = Schedule::early(hash(*suite), key)?.advance(Some(&*shared))?;
        let hellos = transcript.hash();
        let own_handshake = schedule.derive(b"s hs traffic", &hellos)?;
        let client_handshake = schedule.derive(b"c hs traffic", &hellos)?;
        link.use_ids(ids);
        link.begin_epoch(algorithm, HANDSHAKE_EPOCH, own_handshake.clone(), client_handshake.clone());
        link.begin_flight();
        link.push(PLAINTEXT_EPOCH, SERVER_HELLO, &answer);
        let extensions = encrypted_extensions(self.protocol.as_deref());
        transcript.add(ENCRYPTED_EXTENSIONS, &extensions);
        link.push(HANDSHAKE_EPOCH, ENCRYPTED_EXTENSIONS, &extensions);
        let own_finished = finished(&own_handshake, &transcript.hash())?;
        transcript.add(FINISHED, &own_finished);
        link.push(HANDSHAKE_EPOCH, FINISHED, &own_finished);
        link.transmit(now, out)?;

        let master = schedule.advance(None)?;
        let so_far = transcript.hash();
        Ok(Awaiting {
            suite: *suite,
            client_handshake,
            own: master.derive(b"s ap traffic", &so_far)?,
            peer: master.derive(b"c ap traffic", &so_far)?,
            exporter: master.derive(b"exp master", &so_far)?,
            own_finished,
            transcript,
        })
    }

    /// The connection IDs of both sides, and the extensions that say so.
    fn agree_on_ids(&self, offered: &[u8]) -> Result<(Option<ConnectionIds>, Vec<u8>), Error> {
        let wanted = connection_id_extension::wanted(offered, Hello::Client)?;
        let Some((own, wanted)) = self.own_id.as_ref().zip(wanted) else { return Ok((None, Vec::new())) };
        let too_long = || illegal("The client's connection ID is longer than any that this server could send");
        let peer = wanted.ok_or_else(too_long)?;
        let checks = connection_id_extension::allows_routability_checks(offered, Hello::Client)?;
        let mut extensions = connection_id_extension::extension(own);
        if checks {
            extensions.extend(connection_id_extension::routability_extension());
        }
        Ok((Some(ConnectionIds::new(own, &peer, checks)), extensions))
    }

    pub(super) fn own_id(&self) -> &[u8] {
        self.own_id.as_ref().map_or(&[], ConnectionId::as_bytes)
    }

    /// Our public value, and the secret that it shares with the client's. `asked_for`: the group that the client was asked for.
    fn exchange(
        &self,
        offer: &Offer<'_>,
        asked_for: u16,
    ) -> Result<(KeyShare, crate::tls::ffi::groups::SharedSecret), Error> {
        let groups = self.config.offers.groups.iter().filter(|group| asked_for == 0 || group.id() == asked_for);
        let mut shares = groups.filter_map(|&group| Some((group, offer.share(group.id())?)));
        let Some((group, share)) = shares.next() else {
            return Err(illegal("The client sends no public value in a group that this server has asked for"));
        };
        let own = KeyShare::generate(group)?;
        let shared = own.agree(share).map_err(|_| illegal("The client's public value is none of its group"))?;
        Ok((own, shared))
    }

    /// Takes the client's Finished.
    pub(super) fn read(&mut self, message: &Message, link: &mut Link, out: &mut Outbox) -> Result<Outcome, Error> {
        let Stage::Awaiting(awaiting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(unexpected("The client sent a message before its hello was answered"));
        };
        if message.kind != FINISHED || message.epoch != HANDSHAKE_EPOCH {
            return Err(unexpected("The client sent another message where its Finished was due"));
        }
        let Awaiting { suite, transcript, client_handshake, own, peer, exporter, own_finished } = *awaiting;
        if !are_equal(&message.body, &finished(&client_handshake, &transcript.hash())?) {
            return Err(Error::protocol(alert::DECRYPT_ERROR, "The client's Finished message is wrong"));
        }
        // RFC 9147 section 5.8.1: the client's flight is the last, so nothing but an ACK tells it that it has come.
        link.end_flight();
        link.begin_epoch(algorithm(suite).ok_or_else(no_key)?, DATA_EPOCH, own, peer);
        link.acknowledge(out)?;
        Ok(Outcome {
            suite,
            exporter,
            finished: Finished::new(&own_finished, &message.body),
            psk_identity: self.identity.take(),
            protocol: self.protocol.take(),
        })
    }

    /// Whether the application is being asked.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking(_))
    }

    /// The identity that the client presents.
    pub(super) fn claimed_identity(&self) -> Option<&[u8]> {
        self.identity.as_deref()
    }
}

/// RFC 7301 section 3.2: the first of ours that the client has. Without any on either side there is none.
fn choose_protocol(
    config: &ServerConfig,
    chosen: Option<Vec<u8>>,
    extensions: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let own = &config.offers.protocols;
    let Some(offered) = alpn::offered(extensions)?.filter(|_| chosen.is_none() && !own.is_empty()) else {
        return Ok(chosen);
    };
    let common = own.iter().find(|name| alpn::contains(offered, name));
    common.map(|name| Some(name.clone())).ok_or_else(Error::no_application_protocol)
}

/// The list of extensions in a body that has been read before.
fn extensions_of(body: &[u8]) -> Result<&[u8], Error> {
    extensions_of_body(body).ok_or_else(no_key)
}

fn read_psk(body: &[u8]) -> Result<PskOffer<'_>, Error> {
    Offer::parse(extensions_of(body)?)?.psk.ok_or_else(no_key)
}

fn no_key() -> Error {
    Error::protocol(alert::MISSING_EXTENSION, "The client offers no pre-shared key")
}

/// RFC 8446 section 4.2.11: nobody can tell the two cases apart.
fn wrong_key(is_known: bool) -> Error {
    let error = if is_known {
        Error::new(ErrorKind::WrongPsk, "The client's pre-shared key is not the one of its identity")
    } else {
        Error::new(ErrorKind::UnknownPskIdentity, "The application knows no key for the client's PSK identity")
    };
    error.with_alert(alert::DECRYPT_ERROR)
}

pub(super) fn no_random_numbers() -> Error {
    Error::new(ErrorKind::Internal, "The operating system gives no random numbers")
}
