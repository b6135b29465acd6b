//! Handshakes that wait for the application: suspended with a question, resumed by its answer.

use super::connection::{ConnectionHandle, HeldRecords, OpenLookup, Phase, Subject, WaitingFor};
use super::endpoint::Endpoint;
use super::output::{CloseReason, Event, LookupId};
use crate::tls::{
    ClientPsk, Context, Error, ErrorKind, Outbox, Progress, Question, ResumableSession, ServerConfig, check_psk,
};
use std::sync::Arc;
use std::time::Instant;

impl Endpoint {
    /// Answers a question for a key that is known; else asks the application, and holds what comes meanwhile.
    pub(super) fn answer_or_ask(&mut self, now: Instant, handle: ConnectionHandle, question: Question) {
        if let Question::Psk(identity) = &question
            && let Some(keys) = self.server.as_ref().and_then(|server| server.known_keys.as_ref())
            && let Some(connection) = self.connections.get_mut(&handle)
        {
            let progress = connection.context.answer_psk(now, keys.get(identity), &mut self.outbox);
            self.advance(now, handle, progress);
            return;
        }
        self.suspend(handle, question);
    }

    fn suspend(&mut self, handle: ConnectionHandle, question: Question) {
        let id = self.next_lookup();
        let Some(connection) = self.connections.get_mut(&handle) else {
            return;
        };
        let subject = match question {
            Question::Config(_) => Subject::Config,
            Question::Protocol(_) => Subject::Protocol,
            Question::Psk(_) => Subject::Psk,
            Question::Resumption(_) => Subject::Session,
            Question::Peer(_) => Subject::Peer,
            Question::Identity(_) => Subject::Identity,
        };
        if let Phase::Handshaking { waiting_for, .. } = &mut connection.phase {
            *waiting_for = WaitingFor::Application(OpenLookup { id, subject, held: HeldRecords::default() });
        }
        self.lookups.insert(id, handle);
        self.push_event(match question {
            Question::Config(servername) => Event::ConfigLookup { connection: handle, lookup: id, servername },
            Question::Protocol(protocols) => Event::ProtocolLookup { connection: handle, lookup: id, protocols },
            Question::Psk(identity) => Event::PskLookup { connection: handle, lookup: id, identity },
            Question::Resumption(session_id) => Event::ResumptionLookup { connection: handle, lookup: id, session_id },
            Question::Peer(peer) => Event::PeerLookup { connection: handle, lookup: id, peer },
            Question::Identity(hint) => Event::IdentityLookup { connection: handle, lookup: id, hint },
        });
    }

    /// Ends a suspension: whose it was, and what it was about. `None` when the answer is late, or to another question.
    fn resume(
        &mut self,
        lookup: LookupId,
        answers: impl Fn(Subject) -> bool,
    ) -> Option<(ConnectionHandle, OpenLookup)> {
        let handle = *self.lookups.get(&lookup)?;
        let connection = self.connections.get_mut(&handle)?;
        let Phase::Handshaking { waiting_for, .. } = &mut connection.phase else {
            return None;
        };
        match std::mem::replace(waiting_for, WaitingFor::Peer) {
            WaitingFor::Application(open) if answers(open.subject) => {
                self.lookups.remove(&lookup);
                Some((handle, open))
            }
            other => {
                *waiting_for = other;
                None
            }
        }
    }

    /// The configuration that a `ConfigLookup` asked for, `None` for the server's own. Late and double answers have no
    /// effect.
    pub(crate) fn answer_config(&mut self, now: Instant, lookup: LookupId, config: Option<Arc<ServerConfig>>) -> bool {
        self.answer(now, lookup, Subject::Config, |context, out| context.answer_config(now, config, out))
    }

    /// Which of the protocols of a `ProtocolLookup` is used, `None` for none of them, which ends the handshake. Late and
    /// double answers have no effect.
    pub(crate) fn answer_protocol(&mut self, now: Instant, lookup: LookupId, protocol: Option<&[u8]>) -> bool {
        self.answer(now, lookup, Subject::Protocol, |context, out| context.answer_protocol(now, protocol, out))
    }

    /// The key that a `PskLookup` asked for, `None` when the identity is unknown. Late and double answers have no effect.
    pub(crate) fn answer_psk(&mut self, now: Instant, lookup: LookupId, key: Option<&[u8]>) -> bool {
        if let Some(Err(error)) = key.map(check_psk) {
            return self.fail_lookup(now, lookup, &error.to_string());
        }
        self.answer(now, lookup, Subject::Psk, |context, out| context.answer_psk(now, key, out))
    }

    /// Identity and key for an `IdentityLookup`, `None` when there are none for this server. Late and double answers have
    /// no effect.
    pub(crate) fn answer_identity(&mut self, now: Instant, lookup: LookupId, answer: Option<(&[u8], &[u8])>) -> bool {
        match answer.map(|(identity, key)| ClientPsk::new(identity, key)).transpose() {
            Ok(psk) => {
                self.answer(now, lookup, Subject::Identity, |context, out| context.answer_identity(now, psk, out))
            }
            Err(error) => self.fail_lookup(now, lookup, &error.to_string()),
        }
    }

    /// The session that a `ResumptionLookup` asked for, `None` when it is unknown. Late and double answers have no effect.
    pub(crate) fn answer_resumption(
        &mut self,
        now: Instant,
        lookup: LookupId,
        session: Option<&ResumableSession>,
    ) -> bool {
        self.answer(now, lookup, Subject::Session, |context, out| context.answer_resumption(now, session, out))
    }

    /// Whether the peer of a `PeerLookup` is accepted. Late and double answers have no effect.
    pub(crate) fn answer_peer(&mut self, now: Instant, lookup: LookupId, accepted: bool) -> bool {
        self.answer(now, lookup, Subject::Peer, |context, out| context.answer_peer(now, accepted, out))
    }

    fn answer(
        &mut self,
        now: Instant,
        lookup: LookupId,
        subject: Subject,
        act: impl FnOnce(&mut Context, &mut Outbox) -> Result<Progress, Error>,
    ) -> bool {
        let Some((handle, open)) = self.resume(lookup, |asked| asked == subject) else {
            return false;
        };
        if let Some(connection) = self.connections.get_mut(&handle) {
            let progress = act(&mut connection.context, &mut self.outbox);
            self.advance(now, handle, progress);
            self.release(now, handle, open.held.into_records());
        }
        true
    }

    /// The look-up failed: its handshake is given up.
    pub(crate) fn fail_lookup(&mut self, now: Instant, lookup: LookupId, message: &str) -> bool {
        let Some((handle, open)) = self.resume(lookup, |_| true) else {
            return false;
        };
        let mut error = Error::new(ErrorKind::LookupFailed, format!("The {} failed: {message}", open.subject.name()));
        if let (Some(connection), Some(alert)) = (self.connections.get_mut(&handle), error.alert_to_send()) {
            connection.context.send_fatal_alert(now, alert, &mut self.outbox);
            error = error.with_alert(alert);
        }
        self.remove(handle, CloseReason::Error(error));
        true
    }
}
