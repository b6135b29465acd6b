//! One association's engine: its handshake, driven step by step, and its records.

use super::PSK_IDENTITY_LIMIT;
use super::alert;
use super::config::{ClientConfig, Pace, ServerConfig};
use super::error::{Error, ErrorKind};
use super::ffi::bio::{Outbox, StagedPsk};
use super::ffi::config::Role;
use super::ffi::rng::fill_random;
use super::ffi::ssl::Ssl;
use super::record::{ContentType, OwnedRecord, Record, Records};
use super::saved::{ResumableSession, SavedConnection, Unrestorable};
use super::suites::Suite;
use mbedtls_sys as sys;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Records of the next epoch kept until the handshake is ready for them; the oldest gives way.
const EARLY_RECORD_LIMIT: usize = 8;

/// Bytes in these records, all together.
const EARLY_BYTES_LIMIT: usize = 16 * 1024;

/// Handshake type of ClientKeyExchange (RFC 5246 section 7.4).
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Bytes of a handshake header.
const HANDSHAKE_HEADER_LENGTH: usize = 12;

/// How far a handshake has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// For the peer's next flight, or the timer.
    Waiting,
    /// For the application's answer. Nothing may be fed meanwhile.
    Asking(Question),
    /// Over: application data can flow.
    Done(Negotiated),
}

/// What a server's handshake wants to know from the application.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// The key of this identity: [`Context::answer_psk`].
    Psk(Vec<u8>),
    /// The session with this id: [`Context::answer_resumption`].
    Resumption(Vec<u8>),
}

/// What a finished handshake agreed on.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) suite: Suite,
    /// An earlier session's master secret was used (RFC 5246 section 7.3).
    pub(crate) resumed: bool,
    /// The identity whose key the peer proved to have. Servers only.
    pub(crate) psk_identity: Option<Vec<u8>>,
}

/// What a record on an established association was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// Application data: this many bytes of plaintext.
    Data(usize),
    /// Authenticated, without data for the application.
    Consumed,
    /// The peer's close_notify.
    Closed,
    /// Forged, replayed, or of no known kind: as if it had never come.
    Dropped,
}

/// Where a server's handshake is with its questions.
struct Questions {
    /// The open one, and since when it has been.
    open: Option<(Question, Instant)>,
    psk: Asked,
    resumption: Asked,
}

/// Where a handshake is with one question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Never,
    NotYet,
    /// The application knew an answer, or did not.
    Answered {
        known: bool,
    },
}

/// One association's engine. Sans-I/O: takes records and times, writes datagrams to an [`Outbox`].
pub(crate) struct Context {
    ssl: Ssl,
    pace: Pace,
    questions: Questions,
    early: VecDeque<OwnedRecord>,
    /// A record that could have been the peer's Finished failed to authenticate.
    bad_finished: bool,
}

impl Context {
    /// For a client whose cookie was verified; feed it that ClientHello next.
    ///
    /// `asks_for_sessions`: whether the application is asked for the session that the client wants to resume.
    pub(crate) fn server(config: &ServerConfig, now: Instant, asks_for_sessions: bool) -> Result<Context, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        let mut context = Context::new(ssl, config.pace);
        context.questions.psk = Asked::NotYet;
        context.questions.resumption = if asks_for_sessions { Asked::NotYet } else { Asked::Never };
        Ok(context)
    }

    /// Call [`Context::handle_timeout`] to send the first flight.
    pub(crate) fn client(config: &ClientConfig, now: Instant) -> Result<Context, Error> {
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval).map_err(Error::internal)?;
        ssl.set_mtu(config.pace.mtu);
        ssl.set_peer_name(config.peer_name.clone()).map_err(Error::internal)?;
        Ok(Context::new(ssl, config.pace))
    }

    fn new(ssl: Ssl, pace: Pace) -> Context {
        let questions = Questions { open: None, psk: Asked::Never, resumption: Asked::Never };
        Context { ssl, pace, questions, early: VecDeque::new(), bad_finished: false }
    }

    /// When [`Context::handle_timeout`] is due. Stands still while a question is open.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.questions.open.is_some() { None } else { self.ssl.deadline() }
    }

    /// A well-formed plaintext record of the handshake.
    pub(crate) fn handle_record(&mut self, now: Instant, record: &[u8], out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.forget_plaintext_numbers();
        self.drive(now, Some(record), out)
    }

    /// A record of the epoch that the handshake is about to begin.
    pub(crate) fn handle_early_record(
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
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.ssl.cap_retransmission(self.pace.longest_interval);
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Psk`]; `None` when the identity is unknown.
    ///
    /// An unknown identity gets a random key, so that it fails where a wrong key fails, and as late.
    pub(crate) fn answer_psk(&mut self, now: Instant, key: Option<&[u8]>, out: &mut Outbox) -> Result<Progress, Error> {
        let Question::Psk(identity) = self.close_question(now)? else {
            return Err(unasked());
        };
        self.questions.psk = Asked::Answered { known: key.is_some() };
        let key = match key {
            Some(key) => Zeroizing::new(key.to_vec()),
            None => random_key()?,
        };
        self.ssl.stage_psk(StagedPsk { identity, key });
        self.drive(now, None, out)
    }

    /// The answer to [`Question::Resumption`]; `None` when the session is unknown. One that does not fit what this hello
    /// has negotiated leads to a full handshake.
    pub(crate) fn answer_resumption(
        &mut self,
        now: Instant,
        session: Option<&ResumableSession>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        let Question::Resumption(_) = self.close_question(now)? else {
            return Err(unasked());
        };
        let known = session.is_some_and(|session| self.ssl.resume(session));
        self.questions.resumption = Asked::Answered { known };
        self.drive(now, None, out)
    }

    /// The timers have stood still since the question was asked.
    fn close_question(&mut self, now: Instant) -> Result<Question, Error> {
        let (question, since) = self.questions.open.take().ok_or_else(unasked)?;
        self.ssl.postpone_timer(now.saturating_duration_since(since));
        Ok(question)
    }

    /// Takes handshake steps until one has to wait.
    fn drive(&mut self, now: Instant, record: Option<&[u8]>, out: &mut Outbox) -> Result<Progress, Error> {
        let Context { ssl, questions, early, bad_finished, .. } = self;
        let written = out.len();
        let outcome = ssl.with(now, record, out, |ssl| step_until_waiting(ssl, questions, early, bad_finished));
        match outcome {
            Ok(Pause::Reading) => Ok(Progress::Waiting),
            Ok(Pause::Asking(question)) => {
                self.questions.open = Some((question.clone(), now));
                Ok(Progress::Asking(question))
            }
            Ok(Pause::Over) => self.finish(),
            Err(errno) => Err(self.fail(now, errno, written, out)),
        }
    }

    fn finish(&mut self) -> Result<Progress, Error> {
        let suite = self.ssl.negotiated_suite().and_then(Suite::from_id).ok_or_else(|| Error::internal(0))?;
        // The limit was for flights; a payload is one record, and its size is the application's business.
        self.ssl.set_mtu(0);
        let psk_identity = self.ssl.take_staged_psk().map(|staged| staged.identity);
        let resumed = self.questions.resumption == Asked::Answered { known: true };
        Ok(Progress::Done(Negotiated { suite, resumed, psk_identity }))
    }

    /// Names the reason, and tells the peer unless the engine has done so already.
    fn fail(&mut self, now: Instant, errno: i32, written: usize, out: &mut Outbox) -> Error {
        let error = self.handshake_error(errno);
        if let Some(sent) = out.datagrams().skip(written).find_map(plaintext_alert) {
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
            sys::ERR_X509_CERT_VERIFY_FAILED | sys::ERR_SSL_CA_CHAIN_REQUIRED => {
                Error::certificate(self.ssl.verify_result(), self.ssl.peer_certificate_is_self_signed())
            }
            sys::ERR_SSL_FATAL_ALERT_MESSAGE => Error::alert_received(self.ssl.received_alert(), true),
            sys::ERR_SSL_PEER_CLOSE_NOTIFY => {
                Error::new(ErrorKind::ClosedDuringHandshake, "The peer closed the connection during the handshake")
            }
            sys::ERR_SSL_INVALID_MAC => match self.questions.psk {
                Asked::Answered { known: false } => Error::new(
                    ErrorKind::UnknownPskIdentity,
                    "The application knows no key for the client's PSK identity",
                ),
                Asked::Answered { known: true } => {
                    Error::new(ErrorKind::WrongPsk, "The client's pre-shared key is not the one of its identity")
                }
                _ => Error::from_engine(errno, "The peer's Finished message could not be authenticated"),
            },
            sys::ERR_SSL_NO_CIPHER_CHOSEN => {
                Error::from_engine(errno, "The client offers no cipher suite that this server can use")
            }
            _ => Error::from_engine(errno, "The handshake failed"),
        }
    }

    /// What is known about a handshake that has taken too long.
    pub(crate) fn timeout_error(&self) -> Option<Error> {
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

    /// Records that came before the handshake was over and may hold application data.
    pub(crate) fn take_early_records(&mut self) -> VecDeque<OwnedRecord> {
        std::mem::take(&mut self.early)
    }

    /// A record of the association's own epoch. Fatal only if an authenticated record caused it.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        record: &[u8],
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Inbound, Error> {
        let before = self.ssl.replay_window();
        let result = self.ssl.with(now, Some(record), out, |ssl| ssl.read(plaintext));
        let authenticated = self.ssl.replay_window() != before;
        match result {
            Ok(length) => Ok(Inbound::Data(length)),
            Err(sys::ERR_SSL_WANT_READ) if authenticated && self.ssl.last_record_was_application_data() => {
                // The engine skips an empty record; to an application it is a message, as an empty datagram is.
                Ok(Inbound::Data(0))
            }
            Err(sys::ERR_SSL_WANT_READ) if authenticated => Ok(Inbound::Consumed),
            Err(_) if !authenticated => {
                self.ssl.drop_current_record();
                Ok(Inbound::Dropped)
            }
            Err(sys::ERR_SSL_PEER_CLOSE_NOTIFY) => Ok(Inbound::Closed),
            Err(sys::ERR_SSL_FATAL_ALERT_MESSAGE) => Err(Error::alert_received(self.ssl.received_alert(), false)),
            Err(errno) => {
                let error = Error::from_engine(errno, "The peer sent an authenticated record that breaks the protocol");
                let description = error.alert_to_send().unwrap_or(alert::DECODE_ERROR);
                // The connection ends with or without this alert.
                let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
                Err(error.with_alert(description))
            }
        }
    }

    /// What the connection needs to go on elsewhere; `None` while there is a handshake.
    pub(crate) fn save(&self) -> Option<SavedConnection> {
        self.ssl.save()
    }

    /// A server's side of a connection that was saved. `unix_time`: its record numbers jump ahead by the clock.
    pub(crate) fn restore(
        config: &ServerConfig,
        saved: &SavedConnection,
        now: Instant,
        unix_time: Duration,
    ) -> Result<Context, Unrestorable> {
        saved.check()?;
        let number = saved.number_after_restore(unix_time)?;
        let mut ssl = Ssl::new(&config.ssl, now, config.pace.longest_interval)
            .map_err(|_| Unrestorable("there is no memory for it"))?;
        ssl.restore(saved, number).map_err(|_| Unrestorable("its keys could not be derived"))?;
        Ok(Context::new(ssl, config.pace))
    }

    /// Bytes of payload that one record may carry.
    pub(crate) fn payload_limit(&self) -> usize {
        self.ssl.payload_limit()
    }

    /// Seals one payload into one record, one datagram.
    pub(crate) fn write(&mut self, now: Instant, payload: &[u8], out: &mut Outbox) -> Result<(), Error> {
        self.ssl
            .with(now, None, out, |ssl| ssl.write(payload))
            .map_err(|errno| Error::from_engine(errno, "The payload could not be sealed"))
    }

    /// RFC 5246 section 7.2.1: tells the peer that nothing more will come.
    pub(crate) fn close_notify(&mut self, now: Instant, out: &mut Outbox) {
        self.send_warnings(now, &[alert::CLOSE_NOTIFY], out);
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(crate) fn cancel_handshake(&mut self, now: Instant, out: &mut Outbox) {
        self.send_warnings(now, &[alert::USER_CANCELED, alert::CLOSE_NOTIFY], out);
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        // The connection ends with or without this alert.
        let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::FATAL, description));
    }

    fn send_warnings(&mut self, now: Instant, descriptions: &[u8], out: &mut Outbox) {
        for &description in descriptions {
            // The connection ends with or without this alert.
            let _ = self.ssl.with(now, None, out, |ssl| ssl.send_alert(alert::WARNING, description));
        }
    }
}

fn unasked() -> Error {
    Error::new(ErrorKind::Internal, "An answer came to a handshake that had not asked")
}

/// Why the steps of a handshake paused.
enum Pause {
    Reading,
    Asking(Question),
    Over,
}

fn step_until_waiting(
    ssl: &mut Ssl,
    questions: &mut Questions,
    early: &mut VecDeque<OwnedRecord>,
    bad_finished: &mut bool,
) -> Result<Pause, i32> {
    let mut offered: Option<OwnedRecord> = None;
    let mut is_certain = false;
    loop {
        if ssl.state() == sys::SSL_HANDSHAKE_OVER {
            return Ok(Pause::Over);
        }
        if let Some(session_id) = session_to_ask_for(ssl, questions) {
            return Ok(Pause::Asking(Question::Resumption(session_id)));
        }
        let written = ssl.written();
        let result = match offered.take() {
            _ if must_ask_for_psk(ssl, questions) => ssl.peek_handshake_message().map(Some),
            Some(record) => {
                is_certain = record.after_change_cipher_spec;
                ssl.offer(&record.bytes, Ssl::handshake_step).map(|()| None)
            }
            None => ssl.handshake_step().map(|()| None),
        };
        match result {
            Ok(None) => {}
            Ok(Some(message)) => match psk_identity(&message) {
                Some(identity) if identity.len() <= PSK_IDENTITY_LIMIT => {
                    return Ok(Pause::Asking(Question::Psk(identity.to_vec())));
                }
                unanswerable => {
                    questions.psk = Asked::Answered { known: false };
                    stage_random_psk(ssl, unanswerable)?;
                }
            },
            // A timer that was due let the engine retransmit before it looked at the record.
            Err(sys::ERR_SSL_WANT_READ) if ssl.has_record_on_offer() => {}
            Err(sys::ERR_SSL_WANT_READ) => match take_finished(ssl, early) {
                Some(record) => offered = Some(record),
                None => return Ok(Pause::Reading),
            },
            // In the datagram of its ChangeCipherSpec it is the peer's, made with other keys. Alone it may be anybody's.
            Err(sys::ERR_SSL_INVALID_MAC) if !is_certain => {
                *bad_finished = true;
                ssl.drop_current_record();
                // The engine has written an alert.
                ssl.take_back(written);
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// The hello is parsed, and nothing is answered yet.
fn session_to_ask_for(ssl: &Ssl, questions: &Questions) -> Option<Vec<u8>> {
    (questions.resumption == Asked::NotYet && ssl.state() == sys::SSL_SERVER_HELLO)
        .then(|| ssl.session_id_of_hello())
        .filter(|session_id| !session_id.is_empty())
}

fn must_ask_for_psk(ssl: &Ssl, questions: &Questions) -> bool {
    questions.psk == Asked::NotYet && ssl.state() == sys::SSL_CLIENT_KEY_EXCHANGE && negotiates_psk(ssl)
}

fn negotiates_psk(ssl: &Ssl) -> bool {
    ssl.negotiated_suite().and_then(Suite::from_id).is_some_and(|suite| suite.key_exchange().uses_psk())
}

/// RFC 4279 section 2: the identity is the first vector of ClientKeyExchange, with ECDHE (RFC 5489) as without.
fn psk_identity(message: &[u8]) -> Option<&[u8]> {
    let (header, body) = message.split_at_checked(HANDSHAKE_HEADER_LENGTH)?;
    let (length, rest) = body.split_first_chunk::<2>()?;
    let identity = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    (header.first() == Some(&CLIENT_KEY_EXCHANGE) && !identity.is_empty()).then_some(identity)
}

/// An identity that nobody is asked about fails where a wrong key fails, too.
fn stage_random_psk(ssl: &mut Ssl, identity: Option<&[u8]>) -> Result<(), i32> {
    if let Some(identity) = identity {
        let key = random_key().map_err(|_| sys::ERR_SSL_INTERNAL_ERROR)?;
        ssl.stage_psk(StagedPsk { identity: identity.to_vec(), key });
    }
    Ok(())
}

fn random_key() -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut key = Zeroizing::new(vec![0; 32]);
    fill_random(&mut key).map_err(|_| Error::internal(sys::ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED))?;
    Ok(key)
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
