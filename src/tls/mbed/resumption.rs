//! Resumption: what two sides remember of an earlier handshake takes the place of a key exchange (RFC 5246 section 7.3, RFC
//! 5077). Here is decided whether it may, in both roles; the engine only does what it is told.

use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::hellos::Hellos;
use super::rules::Rules;
use crate::tls::error::{Error, ErrorKind};
use crate::tls::peer::Authorization;
use crate::tls::question::{KnownSession, Question};
use crate::tls::saved::SessionId;
use crate::tls::session::{FOREIGN_TICKET_LIMIT, Session, SessionOf};
use crate::tls::session_policy::{NewSession, SessionPolicy, SessionsById};
use crate::tls::suites::Suite;
use crate::tls::trust::Peer;
use crate::tls::version::Version;
use crate::wire::session_ticket;
use mbedtls_sys as sys;
use std::sync::Arc;

/// Where a handshake is with an earlier session, and with the one that it may leave behind.
pub(super) struct Resumption {
    stage: Stage,
    policy: SessionPolicy,
    /// What a client offers.
    offered: Option<Arc<Session>>,
    /// The name that a client asks for.
    server_name: Option<String>,
    /// What is resumed, where we have made it.
    session: Option<Session>,
    ticket: Ticket,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The hellos have not agreed yet.
    Open,
    /// The application looks for the session with this handshake's id.
    Asked,
    Settled {
        resumed: bool,
    },
}

/// What becomes of a server's ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ticket {
    None,
    /// The ServerHello says that it will come.
    Announced,
    /// An empty one has come: the session was not one for a ticket.
    Withheld,
    Sent,
}

impl Resumption {
    pub(super) fn server(policy: SessionPolicy) -> Resumption {
        Resumption { stage: Stage::Open, policy, offered: None, server_name: None, session: None, ticket: Ticket::None }
    }

    pub(super) fn client(
        policy: SessionPolicy,
        offered: Option<Arc<Session>>,
        server_name: Option<&str>,
    ) -> Resumption {
        Resumption { offered, server_name: server_name.map(str::to_owned), ..Resumption::server(policy) }
    }

    /// Whether an earlier session's master secret is used.
    pub(super) fn is_resumed(&self) -> bool {
        self.stage == Stage::Settled { resumed: true }
    }

    /// The identity whose key the client had proved to have when the session was made.
    pub(super) fn take_psk_identity(&mut self) -> Option<Vec<u8>> {
        self.session.as_mut().and_then(|session| session.psk_identity.take())
    }

    // --- a server ----------------------------------------------------------------------------------------------------

    /// Once the hello is parsed, and before anything is answered: resumes by the ticket, or asks for a session by its id.
    pub(super) fn question(
        &mut self,
        ssl: &mut Ssl,
        rules: &Rules,
        hellos: &Hellos,
        peer: &mut Peer,
    ) -> Result<Option<Question>, Error> {
        if self.stage != Stage::Open || ssl.role() != Role::Server || ssl.state() != sys::SSL_SERVER_HELLO {
            return Ok(None);
        }
        self.stage = Stage::Settled { resumed: false };
        if let Some(ticket) = hellos.ticket().filter(|ticket| !ticket.is_empty())
            && self.policy.by_id != SessionsById::Saved
        {
            // RFC 5077 section 3.4: the id beside a ticket is the client's own, and no server knows it.
            let keys = self.policy.tickets.as_ref().filter(|_| self.remembers(ssl));
            let session =
                keys.and_then(|keys| Session::from_bytes(&keys.open(Version::Dtls12, ticket)?, SessionOf::Server));
            if let Some(session) = session.filter(|session| session.id.as_bytes().is_empty()) {
                self.resume(ssl, rules, hellos, peer, session)?;
            }
            return Ok(None);
        }
        let asks = match self.policy.by_id {
            SessionsById::Nowhere => false,
            SessionsById::Stored => self.remembers(ssl),
            SessionsById::Saved => true,
        };
        let id = if asks { ssl.session_id_of_hello() } else { Vec::new() };
        if id.is_empty() {
            return Ok(None);
        }
        self.stage = Stage::Asked;
        Ok(Some(Question::Session(id)))
    }

    /// The answer, `None` for an unknown session. One that does not fit what this hello has negotiated leads to a full
    /// handshake.
    pub(super) fn answer(
        &mut self,
        ssl: &mut Ssl,
        rules: &Rules,
        hellos: &Hellos,
        peer: &mut Peer,
        session: Option<KnownSession<'_>>,
    ) -> Result<(), Error> {
        if self.stage != Stage::Asked {
            return Err(Error::unasked());
        }
        self.stage = Stage::Settled { resumed: false };
        match session {
            None => {}
            Some(KnownSession::Saved(session)) => {
                self.stage = Stage::Settled { resumed: ssl.resume_session(session) };
            }
            Some(KnownSession::Stored(bytes)) => {
                let session = Session::from_bytes(bytes, SessionOf::Server);
                // A store that answers with another's session is not believed.
                if let Some(session) =
                    session.filter(|session| session.id.as_bytes() == ssl.session_id_of_hello().as_slice())
                {
                    self.resume(ssl, rules, hellos, peer, session)?;
                }
            }
        }
        Ok(())
    }

    /// Resumes a session of ours if it fits; otherwise the handshake is a full one.
    fn resume(
        &mut self,
        ssl: &mut Ssl,
        rules: &Rules,
        hellos: &Hellos,
        peer: &mut Peer,
        session: Session,
    ) -> Result<(), Error> {
        let now = self.policy.started;
        let age = now.saturating_sub(session.made_at);
        let fits = session.is_live(now)
            && age < u64::from(self.policy.lifetime)
            && session.scope == rules.scope
            && session.server_name.as_deref() == hellos.server_name()
            && session.protocol == hellos.protocol(ssl)
            && ssl.negotiated_suite() == Some(session.suite.id());
        if !fits {
            return Ok(());
        }
        // RFC 7627 section 5.3: the session has the extended master secret, and the client comes without it.
        if !ssl.agrees_on_extended_master_secret() {
            return Err(without_extended_master_secret());
        }
        let encrypt_then_mac = session.suite.is_cbc().then_some(session.encrypt_then_mac);
        if ssl.resume(session.suite.id(), &session.secret, true, encrypt_then_mac) {
            peer.recall(&session);
            self.stage = Stage::Settled { resumed: true };
            self.session = Some(session);
        }
        Ok(())
    }

    /// Whether handshakes with the suite that was chosen are remembered.
    fn remembers(&self, ssl: &Ssl) -> bool {
        self.policy.remembers_psk || ssl.suite().is_some_and(|suite| !suite.key_exchange().uses_psk())
    }

    /// What the ServerHello that is about to be written says of a ticket to come (RFC 5077 section 3.2).
    pub(super) fn announcement(&mut self, ssl: &Ssl, hellos: &Hellos) -> Option<Vec<u8>> {
        let sends = !self.is_resumed()
            && self.policy.tickets.is_some()
            && hellos.ticket().is_some()
            && self.remembers(ssl)
            && ssl.agrees_on_extended_master_secret();
        sends.then(|| {
            self.ticket = Ticket::Announced;
            session_ticket::server_extension()
        })
    }

    /// Writes the ticket that was announced, when the client has proved who it is. Answers whether there was one.
    pub(super) fn write_ticket(
        &mut self,
        ssl: &mut Ssl,
        rules: &Rules,
        hellos: &Hellos,
        peer: &Peer,
    ) -> Result<bool, Failure> {
        if self.ticket != Ticket::Announced {
            return Ok(false);
        }
        let session = self.session_of_server(ssl, rules, hellos, peer);
        let ticket = session.and_then(|session| self.seal(Session { id: SessionId::default(), ..session }));
        self.ticket = if ticket.is_some() { Ticket::Sent } else { Ticket::Withheld };
        // RFC 5077 section 3.3: an empty one when there is none after all.
        let body = session_ticket::new_session_ticket(self.policy.lifetime, &ticket.unwrap_or_default());
        ssl.write_new_session_ticket(&body.ok_or(sys::ERR_SSL_INTERNAL_ERROR)?)?;
        Ok(true)
    }

    /// The peer's own certificate is worth more than room for its issuers.
    fn seal(&self, session: Session) -> Option<Vec<u8>> {
        let keys = self.policy.tickets.as_ref()?;
        let ticket = session.to_bytes().and_then(|bytes| keys.seal(Version::Dtls12, &bytes));
        ticket.or_else(|| keys.seal(Version::Dtls12, &Session { issuers: Vec::new(), ..session }.to_bytes()?))
    }

    fn session_of_server(&self, ssl: &Ssl, rules: &Rules, hellos: &Hellos, peer: &Peer) -> Option<Session> {
        let suite = ssl.suite()?;
        let authorized = match peer.authorization(suite.key_exchange().uses_psk(), false) {
            Authorization::Granted => true,
            Authorization::Unknown => false,
            Authorization::Refused(_) => return None,
        };
        let secrets = ssl.session_secrets()?;
        Some(Session {
            of: SessionOf::Server,
            suite,
            secret: secrets.master_secret.into(),
            encrypt_then_mac: secrets.encrypt_then_mac,
            made_at: self.policy.started,
            lifetime: Session::lifetime_beside(peer.credential(), self.policy.started, self.policy.lifetime),
            scope: rules.scope,
            server_name: hellos.server_name().map(str::to_owned),
            protocol: hellos.protocol(ssl),
            psk_identity: ssl.staged_identity().map(<[u8]>::to_vec),
            peer: peer.credential().cloned(),
            issuers: peer.issuers().to_vec(),
            authorized,
            id: SessionId::new(&secrets.id)?,
            ticket: Vec::new(),
            age_add: 0,
        })
    }

    // --- a client ----------------------------------------------------------------------------------------------------

    /// Has the ClientHello offer the session, unless it is over or was made under other conditions.
    pub(super) fn offer(&mut self, ssl: &mut Ssl, rules: &Rules, suites: &[Suite]) {
        let (policy, server_name) = (&self.policy, &self.server_name);
        self.offered = self.offered.take().filter(|session| {
            session.is_live(policy.started)
                && session.scope == rules.scope
                && session.server_name == *server_name
                && session.protocol.as_ref().is_none_or(|protocol| rules.protocols.contains(protocol))
                && suites.contains(&session.suite)
        });
        if let Some(session) = &self.offered {
            // Without memory for it the handshake is a full one, or fails for the same reason.
            let _ = ssl.offer_session(session.suite.id(), &session.secret, session.id.as_bytes(), &session.ticket);
        }
    }

    /// The ServerHello was read: the server has gone along, or not.
    pub(super) fn read_server_hello(&mut self, ssl: &Ssl, peer: &mut Peer) -> Result<(), Error> {
        if ssl.state() <= sys::SSL_SERVER_HELLO {
            return Ok(());
        }
        let resumed = ssl.resumes() && self.offered.is_some();
        self.stage = Stage::Settled { resumed };
        if let Some(session) = self.offered.as_deref().filter(|_| resumed) {
            // RFC 7627 section 5.3: the session has the extended master secret, and the server answers without it.
            if !ssl.agrees_on_extended_master_secret() {
                return Err(without_extended_master_secret());
            }
            peer.recall(session);
        }
        Ok(())
    }

    fn session_of_client(&self, ssl: &mut Ssl, rules: &Rules, suite: Suite, peer: &Peer) -> Option<Session> {
        let resumed = self.is_resumed();
        if !ssl.has_extended_master_secret()
            || peer.authorization(suite.key_exchange().uses_psk(), resumed) != Authorization::Granted
        {
            return None;
        }
        let offered = self.offered.as_deref();
        // The engine keeps what was offered until something else comes.
        let ticket = ssl.take_ticket().filter(|(ticket, _)| offered.is_none_or(|offered| offered.ticket != *ticket));
        let (ticket, hint) = match (ticket, offered) {
            (Some((ticket, hint)), _) if ticket.len() <= FOREIGN_TICKET_LIMIT => (ticket, hint),
            (_, Some(offered)) if resumed => return Some(offered.clone()),
            _ => (Vec::new(), 0),
        };
        let secrets = ssl.session_secrets()?;
        let id = if ticket.is_empty() { SessionId::new(&secrets.id)? } else { SessionId::default() };
        Some(Session {
            of: SessionOf::Client,
            suite,
            secret: secrets.master_secret.into(),
            encrypt_then_mac: secrets.encrypt_then_mac,
            made_at: self.policy.started,
            lifetime: Session::lifetime_beside(peer.credential(), self.policy.started, Session::lifetime_by_hint(hint)),
            scope: rules.scope,
            server_name: self.server_name.clone(),
            protocol: ssl.protocol(),
            psk_identity: None,
            peer: peer.credential().cloned(),
            issuers: peer.issuers().to_vec(),
            authorized: true,
            id,
            ticket,
            age_add: 0,
        })
        .filter(|session| !session.ticket.is_empty() || !session.id.as_bytes().is_empty())
    }

    // --- both --------------------------------------------------------------------------------------------------------

    /// The session of a finished handshake, for whoever keeps it: a client, or a server's store.
    pub(super) fn new_session(
        &mut self,
        ssl: &mut Ssl,
        rules: &Rules,
        hellos: &Hellos,
        suite: Suite,
        peer: &Peer,
    ) -> Option<NewSession> {
        let session = match ssl.role() {
            Role::Client => self.session_of_client(ssl, rules, suite, peer)?,
            Role::Server => {
                let stores = self.policy.by_id == SessionsById::Stored
                    && !self.is_resumed()
                    && self.ticket != Ticket::Sent
                    && ssl.has_extended_master_secret()
                    && self.remembers(ssl);
                stores.then(|| self.session_of_server(ssl, rules, hellos, peer))??
            }
        };
        NewSession::of(&session)
    }
}

fn without_extended_master_secret() -> Error {
    let message = "The peer resumes a session that has an extended master secret, and no longer knows of it";
    Error::new(ErrorKind::NoExtendedMasterSecret, message)
}
