//! A server's flight, from ServerHello to Finished (RFC 8446 sections 4.1.3 to 4.4).

use super::config::ServerConfig;
use super::errors::illegal;
use super::hellos::{encrypted_extensions, server_hello};
use super::link::Link;
use super::numbers::{DATA_EPOCH, HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use super::peer_proof::PeerProof;
use super::proof::{OwnProof, Signer};
use super::retry::Retry;
use super::schedule::{Schedule, finished};
use super::suite::{algorithm, hash};
use super::transcript::Transcript;
use crate::tls::algorithms::{Algorithms, SharedSignatures};
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::ffi::groups::{Group, KeyShare, SharedSecret};
use crate::tls::ffi::hash::Digest;
use crate::tls::ffi::sign::Scheme;
use crate::tls::outbox::Outbox;
use crate::tls::random::random_bytes;
use crate::tls::session::Session;
use crate::tls::suites::Suite;
use crate::wire::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, SERVER_HELLO,
};
use crate::wire::hello13::Offer;
use crate::wire::{
    CertificateType, ConnectionId, certificate13, connection_id_extension, extensions, extensions_of_body,
};
use std::sync::Arc;
use std::time::Instant;

/// The ClientHello that the flight answers.
pub(super) struct Hello {
    pub(super) body: Vec<u8>,
    pub(super) retry: Retry,
    /// The messages before it.
    pub(super) transcript: Transcript,
    /// The connection ID that answers its offer, if it has made one.
    pub(super) own_id: Option<ConnectionId>,
}

/// How the server proves who it is.
pub(super) enum Proof {
    Psk(Box<Proved>),
    /// By the key of a session, in which the client was this one.
    Session(Box<Session>, Box<Proved>, Box<PeerProof>),
    Certificate(Box<Certified>),
}

/// A pre-shared key that the client has proved to have.
pub(super) struct Proved {
    /// The number that the client has given to it.
    pub(super) index: u16,
    pub(super) early: Schedule,
    /// The messages up to the ClientHello.
    pub(super) transcript: Transcript,
}

impl Proof {
    fn proved(&self) -> Option<&Proved> {
        match self {
            Proof::Psk(proved) | Proof::Session(_, proved, _) => Some(proved),
            Proof::Certificate(_) => None,
        }
    }

    /// The schedule of the handshake, and the messages up to the ClientHello. `shared`: what the key exchange has come to.
    fn schedule(&self, hello: &Hello, shared: Option<&[u8]>) -> Result<(Schedule, Transcript), Error> {
        if let Some(Proved { early, transcript, .. }) = self.proved() {
            return Ok((early.advance(shared)?, transcript.clone()));
        }
        let mut transcript = hello.transcript.clone();
        transcript.add(CLIENT_HELLO, &hello.body);
        // RFC 8446 section 7.1: without a pre-shared key, zeros.
        let hash = hash(hello.retry.suite);
        Ok((Schedule::early(hash, &Digest::zeros(hash)).advance(shared)?, transcript))
    }
}

/// How either side proves who it is with certificates.
pub(super) struct Certified {
    /// The server's key, and what is shown of it.
    pub(super) own: (Arc<OwnProof>, CertificateType),
    pub(super) scheme: Scheme,
    /// What the client is to show.
    pub(super) peer: CertificateType,
    /// What the client is told of it: a list of extensions.
    pub(super) answer: Vec<u8>,
    /// Which signatures both accept.
    pub(super) signatures: SharedSignatures,
}

/// What is left of the flight when it was sent.
pub(super) struct Sent {
    pub(super) suite: Suite,
    pub(super) transcript: Transcript,
    pub(super) client_handshake: Digest,
    /// What the client seals with, once it has finished.
    pub(super) peer: Digest,
    pub(super) exporter: Digest,
    pub(super) master: Schedule,
    pub(super) own_finished: Digest,
    pub(super) algorithms: Algorithms,
    /// What the client is to prove, or has proved when the session was made; `None` when it was not asked to.
    pub(super) client: Option<PeerProof>,
    /// What the server has shown; `None` with a pre-shared key.
    pub(super) shown: Option<(Arc<OwnProof>, CertificateType)>,
    /// What is resumed.
    pub(super) session: Option<Box<Session>>,
}

/// Sends the flight to a client that is let in so far.
pub(super) fn send(
    now: Instant,
    config: &ServerConfig,
    hello: &Hello,
    protocol: Option<&[u8]>,
    proof: Proof,
    link: &mut Link,
    out: &mut Outbox,
) -> Result<Sent, Error> {
    let Hello { body, retry: Retry { suite, group, .. }, own_id, .. } = hello;
    let suite = *suite;
    let offer = Offer::parse(extensions_of(body)?)?;
    let algorithm = algorithm(suite).ok_or_else(Error::unasked)?;
    let index = proof.proved().map(|proved| proved.index);
    let is_external = matches!(proof, Proof::Psk(_));
    let exchanged = exchange(config, &offer, *group, index.is_some(), is_external)?;
    let share = exchanged.as_ref().map(|(group, share, _)| (*group, &share[..]));
    let group = share.map_or(0, |(group, _)| group.id());
    let mut algorithms = Algorithms { group, ..Algorithms::default() };
    let random = random_bytes().map_err(|_| no_random_numbers())?;
    let (ids, others) = agree_on_ids(own_id.as_ref(), extensions_of(body)?)?;
    let answer = server_hello(&random, suite, share, index, &others);
    let shared = exchanged.as_ref().map(|(.., shared)| &shared[..]);
    let (schedule, mut transcript) = proof.schedule(hello, shared)?;
    transcript.add(SERVER_HELLO, &answer);

    let hellos = transcript.hash();
    let own_handshake = schedule.derive(b"s hs traffic", &hellos)?;
    let client_handshake = schedule.derive(b"c hs traffic", &hellos)?;
    link.use_ids(ids);
    link.begin_epoch(algorithm, HANDSHAKE_EPOCH, own_handshake.clone(), client_handshake.clone());
    link.begin_flight();
    link.push(PLAINTEXT_EPOCH, SERVER_HELLO, &answer);
    let mut push = |transcript: &mut Transcript, kind, body: &[u8]| {
        transcript.add(kind, body);
        link.push(HANDSHAKE_EPOCH, kind, body);
    };
    let (mut client, mut shown, mut resumed) = (None, None, None);
    match proof {
        Proof::Psk(_) => push(&mut transcript, ENCRYPTED_EXTENSIONS, &encrypted_extensions(protocol, &[])),
        Proof::Session(session, _, recalled) => {
            push(&mut transcript, ENCRYPTED_EXTENSIONS, &encrypted_extensions(protocol, &[]));
            client = Some(*recalled);
            resumed = Some(session);
        }
        Proof::Certificate(certified) => {
            push(&mut transcript, ENCRYPTED_EXTENSIONS, &encrypted_extensions(protocol, &certified.answer));
            if !config.offers.peers.accepts.is_empty() {
                let request = certificate13::request(&config.offers.schemes, &config.authorities);
                push(&mut transcript, CERTIFICATE_REQUEST, &request);
                client = Some(PeerProof::new(&config.offers.peers, Signer::Client, certified.peer));
            }
            algorithms.signatures = certified.signatures;
            let (own, kind) = certified.own;
            push(&mut transcript, CERTIFICATE, &own.certificate(kind));
            let signature = own.verify(certified.scheme, Signer::Server, &transcript.hash())?;
            push(&mut transcript, CERTIFICATE_VERIFY, &signature);
            shown = Some((own, kind));
        }
    }
    let own_finished = finished(&own_handshake, &transcript.hash())?;
    push(&mut transcript, FINISHED, &own_finished);
    link.transmit(now, out)?;

    let master = schedule.advance(None)?;
    let so_far = transcript.hash();
    // RFC 8446 appendix A.2: whatever follows, such as an alert, has these keys. A client that has answered expects no others.
    link.begin_sending(algorithm, DATA_EPOCH, master.derive(b"s ap traffic", &so_far)?);
    Ok(Sent {
        suite,
        client_handshake,
        peer: master.derive(b"c ap traffic", &so_far)?,
        exporter: master.derive(b"exp master", &so_far)?,
        master,
        own_finished,
        algorithms,
        transcript,
        client,
        shown,
        session: resumed,
    })
}

/// The connection IDs of both sides, and the extensions that say so. `own`: our own, if we have one. `offered`: the extensions of
/// the ClientHello.
fn agree_on_ids(own: Option<&ConnectionId>, offered: &[u8]) -> Result<(Option<ConnectionIds>, Vec<u8>), Error> {
    let wanted = connection_id_extension::wanted(offered, extensions::Hello::Client)?;
    let Some((own, wanted)) = own.zip(wanted) else { return Ok((None, Vec::new())) };
    let too_long = || illegal("The client's connection ID is longer than any that this server could send");
    let peer = wanted.ok_or_else(too_long)?;
    let checks = connection_id_extension::allows_routability_checks(offered, extensions::Hello::Client)?;
    let mut answer = connection_id_extension::extension(own);
    if checks {
        answer.extend(connection_id_extension::routability_extension());
    }
    Ok((Some(ConnectionIds::new(own, &peer, checks)), answer))
}

/// Our public value, and the secret that it shares with the client's; `None` where the key alone will do. `asked_for`: the group that
/// the client was asked for. `is_external`: whether it has an external pre-shared key.
fn exchange(
    config: &ServerConfig,
    offer: &Offer<'_>,
    asked_for: u16,
    uses_psk: bool,
    is_external: bool,
) -> Result<Option<(Group, Vec<u8>, SharedSecret)>, Error> {
    let modes = offer.modes.and(config.offers.modes);
    // RFC 8446 section 4.2.9.
    if is_external && !modes.with_key_exchange {
        return Ok(None);
    }
    let of_certificates = config.offers.groups(false).filter(|_| uses_psk);
    let groups = config.offers.groups(uses_psk).chain(of_certificates);
    let mut groups = groups.filter(|group| asked_for == 0 || group.id() == asked_for);
    let Some((group, share)) = groups.find_map(|group| Some((group, offer.share(group.id())?))) else {
        if is_external && modes.alone && asked_for == 0 {
            return Ok(None);
        }
        if asked_for == 0 && !config.offers.groups(uses_psk).any(|group| offer.groups.contains(group.id())) {
            let message = "The two sides have no group for the key exchange in common";
            return Err(Error::new(ErrorKind::NoSharedCipher, message));
        }
        return Err(illegal("The client's second hello has no public value in a group of this server"));
    };
    let (own, shared) =
        KeyShare::respond(group, share).map_err(|_| illegal("The client's public value is none of its group"))?;
    Ok(Some((group, own, shared)))
}

/// The list of extensions in a body that has been read before.
pub(super) fn extensions_of(body: &[u8]) -> Result<&[u8], Error> {
    extensions_of_body(body).ok_or_else(Error::unasked)
}

pub(super) fn no_random_numbers() -> Error {
    Error::new(ErrorKind::Internal, "The operating system gives no random numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dtls13::retry::tests::{extensions, server};
    use crate::wire::alert::ILLEGAL_PARAMETER;
    use crate::wire::psk_offer::Modes;

    const HYBRID: u16 = 4588;
    const X25519: u16 = 29;
    const P256: u16 = 23;
    /// Of no group of this engine's.
    const P521: u16 = 25;

    /// The group in which keys are exchanged with a client that has these, and public values in some of them: 0 for none.
    fn exchanged(
        has_psk: bool,
        asked_for: u16,
        groups: &[u16],
        shares: &[u16],
    ) -> Result<u16, (ErrorKind, Option<u8>)> {
        let server = server(has_psk, !has_psk, Modes::WITH_KEY_EXCHANGE);
        let extensions = extensions(Modes::WITH_KEY_EXCHANGE, &[], groups, shares);
        let offer = Offer::parse(&extensions).unwrap();
        exchange(server.dtls13().unwrap(), &offer, asked_for, has_psk, has_psk)
            .map(|exchanged| exchanged.map_or(0, |(group, ..)| group.id()))
            .map_err(|error| (error.kind, error.alert))
    }

    #[test]
    fn keys_are_exchanged_in_the_group_that_was_asked_for() {
        for has_psk in [true, false] {
            assert_eq!(exchanged(has_psk, 0, &[X25519], &[X25519]), Ok(X25519));
            assert_eq!(exchanged(has_psk, X25519, &[P256, X25519], &[X25519]), Ok(X25519));
            let illegal = Err((ErrorKind::Protocol, Some(ILLEGAL_PARAMETER)));
            assert_eq!(exchanged(has_psk, P256, &[P256, X25519], &[X25519]), illegal);
            assert_eq!(exchanged(has_psk, P256, &[P256], &[]), illegal);
        }
    }

    /// RFC 8446 section 4.1.1: handshake_failure is for those that have nothing in common.
    #[test]
    fn a_client_without_any_group_of_the_servers_has_done_nothing_illegal() {
        let illegal = Err((ErrorKind::Protocol, Some(ILLEGAL_PARAMETER)));
        let nothing = Err((ErrorKind::NoSharedCipher, None));
        for has_psk in [true, false] {
            assert_eq!(exchanged(has_psk, 0, &[P521], &[]), nothing);
            // It had a public value in its first hello, or it would have been asked for one.
            assert_eq!(exchanged(has_psk, 0, &[P521, X25519], &[]), illegal);
        }
        // With a pre-shared key, a server asks nobody for a long public value.
        assert_eq!(exchanged(true, 0, &[HYBRID], &[]), nothing);
        assert_eq!(exchanged(false, 0, &[HYBRID], &[]), illegal);
    }
}
