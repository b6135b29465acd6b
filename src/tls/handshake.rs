//! One handshake, driven step by step until it has to wait, or is over.

use super::alert;
use super::certificate_type::nothing_in_common;
use super::config::{ClientConfig, ClientPsk, Pace, ServerConfig};
use super::error::{Error, ErrorKind};
use super::ffi::bio::Outbox;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::peer::{Authorization, Failure, PeerCheck, PeerCredential};
use super::psk::{PskExchange, negotiates_psk};
use super::record::{ContentType, OwnedRecord, Record, Records};
use super::saved::ResumableSession;
use super::server_identity::PeerName;
use super::srtp::SrtpProfile;
use super::suites::Suite;
use super::work::Work;
use mbedtls_sys as sys;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Records of the next epoch kept until the handshake is ready for them; the oldest gives way.
const EARLY_RECORD_LIMIT: usize = 8;

/// Bytes in these records, all together.
const EARLY_BYTES_LIMIT: usize = 16 * 1024;

/// How far a handshake has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// For the peer's next flight, or the timer.
    Waiting,
    /// For the application's answer. Nothing may be fed meanwhile.
    Asks(Question),
    /// For a step with public keys: [`super::Context::compute`]. Nothing may be fed meanwhile.
    Computes,
    /// Over: application data can flow.
    Done(Negotiated),
}

/// What only the application knows.
#[derive(Debug)]
pub(crate) enum Question {
    /// The configuration for this name, which a client asks for: [`super::Context::answer_config`].
    Config(String),
    /// Which of these application protocols, each with its length before it: [`super::Context::answer_protocol`].
    Protocol(Vec<u8>),
    /// The key of this identity: [`super::Context::answer_psk`].
    Psk(Vec<u8>),
    /// Under which identity to appear, and with which key, to a server with this hint:
    /// [`super::Context::answer_identity`].
    Identity(Option<Vec<u8>>),
    /// The session with this id, which a client wants to resume: [`super::Context::answer_resumption`].
    Resumption(Vec<u8>),
    /// Whether this peer is accepted: [`super::Context::answer_peer`]. It has yet to prove that the key is its own.
    Peer(PeerCredential),
}

/// What a finished handshake agreed on.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) suite: Suite,
    /// An earlier session's master secret was used (RFC 5246 section 7.3).
    pub(crate) resumed: bool,
    /// The identity whose key the peer proved to have. Servers only.
    pub(crate) psk_identity: Option<Vec<u8>>,
    /// What the peer presented, and proved to have the private key of.
    pub(crate) peer: Option<PeerCredential>,
    pub(crate) terms: Terms,
    /// Records that came before the handshake was over and may hold application data.
    pub(crate) early: VecDeque<OwnedRecord>,
}

/// What else a finished handshake agreed on.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Application protocol (RFC 7301).
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) authorization: Authorization,
    /// Certificates that the peer has sent behind its own, DER.
    pub(crate) issuers: Vec<Vec<u8>>,
    /// OpenSSL's name of the SRTP profile (RFC 5764).
    pub(crate) srtp_profile: Option<&'static str>,
}

/// Where a server's handshake is with the session that the client wants to resume.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResumptionStage {
    /// Nobody is asked: every handshake is full.
    Off,
    NotAsked,
    Asked,
    Answered {
        resumed: bool,
    },
}

/// A handshake under way.
pub(super) struct Handshake {
    ssl: Ssl,
    pace: Pace,
    psk: PskExchange,
    resumption: ResumptionStage,
    peer: PeerCheck,
    /// Whether it pauses before a step with public keys.
    pauses: bool,
    /// Since when a question to the application is open, or a step with public keys waits.
    suspended: Option<Instant>,
    early: VecDeque<OwnedRecord>,
    /// A record that could have been the peer's Finished failed to authenticate.
    bad_finished: bool,
}

impl Handshake {
    /// For a client whose cookie was verified; feed it that ClientHello next.
    ///
    /// `asks_for_sessions`: whether the application is asked for the session that the client wants to resume.
    /// `protocol`: what the application has chosen of the client's application protocols.
    pub(super) fn server(
        config: &ServerConfig,
        now: Instant,
        asks_for_sessions: bool,
        protocol: Option<Vec<u8>>,
    ) -> Result<Handshake, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        let peer = PeerCheck::server(&config.rules, protocol);
        let mut handshake = Handshake::new(ssl, config.pace, PskExchange::server(), peer);
        if asks_for_sessions {
            handshake.resumption = ResumptionStage::NotAsked;
        }
        Ok(handshake)
    }

    /// Call [`Handshake::handle_timeout`] to send the first flight.
    pub(super) fn client(config: &ClientConfig, now: Instant) -> Result<Handshake, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        let server_name = config.peer_name.as_ref().and_then(PeerName::dns);
        ssl.set_server_name(server_name).map_err(Error::internal)?;
        let psk = PskExchange::client(config.asks_for_psk);
        Ok(Handshake::new(ssl, config.pace, psk, PeerCheck::client(&config.rules)))
    }

    fn new(ssl: Ssl, pace: Pace, psk: PskExchange, peer: PeerCheck) -> Handshake {
        Handshake {
            ssl,
            pace,
            psk,
            resumption: ResumptionStage::Off,
            peer,
            pauses: false,
            suspended: None,
            early: VecDeque::new(),
            bad_finished: false,
        }
    }

    /// Whether to pause before steps with public keys.
    pub(super) fn pause(&mut self, pauses: bool) {
        self.pauses = pauses;
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(super) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        let pauses = std::mem::replace(&mut self.pauses, false);
        self.wake(now);
        let progress = self.drive(now, None, out);
        self.pauses = pauses;
        progress
    }

    /// What was done at one time leaves at a later one: the running timer begins then.
    pub(super) fn delay(&mut self, delay: Duration) {
        if self.suspended.is_none() {
            self.ssl.postpone_timer(delay);
        }
    }

    /// The number of the next plaintext record; `None` when there will be none.
    pub(super) fn next_plaintext_number(&self) -> Option<u64> {
        self.ssl.next_plaintext_number()
    }

    /// When [`Handshake::handle_timeout`] is due. Stands still while a look-up is open.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.suspended.is_some() { None } else { self.ssl.deadline() }
    }

    /// A well-formed plaintext record of the handshake.
    pub(super) fn handle_record(&mut self, now: Instant, record: &[u8], out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.forget_plaintext_numbers();
        let written = out.len();
        if let Err(failure) = self.peer.read_client_hello(&mut self.ssl, record) {
            return Err(self.fail(now, failure, written, out));
        }
        self.drive(now, Some(record), out)
    }

    /// A record of the epoch that the handshake is about to begin.
    pub(super) fn handle_early_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        self.early.push_back(record.keep());
        let bytes = |early: &VecDeque<OwnedRecord>| early.iter().map(|record| record.bytes.len()).sum::<usize>();
        while self.early.len() > EARLY_RECORD_LIMIT || bytes(&self.early) > EARLY_BYTES_LIMIT {
            self.early.pop_front();
        }
        self.drive(now, None, out)
    }

    /// Starts a client's handshake; later, retransmits the current flight when its time has come.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.cap_retransmission(self.pace.longest_interval);
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Psk`]; `None` when the identity is unknown.
    pub(super) fn answer_psk(&mut self, now: Instant, key: Option<&[u8]>, out: &mut Outbox) -> Result<Progress, Error> {
        self.psk.answer_key(&mut self.ssl, key)?;
        self.wake(now);
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Identity`]; `None` ends the handshake.
    pub(super) fn answer_identity(
        &mut self,
        now: Instant,
        psk: Option<ClientPsk>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        let Some(psk) = psk else {
            let message = "The application has no pre-shared key for this server ('pskCallback')";
            let written = out.len();
            return Err(self.fail(now, Error::new(ErrorKind::NoPsk, message).into(), written, out));
        };
        self.psk.answer_identity(psk)?;
        self.wake(now);
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Resumption`]; `None` when the session is unknown. One that does not fit what this hello
    /// has negotiated leads to a full handshake.
    pub(super) fn answer_resumption(
        &mut self,
        now: Instant,
        session: Option<&ResumableSession>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        if self.resumption != ResumptionStage::Asked {
            return Err(Error::new(ErrorKind::Internal, "A session came that no handshake waits for"));
        }
        let resumed = session.is_some_and(|session| self.ssl.resume(session));
        self.resumption = ResumptionStage::Answered { resumed };
        self.wake(now);
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Peer`].
    pub(super) fn answer_peer(&mut self, now: Instant, accepted: bool, out: &mut Outbox) -> Result<Progress, Error> {
        let written = out.len();
        match self.peer.answer(accepted) {
            None => Err(Error::new(ErrorKind::Internal, "A peer was accepted that no handshake waits for")),
            Some(Err(refused)) => Err(self.fail(now, refused.into(), written, out)),
            Some(Ok(())) => {
                self.wake(now);
                self.drive(now, None, out)
            }
        }
    }

    /// The timer stood still while the application was asked, or the step waited.
    fn wake(&mut self, now: Instant) {
        if let Some(since) = self.suspended.take() {
            self.ssl.postpone_timer(now.saturating_duration_since(since));
        }
    }

    /// Takes handshake steps until one has to wait.
    fn drive(&mut self, now: Instant, record: Option<&[u8]>, out: &mut Outbox) -> Result<Progress, Error> {
        let Handshake { ssl, psk, resumption, peer, pauses, early, bad_finished, .. } = self;
        let written = out.len();
        let outcome = ssl
            .with(now, record, out, |ssl| step_until_waiting(ssl, psk, resumption, peer, *pauses, early, bad_finished));
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
        let suite = self.ssl.negotiated_suite().and_then(Suite::from_id).ok_or_else(|| Error::internal(0))?;
        // The limit was for flights; a payload is one record, and its size is the application's business.
        self.ssl.set_mtu(0);
        let psk_identity = self.ssl.take_staged_psk().map(|staged| staged.identity);
        let resumed = self.resumption == ResumptionStage::Answered { resumed: true };
        let terms = Terms {
            protocol: self.peer.take_protocol().or_else(|| self.ssl.protocol()),
            authorization: self.peer.authorization(suite, resumed),
            issuers: self.peer.take_issuers(),
            srtp_profile: self.peer.srtp_profile().map(SrtpProfile::name),
        };
        Ok(Progress::Done(Negotiated {
            suite,
            resumed,
            psk_identity,
            peer: self.peer.take_credential(),
            terms,
            early: VecDeque::new(),
        }))
    }

    /// Names the reason, and tells the peer unless the engine has done so already.
    fn fail(&mut self, now: Instant, failure: Failure, written: usize, out: &mut Outbox) -> Error {
        let error = match failure {
            Failure::Engine(errno) => self.peer.take_fault().unwrap_or_else(|| self.handshake_error(errno)),
            Failure::Own(error) => error,
        };
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

    fn handshake_error(&self, errno: i32) -> Error {
        match errno {
            sys::ERR_ECP_VERIFY_FAILED | sys::ERR_RSA_VERIFY_FAILED => Error::from_engine(
                errno,
                "The peer has not proved to have the private key of the certificate or public key that it shows",
            ),
            sys::ERR_SSL_FATAL_ALERT_MESSAGE => Error::alert_received(self.ssl.received_alert(), true),
            sys::ERR_SSL_PEER_CLOSE_NOTIFY => {
                Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection during the handshake")
            }
            sys::ERR_SSL_INVALID_MAC => match self.psk.is_known() {
                Some(false) => Error::new(
                    ErrorKind::UnknownPskIdentity,
                    "The application knows no key for the client's PSK identity",
                ),
                Some(true) => {
                    Error::new(ErrorKind::WrongPsk, "The client's pre-shared key is not the one of its identity")
                }
                None => Error::from_engine(errno, "The peer's Finished message could not be authenticated"),
            },
            sys::ERR_SSL_NO_CIPHER_CHOSEN | sys::ERR_SSL_NO_USABLE_CIPHERSUITE
                if self.peer.has_nothing_to_present() =>
            {
                nothing_in_common("server certificate")
            }
            sys::ERR_SSL_NO_CIPHER_CHOSEN => {
                Error::from_engine(errno, "The client offers no cipher suite that this server can use")
            }
            _ => Error::from_engine(errno, "The handshake failed"),
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(super) fn timeout_error(&self) -> Option<Error> {
        if self.bad_finished {
            return Some(self.handshake_error(sys::ERR_SSL_INVALID_MAC));
        }
        // Some servers (OpenSSL) have nothing to say to a client whose Finished they cannot read.
        let unanswered = self.ssl.role() == Role::Client
            && matches!(self.ssl.state(), sys::SSL_SERVER_CHANGE_CIPHER_SPEC | sys::SSL_SERVER_FINISHED)
            && negotiates_psk(&self.ssl);
        let message =
            "The server did not answer the end of the handshake, as if it had another pre-shared key than ours";
        unanswered.then(|| Error::new(ErrorKind::HandshakeTimeout, message))
    }

    /// The engine of the finished handshake, and records that came too early and may hold application data.
    pub(super) fn into_parts(self) -> (Ssl, VecDeque<OwnedRecord>) {
        (self.ssl, self.early)
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(super) fn cancel(&mut self, now: Instant, out: &mut Outbox) {
        for description in [alert::USER_CANCELED, alert::CLOSE_NOTIFY] {
            // The handshake ends with or without this alert.
            let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::WARNING, description));
        }
    }

    /// Gives a handshake up for a reason of our own.
    pub(super) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        // The connection ends with or without this alert.
        let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
    }
}

/// Why the steps of a handshake paused.
enum Pause {
    Reading,
    Asking(Question),
    Computing,
    Over,
}

fn step_until_waiting(
    ssl: &mut Ssl,
    psk: &mut PskExchange,
    resumption: &mut ResumptionStage,
    peer: &mut PeerCheck,
    pauses: bool,
    early: &mut VecDeque<OwnedRecord>,
    bad_finished: &mut bool,
) -> Result<Pause, Failure> {
    let mut offered: Option<OwnedRecord> = None;
    let mut is_certain = false;
    loop {
        if ssl.state() == sys::SSL_HANDSHAKE_OVER {
            return Ok(Pause::Over);
        }
        if let Some(question) = ask_for_session(ssl, resumption) {
            return Ok(Pause::Asking(question));
        }
        if let Some(credential) = peer.question(ssl) {
            return Ok(Pause::Asking(Question::Peer(credential)));
        }
        if let Some(question) = psk.question(ssl) {
            return Ok(Pause::Asking(question));
        }
        if pauses
            && !psk.is_reading(ssl)
            && let Some(work) = Work::ahead(ssl)
        {
            match work.prepare(ssl) {
                Ok(()) => return Ok(Pause::Computing),
                Err(sys::ERR_SSL_WANT_READ) if ssl.has_record_on_offer() => continue,
                Err(sys::ERR_SSL_WANT_READ) => return Ok(Pause::Reading),
                Err(errno) => return Err(errno.into()),
            }
        }
        let written = ssl.written();
        let result = match (psk.is_reading(ssl), offered.take()) {
            (true, _) => ssl.peek_handshake_message().map(Some).map_err(Failure::Engine),
            (false, Some(record)) => {
                is_certain = record.after_change_cipher_spec;
                ssl.offer(&record.bytes, Ssl::handshake_step).map(|()| None).map_err(Failure::Engine)
            }
            (false, None) => match psk.own_step(ssl) {
                Some(result) => result.map_err(Failure::Engine),
                None => peer.step(ssl),
            }
            .map(|()| None),
        };
        match result {
            Ok(None) => {}
            Ok(Some(message)) => {
                if let Some(question) = psk.read(ssl, &message)? {
                    return Ok(Pause::Asking(question));
                }
            }
            // A timer that was due let the engine retransmit before it looked at the record.
            Err(Failure::Engine(sys::ERR_SSL_WANT_READ)) if ssl.has_record_on_offer() => {}
            Err(Failure::Engine(sys::ERR_SSL_WANT_READ)) => match take_finished(ssl, early) {
                Some(record) => offered = Some(record),
                None => return Ok(Pause::Reading),
            },
            // In the datagram of its ChangeCipherSpec it is the peer's, made with other keys. Alone it may be anybody's.
            Err(Failure::Engine(sys::ERR_SSL_INVALID_MAC)) if !is_certain => {
                *bad_finished = true;
                ssl.drop_current_record();
                // The engine has written an alert.
                ssl.take_back(written);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// The hello is parsed, and nothing is answered yet.
fn ask_for_session(ssl: &Ssl, resumption: &mut ResumptionStage) -> Option<Question> {
    if *resumption != ResumptionStage::NotAsked || ssl.state() != sys::SSL_SERVER_HELLO {
        return None;
    }
    let session_id = ssl.session_id_of_hello();
    *resumption = if session_id.is_empty() { ResumptionStage::Off } else { ResumptionStage::Asked };
    (!session_id.is_empty()).then_some(Question::Resumption(session_id))
}

fn awaits_finished(ssl: &Ssl) -> bool {
    match ssl.role() {
        Role::Server => ssl.state() == sys::SSL_CLIENT_FINISHED,
        Role::Client => ssl.state() == sys::SSL_SERVER_FINISHED,
    }
}

/// The first early record that can be Finished: most that cannot need not be tried.
fn take_finished(ssl: &Ssl, early: &mut VecDeque<OwnedRecord>) -> Option<OwnedRecord> {
    if !awaits_finished(ssl) {
        return None;
    }
    let lengths = ssl.finished_lengths()?;
    let can_be_finished = |record: &OwnedRecord| {
        let record = record.borrow();
        record.content_type == ContentType::Handshake && lengths.contains(&record.fragment().len())
    };
    early.remove(early.iter().position(can_be_finished)?)
}

/// The description in the first plaintext alert of a datagram that we wrote.
fn plaintext_alert(datagram: &[u8]) -> Option<u8> {
    Records::new(datagram)
        .find(|record| record.content_type == ContentType::Alert && record.epoch == 0)
        .and_then(|record| record.fragment().get(1).copied())
}
