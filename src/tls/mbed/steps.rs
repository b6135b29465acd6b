//! The steps of a handshake: taken one by one until it has to wait, for the peer, the application or a thread.

use super::certificates;
use super::early::EarlyRecords;
use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::hellos::Hellos;
use super::psk::PskExchange;
use super::resumption::Resumption;
use super::rules::Rules;
use super::work::Work;
use crate::tls::question::Question;
use crate::tls::trust::Peer;
use crate::wire::{OwnedRecord, requested_signatures};
use mbedtls_sys as sys;
use std::sync::Arc;

/// Everything but the engine that decides which step is next.
pub(super) struct Steps {
    pub(super) rules: Arc<Rules>,
    pub(super) hellos: Hellos,
    pub(super) peer: Peer,
    pub(super) psk: PskExchange,
    pub(super) resumption: Resumption,
    pub(super) early: EarlyRecords,
    /// Whether to pause before a step with public keys.
    pub(super) pauses: bool,
    /// A record that could have been the peer's Finished failed to authenticate, and may have been anybody's.
    pub(super) bad_finished: bool,
}

/// Why the steps of a handshake pause.
pub(super) enum Pause {
    /// The peer has to say more.
    Reading,
    Asking(Question),
    /// The next step computes with public keys.
    Computing,
    Over,
}

impl Steps {
    pub(super) fn new(rules: &Arc<Rules>, hellos: Hellos, psk: PskExchange, resumption: Resumption) -> Steps {
        Steps {
            rules: Arc::clone(rules),
            hellos,
            peer: Peer::new(&rules.peer),
            psk,
            resumption,
            early: EarlyRecords::default(),
            pauses: false,
            bad_finished: false,
        }
    }

    /// Takes steps until one has to wait.
    pub(super) fn take(&mut self, ssl: &mut Ssl) -> Result<Pause, Failure> {
        // An early record that may be the Finished message which the engine waits for.
        let mut finished = None;
        loop {
            if ssl.state() == sys::SSL_HANDSHAKE_OVER {
                return Ok(Pause::Over);
            }
            if let Some(question) = self.question(ssl)? {
                return Ok(Pause::Asking(question));
            }
            let offered = finished.take();
            let (written, heard) = (ssl.written(), ssl.replay_window());
            match self.step(ssl, offered.as_ref()) {
                Ok(None) => {}
                Ok(Some(pause)) => return Ok(pause),
                // A timer that was due let the engine retransmit before it looked at the record.
                Err(Failure::Engine(sys::ERR_SSL_WANT_READ)) if ssl.has_record_on_offer() => {}
                // With a connection ID, what has overtaken the Finished message looks the same: the engine drops application
                // data, and refuses what it does not know.
                Err(Failure::Engine(sys::ERR_SSL_WANT_READ | sys::ERR_SSL_UNEXPECTED_MESSAGE))
                    if offered.is_some() && ssl.replay_window() != heard && !ssl.last_record_was_handshake() =>
                {
                    ssl.set_replay_window(heard);
                    ssl.take_back(written);
                    self.early.put_aside(offered);
                }
                Err(Failure::Engine(sys::ERR_SSL_WANT_READ)) => match self.early.take_finished(ssl) {
                    Some(record) => finished = Some(record),
                    None => return Ok(Pause::Reading),
                },
                Err(Failure::Engine(sys::ERR_SSL_INVALID_MAC)) if !is_taken_for_the_peers(ssl, offered.as_ref()) => {
                    self.bad_finished = true;
                    // The engine has written an alert.
                    ssl.take_back(written);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// What the application has to decide before the next step.
    fn question(&mut self, ssl: &mut Ssl) -> Result<Option<Question>, Failure> {
        let Steps { rules, hellos, peer, psk, resumption, .. } = self;
        let session = resumption.question(ssl, rules, hellos, peer)?;
        let is_presented = has_presented_itself(ssl, peer);
        Ok(session.or_else(|| peer.question(is_presented).map(Question::Peer)).or_else(|| psk.question(ssl)))
    }

    /// One step, or the pause that comes before it.
    fn step(&mut self, ssl: &mut Ssl, finished: Option<&OwnedRecord>) -> Result<Option<Pause>, Failure> {
        if let Some(record) = finished {
            ssl.offer(&record.bytes, Ssl::handshake_step)?;
            return Ok(None);
        }
        if self.psk.is_reading(ssl) {
            let message = ssl.peek_handshake_message()?;
            return Ok(self.psk.read(ssl, &message)?.map(Pause::Asking));
        }
        if self.pauses
            && let Some(work) = Work::ahead(ssl)
        {
            work.prepare(ssl)?;
            return Ok(Some(Pause::Computing));
        }
        match self.psk.own_step(ssl) {
            Some(result) => result?,
            None => self.engine_step(ssl)?,
        }
        Ok(None)
    }

    /// The engine's next step, or ours in its place where the engine knows nothing of what was negotiated.
    fn engine_step(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        use Role::{Client, Server};
        let Steps { rules, hellos, peer, resumption, .. } = self;
        let agreement = hellos.agreement();
        match (ssl.role(), ssl.state()) {
            (Client, sys::SSL_CLIENT_HELLO) => hellos.write(ssl),
            (Server, sys::SSL_SERVER_HELLO) => {
                if let Some(extension) = resumption.announcement(ssl, hellos) {
                    hellos.announce(&extension);
                }
                hellos.write(ssl)
            }
            (Client, sys::SSL_SERVER_HELLO) => {
                hellos.read_server_hello(ssl)?;
                Ok(resumption.read_server_hello(ssl, peer)?)
            }
            (Client, sys::SSL_CERTIFICATE_REQUEST) if ssl.uses_certificates() => {
                // It may be missing: then this is the message behind it.
                hellos.signatures = requested_signatures(&ssl.peek_handshake_message()?).unwrap_or_default();
                Ok(ssl.handshake_step()?)
            }
            (Server, sys::SSL_SERVER_CHANGE_CIPHER_SPEC) => {
                if resumption.write_ticket(ssl, rules, hellos, peer)? {
                    Ok(())
                } else {
                    Ok(ssl.handshake_step()?)
                }
            }
            (Server, sys::SSL_SERVER_CERTIFICATE) if ssl.uses_certificates() => {
                certificates::write_servers(ssl, rules, agreement)
            }
            (Client, sys::SSL_SERVER_CERTIFICATE) if ssl.uses_certificates() => {
                certificates::read_servers(ssl, rules, agreement, peer)
            }
            (Client, sys::SSL_CLIENT_CERTIFICATE) if ssl.uses_certificates() => {
                certificates::write_clients(ssl, agreement)
            }
            (Server, sys::SSL_CLIENT_CERTIFICATE) if ssl.uses_certificates() => {
                certificates::read_clients(ssl, rules, agreement, peer)
            }
            (Server, sys::SSL_CLIENT_KEY_EXCHANGE) => {
                peer.check_signature_kind()?;
                Ok(ssl.handshake_step()?)
            }
            (_, sys::SSL_HANDSHAKE_WRAPUP) => {
                // Code that copies the session would take it for a certificate.
                ssl.forget_raw_public_key();
                Ok(ssl.handshake_step()?)
            }
            _ => Ok(ssl.handshake_step()?),
        }
    }
}

/// Whether the peer has said who it is, and the next step would go on with that.
fn has_presented_itself(ssl: &Ssl, peer: &Peer) -> bool {
    let state = match (ssl.role(), peer.is_recalled()) {
        (Role::Client, false) => sys::SSL_SERVER_KEY_EXCHANGE,
        (Role::Client, true) => sys::SSL_SERVER_CHANGE_CIPHER_SPEC,
        (Role::Server, false) => sys::SSL_CLIENT_KEY_EXCHANGE,
        (Role::Server, true) => sys::SSL_SERVER_HELLO,
    };
    ssl.state() == state
}

/// Whether a Finished message that fails to authenticate is taken for that of a client with other keys than ours. Anybody
/// can send one, alone or with a ChangeCipherSpec, so that such a one is dropped. With the client's key exchange, which the
/// keys are made of, in one datagram, it is what such a client sends. Whoever sees the handshake can forge that too, before
/// the client has answered: nothing in it could tell the two apart, and to wait for another would only delay the answer to a
/// client with a wrong key. A server that has other keys than ours sends no Finished message, because it has refused ours.
fn is_taken_for_the_peers(ssl: &Ssl, record: Option<&OwnedRecord>) -> bool {
    ssl.role() == Role::Server && record.is_some_and(|record| record.after_key_exchange)
}
