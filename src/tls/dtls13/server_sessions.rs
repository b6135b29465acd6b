//! Sessions on a server's side (RFC 8446 sections 2.2 and 4.6.1): which one a client brings, whether it fits, and the one that a
//! handshake leaves behind.
//!
//! A session is sealed in its ticket, or kept under an id, which is the ticket then.

use super::finish::Outcome;
use super::schedule::session_key;
use super::server_flight::no_random_numbers;
use super::session_key::{as_secret, hash_of};
use crate::tls::error::Error;
use crate::tls::ffi::Refused;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::peer::Authorization;
use crate::tls::random::random_bytes;
use crate::tls::saved::SessionId;
use crate::tls::session::{LONGEST_LIFETIME, Scope, Session, SessionOf};
use crate::tls::session_policy::{NewSession, SessionPolicy, SessionsById};
use crate::tls::trust::Peer;
use crate::tls::version::Version;
use crate::wire::NewSessionTicket;
use crate::wire::hello13::Offer;
use crate::wire::psk_offer::{Modes, OfferedKey};

/// Keys of one client that are tried as tickets; a client has few.
const TICKETS_LIMIT: usize = 4;

/// There is one ticket for each connection.
const NONCE: &[u8] = &[0];

/// What one handshake has to do with sessions.
pub(super) struct Sessions {
    policy: SessionPolicy,
    scope: Scope,
    /// Whether the server knows pre-shared keys at all.
    has_psk: bool,
    server_name: Option<String>,
    /// Whether the two sides use sessions: together with a key exchange alone (RFC 8446 section 4.2.9).
    are_used: bool,
}

/// The message that gives a session to the client, and the session itself where it is kept here.
pub(super) type Left = (Vec<u8>, Option<NewSession>);

/// What a client's keys are, as far as sessions go.
pub(super) enum Brought {
    Nothing,
    /// The key with this index is the one of a session that fits.
    Session(usize, Box<Session>),
    /// The key with this index may be the one of a session that is kept under an id.
    Id(usize),
}

impl Sessions {
    pub(super) fn new(
        policy: SessionPolicy,
        scope: Scope,
        has_psk: bool,
        server_name: Option<String>,
        modes: Modes,
    ) -> Sessions {
        Sessions { policy, scope, has_psk, server_name, are_used: modes.with_key_exchange }
    }

    /// The session that the client brings. `hash`: of the suite that was chosen. `protocol`: the application protocol.
    pub(super) fn find(&self, offer: &Offer<'_>, hash: Hash, protocol: Option<&[u8]>) -> Brought {
        let Some(psk) = offer.psk.as_ref().filter(|_| self.are_used) else { return Brought::Nothing };
        let keys = || psk.keys.iter().enumerate().take(TICKETS_LIMIT);
        for (index, key) in keys() {
            if let Some(session) = self.open(key.identity).filter(|session| self.fits(session, &key, hash, protocol)) {
                return Brought::Session(index, Box::new(session));
            }
        }
        let may_be_id = |key: &OfferedKey<'_>| {
            let is_long_enough = key.identity.len() == SessionId::LIMIT && key.proof.len() == hash.length();
            // RFC 8446 section 4.2.11: an external key has no age.
            is_long_enough && key.obfuscated_age != 0
        };
        match self.policy.by_id {
            SessionsById::Stored => {
                keys().find(|(_, key)| may_be_id(key)).map_or(Brought::Nothing, |(index, _)| Brought::Id(index))
            }
            // Those of saved connections are of DTLS 1.2.
            SessionsById::Nowhere | SessionsById::Saved => Brought::Nothing,
        }
    }

    /// What a ticket of ours holds.
    fn open(&self, ticket: &[u8]) -> Option<Session> {
        let bytes = self.policy.tickets.as_ref()?.open(Version::Dtls13, ticket)?;
        Session::from_bytes(&bytes, SessionOf::Server).filter(|session| session.id.as_bytes().is_empty())
    }

    /// What a store has answered for a key, if it is that and fits. A store that answers with another's session is not believed.
    pub(super) fn read(
        &self,
        stored: &[u8],
        key: &OfferedKey<'_>,
        hash: Hash,
        protocol: Option<&[u8]>,
    ) -> Option<Session> {
        let session = Session::from_bytes(stored, SessionOf::Server)?;
        let is_it = session.id.as_bytes() == key.identity && self.fits(&session, key, hash, protocol);
        is_it.then_some(session)
    }

    /// Whether a session may be resumed in this handshake. Otherwise that is a full one.
    fn fits(&self, session: &Session, key: &OfferedKey<'_>, hash: Hash, protocol: Option<&[u8]>) -> bool {
        let now = self.policy.started;
        let age = now.saturating_sub(session.made_at);
        // RFC 8446 section 4.2.11.1: by the client's clock. Ours may have been set back.
        let clients_age = u64::from(key.obfuscated_age.wrapping_sub(session.age_add)) / 1000;
        hash_of(session) == Some(hash)
            && key.proof.len() == hash.length()
            && session.is_live(now)
            && age < u64::from(self.policy.lifetime)
            && clients_age < u64::from(session.lifetime)
            && session.scope == self.scope
            && session.server_name == self.server_name
            && session.protocol.as_deref() == protocol
            && (session.psk_identity.is_none() || self.policy.remembers_psk && self.has_psk)
    }

    /// The session of a handshake that is over.
    /// `resumption`: the resumption_master_secret, which is not derived in vain. `former`: the session that was resumed.
    pub(super) fn leave_behind(
        &self,
        outcome: &Outcome,
        resumption: impl FnOnce() -> Result<Digest, Refused>,
        former: Option<&Session>,
    ) -> Result<Option<Left>, Error> {
        let Some((authorized, lifetime)) = self.terms(outcome, former) else { return Ok(None) };
        let age_add = random_bytes().map_err(|_| no_random_numbers())?;
        let session = Session {
            of: SessionOf::Server,
            suite: outcome.suite,
            secret: as_secret(&session_key(&resumption()?, NONCE)?),
            encrypt_then_mac: false,
            made_at: self.policy.started,
            lifetime,
            scope: self.scope,
            server_name: self.server_name.clone(),
            protocol: outcome.protocol.clone(),
            psk_identity: outcome.psk_identity.clone(),
            peer: outcome.peer.as_ref().and_then(Peer::credential).cloned(),
            issuers: outcome.peer.as_ref().map(|peer| peer.issuers().to_vec()).unwrap_or_default(),
            authorized,
            id: SessionId::default(),
            ticket: Vec::new(),
            age_add: u32::from_be_bytes(age_add),
        };
        let message = |ticket: &[u8]| {
            let Session { lifetime, age_add, .. } = session;
            NewSessionTicket { lifetime, age_add, nonce: NONCE, ticket }.write()
        };
        Ok(match self.seal(&session) {
            Some(ticket) => Some((message(&ticket), None)),
            None => self.keep(&session, former).map(|kept| (message(kept.id.as_bytes()), Some(kept))),
        })
    }

    /// Whether the client was authorized, and seconds for which the session is good; `None` when there is to be none.
    fn terms(&self, outcome: &Outcome, former: Option<&Session>) -> Option<(bool, u32)> {
        let SessionPolicy { tickets, by_id, remembers_psk, lifetime, started } = &self.policy;
        let authorized = match outcome.authorization() {
            Authorization::Granted => true,
            Authorization::Unknown => false,
            Authorization::Refused(_) => return None,
        };
        let are_kept = tickets.is_some() || *by_id == SessionsById::Stored;
        if !self.are_used || !are_kept || outcome.psk_identity.is_some() && !remembers_psk {
            return None;
        }
        // What was proved in a full handshake is good for its time, however often it is resumed.
        let end = former.map_or(u64::MAX, |former| former.made_at.saturating_add(former.lifetime.into()));
        let rest = u32::try_from(end.saturating_sub(*started)).unwrap_or(u32::MAX);
        let peer = outcome.peer.as_ref().and_then(Peer::credential);
        let lifetime = Session::lifetime_beside(peer, *started, rest.min(*lifetime).min(LONGEST_LIFETIME));
        (lifetime > 0).then_some((authorized, lifetime))
    }

    /// The peer's own certificate is worth more than room for its issuers.
    fn seal(&self, session: &Session) -> Option<Vec<u8>> {
        let keys = self.policy.tickets.as_ref()?;
        let seal = |session: &Session| keys.seal(Version::Dtls13, &session.to_bytes()?);
        seal(session).or_else(|| seal(&Session { issuers: Vec::new(), ..session.clone() }))
    }

    fn keep(&self, session: &Session, former: Option<&Session>) -> Option<NewSession> {
        if self.policy.by_id != SessionsById::Stored {
            return None;
        }
        let id = SessionId::new(&random_bytes::<{ SessionId::LIMIT }>().ok()?)?;
        let kept = NewSession::of(&Session { id, ..session.clone() })?;
        let replaces = former.map(|former| former.id).filter(|id| !id.as_bytes().is_empty());
        Some(NewSession { replaces, ..kept })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::session::tests::session_of_dtls13;
    use crate::tls::tickets::TicketKeys;
    use std::sync::Arc;

    /// Everything that decides whether a session fits.
    struct Case {
        sessions: Sessions,
        session: Session,
        /// Milliseconds for which the client has had its ticket.
        age: u32,
        proof: usize,
        hash: Hash,
        protocol: Option<&'static [u8]>,
    }

    impl Case {
        fn fits(&self) -> bool {
            let key = OfferedKey {
                identity: b"ticket",
                obfuscated_age: self.session.age_add.wrapping_add(self.age),
                proof: &[7; 64][..self.proof],
            };
            self.sessions.fits(&self.session, &key, self.hash, self.protocol)
        }
    }

    fn fits(change: impl FnOnce(&mut Case)) -> bool {
        let session = session_of_dtls13();
        let hash = hash_of(&session).unwrap();
        let policy = SessionPolicy {
            tickets: Some(Arc::new(TicketKeys::generate().unwrap())),
            by_id: SessionsById::Nowhere,
            remembers_psk: true,
            lifetime: 1000,
            started: session.made_at,
        };
        let modes = Modes { with_key_exchange: true, ..Modes::default() };
        let sessions = Sessions::new(policy, session.scope, true, session.server_name.clone(), modes);
        let mut case = Case { sessions, session, age: 0, proof: hash.length(), hash, protocol: Some(b"coap") };
        change(&mut case);
        case.fits()
    }

    #[test]
    fn a_session_fits_until_its_time_is_over_by_anybodys_clock() {
        assert!(fits(|_| {}));
        for (seconds, is_good) in [(299, true), (300, false)] {
            assert_eq!(fits(|case| case.sessions.policy.started += seconds), is_good);
        }
        // The server's time for sessions has become shorter.
        for (seconds, is_good) in [(99, true), (100, false)] {
            let change = |case: &mut Case| {
                case.sessions.policy.lifetime = 100;
                case.sessions.policy.started += seconds;
            };
            assert_eq!(fits(change), is_good);
        }
        // The server's clock has been set back.
        for (milliseconds, is_good) in [(299_999, true), (300_000, false), (u32::MAX, false)] {
            assert_eq!(fits(|case| case.age = milliseconds), is_good);
        }
    }

    #[test]
    fn a_store_that_answers_with_another_session_is_not_believed() {
        let read = |identity: &[u8], protocol: &[u8]| {
            let mut stored = None;
            fits(|case| {
                let key = OfferedKey { identity, obfuscated_age: case.session.age_add, proof: &[7; 64][..case.proof] };
                let bytes = case.session.to_bytes().unwrap();
                stored = Some(case.sessions.read(&bytes, &key, case.hash, Some(protocol)).is_some());
            });
            stored.unwrap()
        };
        let id = session_of_dtls13().id;
        assert!(read(id.as_bytes(), b"coap"));
        assert!(!read(&[0; SessionId::LIMIT], b"coap"));
        assert!(!read(id.as_bytes(), b"mqtt"));
        assert!(!read(&[0; SessionId::LIMIT], b"mqtt"));
    }

    #[test]
    fn a_session_fits_the_handshake_that_made_it_and_no_other() {
        let changes: [fn(&mut Case); 9] = [
            |case| case.hash = if case.hash == Hash::Sha256 { Hash::Sha384 } else { Hash::Sha256 },
            |case| case.proof -= 1,
            |case| case.session.scope[0] ^= 1,
            |case| case.session.server_name = None,
            |case| case.session.server_name = Some("b.test".to_owned()),
            |case| case.protocol = None,
            |case| case.protocol = Some(b"mqtt"),
            |case| case.sessions.policy.remembers_psk = false,
            |case| case.sessions.has_psk = false,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(!fits(change), "change {number}");
        }
        // Without a pre-shared key nobody asks for one.
        let change = |case: &mut Case| {
            case.session.psk_identity = None;
            (case.sessions.policy.remembers_psk, case.sessions.has_psk) = (false, false);
        };
        assert!(fits(change));
    }
}
