//! Sessions on a client's side (RFC 8446 sections 2.2 and 4.6.1): the one that it offers, and those that its server gives to it.

use super::config::ClientConfig;
use super::schedule::session_key;
use super::session_key::{as_secret, hash_of};
use super::suite::hash;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::master_secret::MasterSecret;
use crate::tls::saved::SessionId;
use crate::tls::session::{FOREIGN_TICKET_LIMIT, LONGEST_LIFETIME, Session, SessionOf};
use crate::tls::session_policy::NewSession;
use crate::tls::suites::Suite;
use crate::tls::trust::Peer;
use crate::tls::wall_clock::WallClock;
use crate::wire::NewSessionTicket;
use std::sync::Arc;
use std::time::Instant;

/// A session on offer.
pub(super) struct Offered {
    pub(super) session: Arc<Session>,
    /// The hash that its key is good for.
    pub(super) hash: Hash,
    /// RFC 8446 section 4.2.11.1.
    pub(super) obfuscated_age: u32,
}

impl Offered {
    /// The session that a client with this configuration offers now, if it has one that is not over, and was made under the same
    /// conditions. `identity`: of its external pre-shared key.
    pub(super) fn of(config: &ClientConfig, now: Instant, identity: Option<&[u8]>) -> Option<Offered> {
        let (session, now) = (config.session.as_ref()?, config.clock?.seconds(now));
        let ClientConfig { offers, servername, .. } = config;
        let hash = hash_of(session).filter(|wanted| offers.suites.iter().any(|&suite| hash(suite) == *wanted))?;
        let fits = offers.modes.with_key_exchange
            && session.is_live(now)
            && session.scope == offers.scope
            && session.server_name == *servername
            && session.psk_identity.as_deref().is_none_or(|own| Some(own) == identity)
            && session.protocol.as_ref().is_none_or(|protocol| offers.protocols.contains(protocol))
            && !session.ticket.is_empty();
        // The clock has seconds; a session does not live for 2^32 milliseconds.
        let age = now.saturating_sub(session.made_at).saturating_mul(1000) as u32;
        let obfuscated_age = age.wrapping_add(session.age_add);
        fits.then(|| Offered { session: Arc::clone(session), hash, obfuscated_age })
    }
}

/// What a client needs to make sessions of the tickets that its server sends.
pub(super) struct Remembering {
    clock: WallClock,
    /// The resumption_master_secret.
    resumption: Digest,
    /// What all these sessions have in common.
    session: Session,
}

impl Remembering {
    /// Of a handshake with a server that has authenticated itself; `None` for a client that wants no sessions. `protocol`: the
    /// application protocol. `peer`: what the server has presented. `identity`: of the external pre-shared key that the two sides have
    /// proved to have.
    pub(super) fn of(
        config: &ClientConfig,
        suite: Suite,
        protocol: Option<Vec<u8>>,
        peer: Option<&Peer>,
        identity: Option<Vec<u8>>,
        resumption: Digest,
    ) -> Option<Arc<Remembering>> {
        let clock = config.clock.filter(|_| config.offers.modes.with_key_exchange)?;
        let session = Session {
            of: SessionOf::Client,
            suite,
            secret: MasterSecret::from(&[0; 48]),
            encrypt_then_mac: false,
            made_at: 0,
            lifetime: 0,
            scope: config.offers.scope,
            server_name: config.servername.clone(),
            protocol,
            psk_identity: identity,
            peer: peer.and_then(Peer::credential).cloned(),
            issuers: peer.map(|peer| peer.issuers().to_vec()).unwrap_or_default(),
            authorized: true,
            id: SessionId::default(),
            ticket: Vec::new(),
            age_add: 0,
        };
        Some(Arc::new(Remembering { clock, resumption, session }))
    }

    /// The session of a ticket. `None` for one that is not to be kept, or is too long to be offered.
    pub(super) fn session(&self, now: Instant, ticket: &NewSessionTicket<'_>) -> Option<NewSession> {
        if ticket.lifetime == 0 || ticket.ticket.len() > FOREIGN_TICKET_LIMIT {
            return None;
        }
        let made_at = self.clock.seconds(now);
        let lifetime = ticket.lifetime.min(LONGEST_LIFETIME);
        let session = Session {
            secret: as_secret(&session_key(&self.resumption, ticket.nonce).ok()?),
            made_at,
            lifetime: Session::lifetime_beside(self.session.peer.as_ref(), made_at, lifetime),
            ticket: ticket.ticket.to_vec(),
            age_add: ticket.age_add,
            ..self.session.clone()
        };
        NewSession::of(&session)
    }
}
