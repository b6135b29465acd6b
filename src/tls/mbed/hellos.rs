//! What the two hellos agree on and the engine knows nothing of: certificate types (RFC 7250), SRTP (RFC 5764), return
//! routability checks (RFC 9853), and an application protocol (RFC 7301) that the application has chosen.
//!
//! Our hello gets its extensions appended while the engine writes it; the peer's is read here before the engine reads
//! it.

use super::cookies::Cookies;
use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::hello_extensions::HelloExtensions;
use super::ffi::ssl::Ssl;
use super::rules::Rules;
use crate::tls::addition::Addition;
use crate::tls::error::{Error, ErrorKind};
use crate::wire::certificate_type::{Agreement, client_extensions, read_client_hello, read_server_hello};
use crate::wire::extensions::{self, Hello};
use crate::wire::handshake::{HELLO_VERIFY_REQUEST, SERVER_HELLO};
use crate::wire::hello13::DTLS_1_2;
use crate::wire::{
    CertificateType, ClientHello, ExtensionFault, HANDSHAKE_HEADER_LENGTH, Records, SrtpProfile, alert,
    application_protocol, certificate13, connection_id_extension, server_name, session_ticket, srtp, two_versions,
    version_and_suite,
};
use mbedtls_sys as sys;
use std::sync::Arc;

const DOWNGRADE: &str = "The server speaks DTLS 1.3 as this client does, and was made to believe otherwise: somebody has changed \
                         the hellos on their way";

pub(super) struct Hellos {
    rules: Arc<Rules>,
    agreement: Agreement,
    /// What our hello says.
    extensions: HelloExtensions,
    /// Numbers of all the extensions in a client's hello, the engine's among them.
    offered: Vec<u16>,
    /// The body of a client's first hello, where that is one of another version, too.
    first: Vec<u8>,
    /// What a client's server has asked for.
    cookies: Cookies,
    /// The profile that both sides use.
    srtp_profile: Option<SrtpProfile>,
    /// Whether we use connection IDs, if the peer does: a client offers them, a server answers an offer.
    uses_ids: bool,
    /// Whether both sides answer return routability checks (RFC 9853).
    checks_routability: bool,
    /// The application protocol that a server's application has chosen.
    protocol: Option<Vec<u8>>,
    /// The ticket in a client's hello; empty when it only takes tickets.
    ticket: Option<Vec<u8>>,
    /// The name that the client asks for.
    server_name: Option<String>,
    /// IANA's numbers of the signatures that the peer accepts: by its hello, or by a server's CertificateRequest.
    pub(super) signatures: Vec<u16>,
    /// What is wrong with the ClientHello, until the engine can say so under a record number that the client accepts.
    fault: Option<Error>,
}

impl Hellos {
    pub(super) fn client(rules: &Arc<Rules>, uses_ids: bool) -> Hellos {
        let mut always = srtp::client_extension(&rules.srtp_profiles);
        if uses_ids {
            // RFC 9853 section 3: who offers connection IDs should offer this as well.
            always.extend(connection_id_extension::routability_extension());
        }
        let extensions = HelloExtensions { always, full: client_extensions(&rules.abilities), rewrite: None };
        Hellos::new(rules, extensions, uses_ids)
    }

    pub(super) fn server(rules: &Arc<Rules>, protocol: Option<Vec<u8>>, uses_ids: bool) -> Hellos {
        Hellos { protocol, ..Hellos::new(rules, HelloExtensions::default(), uses_ids) }
    }

    fn new(rules: &Arc<Rules>, extensions: HelloExtensions, uses_ids: bool) -> Hellos {
        Hellos {
            rules: Arc::clone(rules),
            agreement: Agreement::by_default(&rules.abilities),
            extensions,
            offered: Vec::new(),
            first: Vec::new(),
            cookies: Cookies::default(),
            srtp_profile: None,
            uses_ids,
            checks_routability: false,
            protocol: None,
            ticket: None,
            server_name: None,
            signatures: Vec::new(),
            fault: None,
        }
    }

    /// A server reads the ClientHello before the engine does: what is agreed decides which suites can be chosen.
    pub(super) fn read_client_hello(&mut self, ssl: &mut Ssl, record: &[u8]) -> Result<(), Failure> {
        if ssl.role() != Role::Server || ssl.state() > sys::SSL_CLIENT_HELLO {
            return Ok(());
        }
        // The engine refuses what is not a ClientHello.
        let Some(record) = Records::new(record).next() else { return Ok(()) };
        let Some(hello) = ClientHello::parse(&record) else { return Ok(()) };
        if let Err(fault) = self.read_extensions(hello.extensions) {
            self.fault = Some(fault.into());
        }
        if let Some(protocol) = &self.protocol {
            self.extensions.always.extend(application_protocol::server_extension(protocol));
        }
        // A device of the old library need not say that it can do without a certificate.
        if self.rules.omits_certificate && self.agreement.own.is_none() {
            self.agreement.own = Some(CertificateType::RawPublicKey);
        }
        if self.agreement.own == Some(CertificateType::RawPublicKey) {
            ssl.use_raw_public_key()?;
        }
        Ok(())
    }

    fn read_extensions(&mut self, list: &[u8]) -> Result<(), ExtensionFault> {
        extensions::numbers(list, Hello::Client)?;
        (self.agreement, self.extensions.full) = read_client_hello(&self.rules.abilities, list)?;
        (self.srtp_profile, self.extensions.always) = srtp::read_client_hello(&self.rules.srtp_profiles, list)?;
        self.ticket = session_ticket::presented(list)?.map(<[u8]>::to_vec);
        self.server_name = server_name(list);
        // The engine judges the extension; a list that it refuses ends the handshake there.
        self.signatures = certificate13::offered_schemes(list).ok().flatten().unwrap_or_default();
        self.checks_routability =
            self.uses_ids && connection_id_extension::allows_routability_checks(list, Hello::Client)?;
        if self.checks_routability {
            self.extensions.always.extend(connection_id_extension::routability_extension());
        }
        Ok(())
    }

    /// Has a client's hello be one of another version, too.
    pub(super) fn add(&mut self, addition: Addition) {
        self.extensions.rewrite = Some(addition);
    }

    /// The body of the first of them.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    /// The step that writes our hello.
    pub(super) fn write(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        if let Some(fault) = self.take_fault() {
            return Err(fault.into());
        }
        if ssl.role() == Role::Server {
            self.check_extended_master_secret(ssl)?;
        }
        let hello = ssl.write_hello(&self.extensions)?;
        if ssl.role() == Role::Client {
            self.offered = extensions::offered(&hello)?;
            self.offered.retain(|id| self.extensions.rewrite.is_none() || !two_versions::belongs_to_dtls13(*id));
        }
        if self.extensions.rewrite.is_some() && self.first.is_empty() {
            self.first = hello.get(HANDSHAKE_HEADER_LENGTH..).unwrap_or_default().to_vec();
        }
        Ok(())
    }

    /// A client's step that reads the ServerHello.
    pub(super) fn read_server_hello(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        let message = ssl.peek_handshake_message()?;
        match message.first() {
            Some(&HELLO_VERIFY_REQUEST) => self.cookies.take(&message)?,
            Some(&SERVER_HELLO) => {
                // RFC 8446 section 4.1.3: who speaks both says so.
                if self.extensions.rewrite.is_some() && two_versions::tells_of_downgrade(&message) {
                    return Err(Error::protocol(alert::ILLEGAL_PARAMETER, DOWNGRADE).into());
                }
                check_suite(ssl, &message)?;
                let list = extensions::of_server_hello(&self.offered, &message)?;
                self.agreement = read_server_hello(&self.rules.abilities, list)?;
                self.srtp_profile = srtp::read_server_hello(&self.rules.srtp_profiles, list)?;
                self.checks_routability = connection_id_extension::allows_routability_checks(list, Hello::Server)?;
            }
            _ => {}
        }
        ssl.handshake_step()?;
        // A HelloVerifyRequest leads back to the ClientHello.
        if ssl.state() > sys::SSL_SERVER_HELLO {
            self.check_extended_master_secret(ssl)?;
        }
        Ok(())
    }

    /// RFC 7627 section 5.2 and 5.3: a side that insists on the extended master secret aborts a handshake without it.
    fn check_extended_master_secret(&self, ssl: &Ssl) -> Result<(), Error> {
        if !self.rules.extended_master_secret || ssl.agrees_on_extended_master_secret() {
            return Ok(());
        }
        let message = "The peer knows no extended master secret";
        Err(Error::new(ErrorKind::NoExtendedMasterSecret, message))
    }

    /// Has a ServerHello of a full handshake say this, too.
    pub(super) fn announce(&mut self, extension: &[u8]) {
        self.extensions.full.extend_from_slice(extension);
    }

    pub(super) fn ticket(&self) -> Option<&[u8]> {
        self.ticket.as_deref()
    }

    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocol that both have agreed on, whoever has chosen it.
    pub(super) fn protocol(&self, ssl: &Ssl) -> Option<Vec<u8>> {
        self.protocol.clone().or_else(|| ssl.protocol())
    }

    /// How each side proves itself.
    pub(super) fn agreement(&self) -> Agreement {
        self.agreement
    }

    pub(super) fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.srtp_profile
    }

    /// Whether both sides answer return routability checks.
    pub(super) fn checks_routability(&self) -> bool {
        self.checks_routability
    }

    /// Whether the client accepts nothing of what we could present.
    pub(super) fn has_nothing_to_present(&self) -> bool {
        self.agreement.own.is_none() && !self.rules.abilities.presents.is_empty()
    }

    /// What is wrong with the ClientHello; then it is of no interest what else the engine did not like.
    pub(super) fn take_fault(&mut self) -> Option<Error> {
        self.fault.take()
    }
}

/// RFC 5246 section 7.4.1.3: the server chooses one of the suites that the client offers. The engine takes those that it does not
/// know for a fault of its own.
fn check_suite(ssl: &Ssl, message: &[u8]) -> Result<(), Error> {
    match version_and_suite(message) {
        Some((DTLS_1_2, suite)) if !ssl.config().suites().any(|own| own == suite) => {
            Err(Error::protocol(alert::ILLEGAL_PARAMETER, "The server chose a cipher suite that was not offered"))
        }
        _ => Ok(()),
    }
}
