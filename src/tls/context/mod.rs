//! One association's engine in DTLS 1.2: a handshake, then records, asleep when there are none for a while.

mod records;

use crate::tls::addition::Addition;
use crate::tls::algorithms::Algorithms;
use crate::tls::choice::Choice;
use crate::tls::claim::Claim;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::inbound::{DropReason, Inbound};
use crate::tls::mbed::{self, Asleep, ClientConfig, Handshake, LastFlight, Open, SslConfig};
use crate::tls::outbox::Outbox;
use crate::tls::progress::Progress;
use crate::tls::question::{Answer, Asks};
use crate::tls::saved::{SaveClock, SavedDtls12, Unrestorable, nonce_offset_of_new_life};
use crate::tls::session_policy::SessionPolicy;
use crate::tls::versions::ServerConfig;
use crate::wire::{ConnectionId, Record, alert};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a record has led to.
#[derive(Debug)]
pub(crate) enum Reaction {
    /// A handshake has come this far.
    Handshake(Progress),
    /// An established association has read it.
    Record(Inbound),
}

/// Epoch of the handshake, which is in plaintext (RFC 6347 section 4.1).
const HANDSHAKE_EPOCH: u16 = 0;

/// Epoch of application data. There is no renegotiation, so that it is the only one.
const DATA_EPOCH: u16 = 1;

/// One association's engine. Sans-I/O: takes records and times, writes datagrams to an [`Outbox`].
pub(crate) struct Context {
    stage: Stage,
    /// Whether its handshake pauses before steps with public keys.
    pauses: bool,
    /// Contents of its Finished messages, ours and the peer's (RFC 5246 section 7.4.9).
    finished: Option<[[u8; 12]; 2]>,
    /// What its handshake has agreed on beside its suite.
    algorithms: Algorithms,
    /// Whether the keys have been logged, or are not to be: those of a restored connection have had their time.
    has_logged_keys: bool,
}

enum Stage {
    /// Before there is an engine: a server's application decides what the client gets to see.
    Choice(Box<Choice>),
    Handshake(Box<Handshake>),
    Open(Open),
    /// Open, in a tenth of the memory.
    Asleep(Asleep),
    /// The handshake is on another thread; what is left can take its leave under this record number.
    Lent {
        next_plaintext_number: Option<u64>,
        own_id: ConnectionId,
        /// Whether it is one of DTLS 1.3, by another engine.
        is_newer: bool,
    },
    /// Between two stages; a method that ends here has failed, and its connection with it.
    Gone,
}

impl Context {
    fn new(stage: Stage) -> Context {
        Context { stage, pauses: false, finished: None, algorithms: Algorithms::default(), has_logged_keys: false }
    }

    /// For a client whose cookie was verified; feed it that ClientHello next, in one record.
    ///
    /// `asks`: what the application is asked about the client. `sessions`: which sessions it may resume.
    /// `own_id`: the connection ID that answers the client's offer, if it has made one.
    pub(crate) fn server(
        config: &Arc<ServerConfig>,
        now: Instant,
        asks: Asks,
        sessions: SessionPolicy,
        own_id: Option<ConnectionId>,
    ) -> Result<Context, Error> {
        if asks.by_hello() {
            return Ok(Context::new(Stage::Choice(Box::new(Choice::new(config, asks, sessions, own_id)))));
        }
        let handshake = Handshake::server(own(config)?, now, sessions, None, own_id)?;
        Ok(Context::new(Stage::Handshake(Box::new(handshake))))
    }

    /// Call [`Context::handle_timeout`] to send the first flight. `own_id`: the connection ID that it offers.
    pub(crate) fn client(config: &ClientConfig, now: Instant, own_id: Option<ConnectionId>) -> Result<Context, Error> {
        Ok(Context::new(Stage::Handshake(Box::new(Handshake::client(config, now, own_id)?))))
    }

    /// Has a client's first hello be one of another version, too. Call it before [`Context::handle_timeout`].
    pub(super) fn add_to_hello(&mut self, addition: Addition) {
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.add_to_hello(addition);
        }
    }

    /// The body of the first hello of such a client; empty before it.
    pub(super) fn first_hello(&self) -> &[u8] {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.first_hello(),
            _ => &[],
        }
    }

    /// The number of the next plaintext record; `None` when there will be none.
    pub(super) fn next_plaintext_number(&self) -> Option<u64> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.next_plaintext_number(),
            _ => None,
        }
    }

    /// A server's side of a connection that was saved, in a new life.
    pub(crate) fn restore(
        config: &ServerConfig,
        saved: &SavedDtls12,
        clock: SaveClock,
    ) -> Result<Context, Unrestorable> {
        let config = config.dtls12().ok_or(Unrestorable::NOT_SPOKEN)?;
        match saved.is_client {
            false => Context::restore_asleep(&config.ssl, saved, clock),
            true => Err(Unrestorable::OTHER_SIDE),
        }
    }

    /// The same of a client's side.
    pub(crate) fn restore_client(
        config: &ClientConfig,
        saved: &SavedDtls12,
        clock: SaveClock,
    ) -> Result<Context, Unrestorable> {
        match saved.is_client {
            true => Context::restore_asleep(&config.ssl, saved, clock),
            false => Err(Unrestorable::OTHER_SIDE),
        }
    }

    /// Its keys are derived when it wakes: a crowd that comes at once is not heard from at once.
    fn restore_asleep(config: &Arc<SslConfig>, saved: &SavedDtls12, clock: SaveClock) -> Result<Context, Unrestorable> {
        saved.check()?;
        let next_number = saved.number_after_restore(clock)?;
        let nonce_offset = nonce_offset_of_new_life()?;
        let saved = SavedDtls12 { next_number, ..saved.clone() };
        let asleep = Stage::Asleep(Asleep::in_new_life(config, saved, nonce_offset));
        Ok(Context { has_logged_keys: true, ..Context::new(asleep) })
    }

    // --- the handshake -----------------------------------------------------------------------------------------------

    /// When [`Context::handle_timeout`] is due. Stands still while a question is open.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.deadline(),
            _ => None,
        }
    }

    /// Whether a record could mean something here. What could not is dropped, now or after any wait.
    pub(crate) fn expects(&self, record: &Record<'_>) -> bool {
        match &self.stage {
            // What leads on and what follows the handshake come while it is away, in its version.
            Stage::Lent { is_newer: true, own_id, .. } => match record.is_ciphertext() {
                true => record.is_for(own_id.as_bytes()),
                false => record.epoch == HANDSHAKE_EPOCH,
            },
            _ if record.is_of_dtls13() => false,
            // RFC 9146 section 4: whoever has given an ID away receives no record without it.
            Stage::Open(_) | Stage::Asleep(_) => record.epoch == DATA_EPOCH && record.is_for(self.own_id()),
            _ if record.epoch == HANDSHAKE_EPOCH => record.is_well_formed(),
            _ => {
                let is_ours = record.connection_id().is_none_or(|named| named == self.own_id());
                record.epoch == DATA_EPOCH && is_ours
            }
        }
    }

    /// Takes one record, whatever the association is at. Plaintext is written to `plaintext`, which must be as long as
    /// the record.
    pub(crate) fn handle_record(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        plaintext: &mut [u8],
        out: &mut Outbox,
    ) -> Result<Reaction, Error> {
        if let Stage::Handshake(handshake) = &mut self.stage
            && let Some(length) = record.length_beyond_room()
        {
            return Err(handshake.refuse_message(now, length, out));
        }
        if !self.expects(record) {
            let is_malformed = record.epoch == HANDSHAKE_EPOCH && !record.is_well_formed();
            let reason = if is_malformed { DropReason::Malformed } else { DropReason::Unexpected };
            return Ok(Reaction::Record(Inbound::Dropped(reason)));
        }
        match &mut self.stage {
            Stage::Open(_) | Stage::Asleep(_) => self.read(now, record.bytes, plaintext, out).map(Reaction::Record),
            Stage::Choice(choice) => {
                choice.hello = record.bytes.to_vec();
                self.choose(now, Ok(()), out).map(Reaction::Handshake)
            }
            Stage::Handshake(_) if record.epoch == HANDSHAKE_EPOCH => self
                .advance(out, |handshake, out| handshake.handle_record(now, record.bytes, out))
                .map(Reaction::Handshake),
            // It came before the ChangeCipherSpec that announces it.
            Stage::Handshake(_) => self
                .advance(out, |handshake, out| handshake.handle_early_record(now, record, out))
                .map(Reaction::Handshake),
            Stage::Lent { .. } | Stage::Gone => Ok(Reaction::Record(Inbound::Dropped(DropReason::Unexpected))),
        }
    }

    /// How far the handshake has come; it never goes back.
    pub(crate) fn steps_taken(&self) -> u32 {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.steps_taken(),
            Stage::Choice(_) | Stage::Lent { .. } | Stage::Gone => 0,
            Stage::Open(_) | Stage::Asleep(_) => u32::MAX,
        }
    }

    /// How many handshake messages it has written, other than again.
    pub(crate) fn messages_written(&self) -> u32 {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.messages_written(),
            Stage::Choice(_) | Stage::Lent { .. } | Stage::Gone => 0,
            Stage::Open(_) | Stage::Asleep(_) => u32::MAX,
        }
    }

    /// Starts a client's handshake; later, retransmits the current flight when its time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.advance(out, |handshake, out| handshake.handle_timeout(now, out))
    }

    /// Goes on with what the application has answered.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        answer: Answer<'_>,
        out: &mut Outbox,
    ) -> Result<Progress, Error> {
        match &mut self.stage {
            Stage::Choice(choice) => {
                let answered = choice.answer(answer);
                self.choose(now, answered, out)
            }
            _ => self.advance(out, |handshake, out| handshake.answer(now, answer, out)),
        }
    }

    /// The handshake waits for the application, or for a thread: it takes less memory until it goes on.
    pub(crate) fn rest(&mut self) {
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.rest();
        }
    }

    fn choice(&mut self) -> Result<&mut Choice, Error> {
        match &mut self.stage {
            Stage::Choice(choice) => Ok(choice),
            _ => Err(Error::unasked()),
        }
    }

    /// Asks what the ClientHello leaves to be decided next, or begins the handshake.
    fn choose(&mut self, now: Instant, answered: Result<(), Error>, out: &mut Outbox) -> Result<Progress, Error> {
        let choice = self.choice()?;
        match answered.and_then(|()| choice.question()) {
            Err(error) => return Err(choice.fail(error, out)),
            Ok(Some(question)) => return Ok(Progress::Asks(question)),
            Ok(None) => {}
        }
        let (sessions, protocol) = (choice.sessions.clone(), choice.protocol.take());
        let begun =
            own(&choice.config).and_then(|config| Handshake::server(config, now, sessions, protocol, choice.own_id));
        let mut handshake = begun.map_err(|error| choice.fail(error, out))?;
        let hello = std::mem::take(&mut choice.hello);
        handshake.pause(self.pauses);
        self.stage = Stage::Handshake(Box::new(handshake));
        self.advance(out, |handshake, out| handshake.handle_record(now, &hello, out))
    }

    fn advance(
        &mut self,
        out: &mut Outbox,
        act: impl FnOnce(&mut Handshake, &mut Outbox) -> Result<Progress, Error>,
    ) -> Result<Progress, Error> {
        let written = out.len();
        let Stage::Handshake(handshake) = &mut self.stage else {
            return Err(Error::new(ErrorKind::Internal, "A handshake was to go on that is over"));
        };
        let mut progress = act(handshake, out)?;
        if let Progress::Done(negotiated) = &mut progress
            && let Stage::Handshake(handshake) = std::mem::replace(&mut self.stage, Stage::Gone)
        {
            self.algorithms = handshake.algorithms(negotiated.resumed);
            let (mut ssl, early) = handshake.into_parts();
            negotiated.early = early;
            self.finished = Some(ssl.finished_messages());
            // Ours ended the handshake if the engine would repeat it.
            let last_flight = if ssl.forget_handshake() {
                LastFlight::new(out.datagrams().skip(written))
            } else {
                LastFlight::Delivered
            };
            self.stage = Stage::Open(Open::new(ssl, last_flight));
        }
        Ok(progress)
    }

    /// What is known about a handshake that has taken too long.
    pub(crate) fn timeout_error(&self) -> Option<Error> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.timeout_error(),
            _ => None,
        }
    }

    /// Who the peer of a handshake says it is, if it has said so.
    pub(crate) fn claim(&self) -> Option<Claim> {
        match &self.stage {
            Stage::Handshake(handshake) => Some(handshake.claim()).filter(|claim| !claim.is_empty()),
            _ => None,
        }
    }

    /// RFC 5246 section 7.2.2: user_canceled is followed by close_notify.
    pub(crate) fn cancel_handshake(&mut self, now: Instant, out: &mut Outbox) {
        match &mut self.stage {
            Stage::Handshake(handshake) => handshake.cancel(now, out),
            Stage::Lent { next_plaintext_number: Some(number), .. } => {
                for (number, description) in (*number..).zip([alert::USER_CANCELED, alert::CLOSE_NOTIFY]) {
                    out.push(&alert::plaintext(number, alert::WARNING, description));
                }
            }
            Stage::Choice(choice) => {
                choice.send_alert(alert::WARNING, alert::USER_CANCELED, out);
                choice.send_alert(alert::WARNING, alert::CLOSE_NOTIFY, out);
            }
            _ => {}
        }
    }

    /// Gives a handshake up for a reason of our own.
    pub(crate) fn send_fatal_alert(&mut self, now: Instant, description: u8, out: &mut Outbox) {
        match &mut self.stage {
            Stage::Handshake(handshake) => handshake.send_fatal_alert(now, description, out),
            Stage::Choice(choice) => choice.send_alert(alert::FATAL, description, out),
            _ => {}
        }
    }

    /// What stands in for a handshake of DTLS 1.3 that is elsewhere. `own_id`: the connection ID that its peer's records have.
    pub(super) fn away(own_id: &[u8]) -> Context {
        let own_id = ConnectionId::new(own_id).unwrap_or(ConnectionId::EMPTY);
        Context::new(Stage::Lent { next_plaintext_number: None, own_id, is_newer: true })
    }

    // --- the handshake on another thread -----------------------------------------------------------------------------

    /// Whether to pause before steps with public keys: [`Progress::Computes`].
    pub(crate) fn pause(&mut self, pauses: bool) {
        self.pauses = pauses;
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.pause(pauses);
        }
    }

    /// Takes the step that [`Progress::Computes`] announced, and those behind it.
    pub(crate) fn compute(&mut self, now: Instant, out: &mut Outbox) -> Result<Progress, Error> {
        self.advance(out, |handshake, out| handshake.compute(now, out))
    }

    /// Gives the handshake away. Until it is put back here, nothing happens but [`Context::cancel_handshake`].
    pub(crate) fn lend(&mut self) -> Context {
        let next_plaintext_number = self.next_plaintext_number();
        let own_id = ConnectionId::new(self.own_id()).unwrap_or(ConnectionId::EMPTY);
        std::mem::replace(self, Context::new(Stage::Lent { next_plaintext_number, own_id, is_newer: false }))
    }

    /// What was done at one time leaves at a later one: the running timer begins then.
    pub(crate) fn delay(&mut self, delay: Duration) {
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.delay(delay);
        }
    }
}

/// What the configuration says of DTLS 1.2.
fn own(config: &ServerConfig) -> Result<&mbed::ServerConfig, Error> {
    let message = "The context that answers this name does not speak DTLS 1.2, which the client was offered";
    config.dtls12().ok_or_else(|| Error::new(ErrorKind::Configuration, message))
}
