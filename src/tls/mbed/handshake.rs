//! One handshake, from its first flight to the engine of a finished one.

use super::config::{ClientConfig, Pace, ServerConfig};
use super::curves::Curve;
use super::errors::Failure;
use super::ffi::ssl::Ssl;
use super::hellos::Hellos;
use super::no_shared_cipher::explain;
use super::psk::PskExchange;
use super::resumption::Resumption;
use super::steps::{Pause, Steps};
use crate::tls::addition::Addition;
use crate::tls::algorithms::{Algorithms, SharedSignatures};
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::key_log::KeyLog;
use crate::tls::outbox::Outbox;
use crate::tls::progress::{Negotiated, Progress, Terms};
use crate::tls::question::Answer;
use crate::tls::session_policy::SessionPolicy;
use crate::tls::trust::PeerName;
use crate::wire::{ConnectionId, ContentType, OwnedRecord, Record, Records, SrtpProfile, alert};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A handshake under way.
pub(crate) struct Handshake {
    ssl: Ssl,
    steps: Steps,
    pace: Pace,
    /// Since when a question to the application is open, or a step with public keys waits.
    suspended: Option<Instant>,
}

impl Handshake {
    /// For a client whose cookie was verified; feed it that ClientHello next.
    ///
    /// `sessions`: which sessions it resumes, and whether it leaves one behind.
    /// `protocol`: what the application has chosen of the client's application protocols.
    /// `own_id`: the connection ID that answers the client's offer, if it has made one.
    pub(crate) fn server(
        config: &ServerConfig,
        now: Instant,
        sessions: SessionPolicy,
        protocol: Option<Vec<u8>>,
        own_id: Option<ConnectionId>,
    ) -> Result<Handshake, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        if let Some(id) = &own_id {
            ssl.offer_connection_id(id.as_bytes()).map_err(Error::internal)?;
        }
        let hellos = Hellos::server(&config.rules, protocol, own_id.is_some());
        let steps = Steps::new(&config.rules, hellos, PskExchange::server(), Resumption::server(sessions));
        Ok(Handshake { ssl, steps, pace: config.pace, suspended: None })
    }

    /// Call [`Handshake::handle_timeout`] to send the first flight. `own_id`: the connection ID that it offers.
    pub(crate) fn client(
        config: &ClientConfig,
        now: Instant,
        own_id: Option<ConnectionId>,
    ) -> Result<Handshake, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        let server_name = config.peer_name.as_ref().and_then(PeerName::dns);
        ssl.set_server_name(server_name).map_err(Error::internal)?;
        if let Some(id) = &own_id {
            ssl.offer_connection_id(id.as_bytes()).map_err(Error::internal)?;
        }
        let psk = PskExchange::client(config.asks_for_psk);
        let started = config.clock.map_or(0, |clock| clock.seconds(now));
        let policy = SessionPolicy { started, ..SessionPolicy::none() };
        let mut resumption = Resumption::client(policy, config.session.clone(), server_name);
        resumption.offer(&mut ssl, &config.rules, &config.suites);
        let steps = Steps::new(&config.rules, Hellos::client(&config.rules, own_id.is_some()), psk, resumption);
        Ok(Handshake { ssl, steps, pace: config.pace, suspended: None })
    }

    /// Has a client's hello be one of another version, too. Nothing has been sent.
    pub(crate) fn add_to_hello(&mut self, addition: Addition) {
        self.steps.hellos.add(addition);
    }

    /// The body of the first hello of such a client.
    pub(crate) fn first_hello(&self) -> &[u8] {
        self.steps.hellos.first()
    }

    /// Whether to pause before steps with public keys.
    pub(crate) fn pause(&mut self, pauses: bool) {
        self.steps.pauses = pauses;
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(crate) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        let pauses = std::mem::replace(&mut self.steps.pauses, false);
        self.wake(now);
        let progress = self.drive(now, None, out);
        self.steps.pauses = pauses;
        progress
    }

    /// What was written leaves only after this delay, so the running timer begins so much later.
    pub(crate) fn delay(&mut self, delay: Duration) {
        if self.suspended.is_none() {
            self.ssl.postpone_timer(delay);
        }
    }

    /// What reads a capture of it; `None` until there are keys.
    pub(crate) fn key_log(&self) -> Option<KeyLog> {
        self.ssl.key_log()
    }

    /// The number of the next plaintext record; `None` when there will be none.
    pub(crate) fn next_plaintext_number(&self) -> Option<u64> {
        self.ssl.next_plaintext_number()
    }

    /// The connection ID that we have offered; empty without one.
    pub(crate) fn own_connection_id(&self) -> &[u8] {
        self.ssl.own_connection_id()
    }

    /// How far it has come: the engine's state, and one before it.
    pub(crate) fn steps_taken(&self) -> u32 {
        self.ssl.state() + 1
    }

    /// How many messages it has written, other than again.
    pub(crate) fn messages_written(&self) -> u32 {
        self.ssl.messages_written()
    }

    /// When [`Handshake::handle_timeout`] is due. Stands still while a look-up is open.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.suspended.is_some() { None } else { self.ssl.deadline() }
    }

    /// A well-formed plaintext record of the handshake.
    pub(crate) fn handle_record(&mut self, now: Instant, record: &[u8], out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.forget_plaintext_numbers();
        let written = out.len();
        if let Err(failure) = self.steps.hellos.read_client_hello(&mut self.ssl, record) {
            return Err(self.fail(now, failure, written, out));
        }
        self.drive(now, Some(record), out).map_err(|error| match error.kind {
            ErrorKind::NoSharedCipher => error.saying(explain(record, self.ssl.config().suites(), &self.steps.rules)),
            _ => error,
        })
    }

    /// A record of the epoch that the handshake is about to begin.
    pub(crate) fn handle_early_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        self.steps.early.keep(record);
        self.drive(now, None, out)
    }

    /// Starts a client's handshake; later, retransmits the current flight when its time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.cap_retransmission(self.pace.longest_interval);
        self.drive(now, None, out)
    }

    /// Goes on with what the application has answered.
    pub(crate) fn answer(&mut self, now: Instant, answer: Answer<'_>, out: &mut Outbox) -> Result<Progress, Error> {
        let written = out.len();
        match self.take_answer(answer) {
            Ok(()) => {}
            // The application's mistake, or ours: the peer has done nothing wrong.
            Err(error) if error.kind == ErrorKind::Internal => return Err(error),
            Err(refusal) => return Err(self.fail(now, refusal.into(), written, out)),
        }
        self.wake(now);
        self.drive(now, None, out)
    }

    fn take_answer(&mut self, answer: Answer<'_>) -> Result<(), Error> {
        match answer {
            Answer::Psk(key) => self.steps.psk.answer_key(&mut self.ssl, key),
            Answer::OwnPsk(Some((identity, key))) => self.steps.psk.answer_own(identity, key),
            Answer::OwnPsk(None) => {
                Err(Error::new(ErrorKind::NoPsk, "The application has no pre-shared key for this server"))
            }
            Answer::Session(session) => {
                let Steps { rules, hellos, peer, resumption, .. } = &mut self.steps;
                resumption.answer(&mut self.ssl, rules, hellos, peer, session)
            }
            Answer::Peer(accepted) => self.steps.peer.answer(accepted),
            Answer::Config(_) | Answer::Protocol(_) => Err(Error::unasked()),
        }
    }

    /// Takes less memory until it goes on, which may be long.
    pub(crate) fn rest(&mut self) {
        self.ssl.rest();
    }

    /// The timer stood still while the application was asked, or the step waited.
    fn wake(&mut self, now: Instant) {
        if let Some(since) = self.suspended.take() {
            self.ssl.postpone_timer(now.saturating_duration_since(since));
        }
    }

    /// Takes handshake steps until one has to wait.
    fn drive(&mut self, now: Instant, record: Option<&[u8]>, out: &mut Outbox) -> Result<Progress, Error> {
        let Handshake { ssl, steps, .. } = self;
        let written = out.len();
        let outcome = ssl.with(now, record, out, |ssl| steps.take(ssl));
        match outcome {
            Ok(Pause::Reading) => Ok(Progress::Waiting),
            Ok(Pause::Asking(question)) => {
                self.suspended = Some(now);
                Ok(Progress::Asks(question))
            }
            Ok(Pause::Computing) => {
                self.suspended = Some(now);
                Ok(Progress::Computes)
            }
            Ok(Pause::Over) => self.finish(),
            Err(failure) => Err(self.fail(now, failure, written, out)),
        }
    }

    fn finish(&mut self) -> Result<Progress, Error> {
        let suite = self.ssl.suite().ok_or_else(|| Error::internal(0))?;
        // The limit was for flights. A payload is one record, and the application decides about its size.
        self.ssl.set_mtu(0);
        self.ssl.checks_routability = self.steps.hellos.checks_routability();
        let Steps { rules, hellos, peer, resumption, .. } = &mut self.steps;
        let resumed = resumption.is_resumed();
        let session = resumption.new_session(&mut self.ssl, rules, hellos, suite, peer);
        let staged = self.ssl.take_staged_psk().map(|staged| staged.identity);
        let psk_identity = if resumed { resumption.take_psk_identity() } else { staged };
        let terms = Terms {
            protocol: hellos.protocol(&self.ssl),
            authorization: peer.authorization(suite.key_exchange().uses_psk(), resumed),
            issuers: peer.take_issuers(),
            srtp_profile: hellos.srtp_profile().map(SrtpProfile::name),
        };
        Ok(Progress::Done(Box::new(Negotiated {
            suite,
            resumed,
            psk_identity,
            peer: peer.take_credential(),
            terms,
            session,
            early: VecDeque::new(),
        })))
    }

    /// Names the reason, and tells the peer unless the engine has done so already.
    fn fail(&mut self, now: Instant, failure: Failure, written: usize, out: &mut Outbox) -> Error {
        let error = self.steps.error(&self.ssl, failure);
        if let Some(sent) = out.datagrams().skip(written).find_map(plaintext_alert) {
            // The engine has one number for all that it dislikes in a ClientHello.
            let error = if sent == alert::NO_APPLICATION_PROTOCOL {
                Error::no_application_protocol().with_errno(error.errno)
            } else {
                error
            };
            return error.with_alert(sent);
        }
        match error.alert_to_send() {
            None => error,
            Some(description) => {
                // The connection ends with or without this alert.
                let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
                error.with_alert(description)
            }
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(crate) fn timeout_error(&self) -> Option<Error> {
        self.steps.timeout_error(&self.ssl)
    }

    /// Who the peer says it is.
    pub(crate) fn claim(&self) -> Claim {
        let Steps { psk, peer, .. } = &self.steps;
        Claim { psk_identity: psk.claimed_identity(&self.ssl).map(<[u8]>::to_vec), ..peer.claim() }
    }

    /// What it has agreed on beside its suite. A handshake that resumes a session has neither a key exchange nor signatures.
    pub(crate) fn algorithms(&self, resumed: bool) -> Algorithms {
        let group = Curve::number_of(self.ssl.ephemeral_group());
        if resumed || !self.ssl.uses_certificates() {
            return Algorithms { group, ..Algorithms::default() };
        }
        let own = self.steps.rules.peer.signatures.numbers_of_dtls12();
        Algorithms { group, signatures: SharedSignatures::new(own.into_iter(), &self.steps.hellos.signatures) }
    }

    /// The engine of the finished handshake, and records that came too early and may hold application data.
    pub(crate) fn into_parts(self) -> (Ssl, VecDeque<OwnedRecord>) {
        (self.ssl, self.steps.early.into_records())
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(crate) fn cancel(&mut self, now: Instant, out: &mut Outbox) {
        for description in [alert::USER_CANCELED, alert::CLOSE_NOTIFY] {
            // The handshake ends with or without this alert.
            let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::WARNING, description));
        }
    }

    /// The peer has begun a message that it could only finish in vain.
    pub(crate) fn refuse_message(&mut self, now: Instant, length: usize, out: &mut Outbox) -> Error {
        self.fail(now, Error::message_too_long(length).into(), out.len(), out)
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        // The connection ends with or without this alert.
        let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
    }
}

/// The description in the first plaintext alert of a datagram that we wrote.
fn plaintext_alert(datagram: &[u8]) -> Option<u8> {
    Records::new(datagram)
        .find(|record| record.content_type == ContentType::Alert && record.epoch == 0)
        .and_then(|record| record.fragment().get(1).copied())
}
