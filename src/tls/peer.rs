//! Who the peer is: what it presents, and whether that is enough.

use super::alert;
use super::application_protocol;
use super::certificate_fault::CertificateFault;
use super::certificate_type::{
    Abilities, Agreement, CertificateType, client_extensions, nothing_in_common, read_client_hello, read_server_hello,
};
use super::chain::{Chain, ChainRules};
use super::client_hello::ClientHello;
use super::config::Settings;
use super::credentials::{Credentials, TrustAnchors};
use super::error::{Error, ErrorKind};
use super::ffi::config::Role;
use super::ffi::raw_public_key::HelloExtensions;
use super::ffi::ssl::Ssl;
use super::negotiation::{Negotiation, Signatures};
use super::public_key::PublicKey;
use super::record::Records;
use super::server_identity::PeerName;
use super::srtp::{self, SrtpProfile};
use super::suites::Suite;
use mbedtls_sys as sys;
use std::sync::Arc;

/// Handshake types (RFC 5246 section 7.4).
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;

/// Bytes of a handshake header.
const HANDSHAKE_HEADER_LENGTH: usize = 12;

/// How the peer of a handshake authenticates.
pub(crate) struct PeerAuthentication {
    /// Who may vouch for its certificate.
    pub(crate) trust_anchors: Option<Arc<TrustAnchors>>,
    /// DNS name or IP literal that its certificate must carry; for clients.
    pub(crate) servername: Option<String>,
    /// Whether the application compares the name with the certificate's; then `asks`, too.
    pub(crate) leaves_name: bool,
    /// Whether raw public keys are welcome, and which of them are authenticated without a question.
    pub(crate) public_keys: Option<Vec<PublicKey>>,
    /// `false` lets everybody in whom the application does not refuse.
    pub(crate) required: bool,
    /// Whether the application has the last word: [`Question::Peer`](super::handshake::Question).
    pub(crate) asks: bool,
    /// For clients: the server may leave its Certificate message out, as node-mbed-dtls's do, if exactly one key is
    /// expected. It proves to have that key by its signature all the same.
    pub(crate) allows_omission: bool,
}

impl PeerAuthentication {
    fn accepts(&self) -> Vec<CertificateType> {
        use CertificateType::{RawPublicKey, X509};
        match (&self.public_keys, &self.trust_anchors) {
            (Some(_), None) if self.required => vec![RawPublicKey],
            (Some(_), _) => vec![RawPublicKey, X509],
            (None, _) if self.required => vec![X509],
            (None, _) => vec![X509, RawPublicKey],
        }
    }

    /// Whether a peer can authenticate with an RSA key.
    pub(super) fn accepts_rsa(&self) -> bool {
        self.accepts_kind(PublicKey::is_rsa)
    }

    /// Whether a peer can authenticate with an EC key.
    pub(super) fn accepts_ecdsa(&self) -> bool {
        self.accepts_kind(|key| !key.is_rsa())
    }

    fn accepts_kind(&self, is_kind: impl Fn(&PublicKey) -> bool) -> bool {
        let open = self.asks || !self.required || self.trust_anchors.is_some();
        open || self.public_keys.iter().flatten().any(is_kind)
    }
}

/// What a configuration says about proving oneself, for every handshake under it.
pub(super) struct Rules {
    abilities: Abilities,
    public_keys: Vec<PublicKey>,
    chain: ChainRules,
    required: bool,
    asks: bool,
    signatures: Signatures,
    extended_master_secret: bool,
    srtp_profiles: Vec<SrtpProfile>,
    /// The server's Certificate message is left out where it would be a raw public key.
    omits_certificate: bool,
}

impl Rules {
    pub(super) fn new(
        role: Role,
        credentials: Option<&Credentials>,
        peer: Option<&PeerAuthentication>,
        settings: &Settings,
        negotiation: &Negotiation,
    ) -> Rules {
        let servername = peer.filter(|peer| !peer.leaves_name).and_then(|peer| peer.servername.as_deref());
        Rules {
            chain: ChainRules {
                peer: match role {
                    Role::Server => Role::Client,
                    Role::Client => Role::Server,
                },
                trust_anchors: peer.and_then(|peer| peer.trust_anchors.clone()),
                revocations: settings.revocations.clone(),
                signatures: negotiation.signatures.clone(),
                curves: negotiation.curves.clone(),
                name: servername.map(PeerName::parse),
            },
            omits_certificate: match role {
                Role::Server => credentials.is_some_and(Credentials::is_left_out),
                Role::Client => peer.is_some_and(|peer| peer.allows_omission),
            },
            abilities: Abilities {
                presents: credentials.map(|own| own.certificate_types(role)).unwrap_or_default(),
                accepts: peer.map(PeerAuthentication::accepts).unwrap_or_default(),
            },
            public_keys: peer.and_then(|peer| peer.public_keys.clone()).unwrap_or_default(),
            required: peer.is_some_and(|peer| peer.required),
            asks: peer.is_some_and(|peer| peer.asks),
            signatures: negotiation.signatures.clone(),
            extended_master_secret: negotiation.extended_master_secret,
            srtp_profiles: negotiation.srtp_profiles.clone(),
        }
    }
}

/// What a peer has presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCredential {
    /// SubjectPublicKeyInfo, DER.
    pub(crate) public_key: Vec<u8>,
    /// X.509, DER; `None` with a raw public key.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// Whether the peer has proved to be one that the configuration accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    Granted,
    /// Let in for all that: the code of what is wrong.
    Refused(&'static str),
    /// Nobody asked.
    Unknown,
}

/// Whether the application has had its say about the peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing has been presented that it could be asked about.
    Open,
    Asked,
    /// Accepted, or not the application's to decide.
    Settled,
}

/// One handshake's view of its peer.
pub(super) struct PeerCheck {
    rules: Arc<Rules>,
    agreement: Agreement,
    extensions: HelloExtensions,
    /// What both have agreed on (RFC 5764).
    srtp_profile: Option<SrtpProfile>,
    /// What a server's application has chosen (RFC 7301).
    protocol: Option<Vec<u8>>,
    credential: Option<PeerCredential>,
    /// What came with the peer's own certificate, DER each.
    issuers: Vec<Vec<u8>>,
    /// What is wrong with the chain, if there was one.
    chain: Result<(), CertificateFault>,
    verdict: Verdict,
    /// What is wrong with the ClientHello, until the engine can say so under a record number that the client accepts.
    fault: Option<Error>,
}

/// Why a step failed.
pub(super) enum Failure {
    /// The engine's number.
    Engine(i32),
    /// Our own reason.
    Own(Error),
}

impl From<i32> for Failure {
    fn from(errno: i32) -> Failure {
        Failure::Engine(errno)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Own(error)
    }
}

impl PeerCheck {
    pub(super) fn client(rules: &Arc<Rules>) -> PeerCheck {
        let always = srtp::client_extension(&rules.srtp_profiles);
        PeerCheck::new(rules, HelloExtensions { always, full: client_extensions(&rules.abilities) })
    }

    pub(super) fn server(rules: &Arc<Rules>, protocol: Option<Vec<u8>>) -> PeerCheck {
        PeerCheck { protocol, ..PeerCheck::new(rules, HelloExtensions::default()) }
    }

    fn new(rules: &Arc<Rules>, extensions: HelloExtensions) -> PeerCheck {
        PeerCheck {
            rules: Arc::clone(rules),
            agreement: Agreement::by_default(&rules.abilities),
            extensions,
            srtp_profile: None,
            protocol: None,
            credential: None,
            issuers: Vec::new(),
            chain: Err(CertificateFault::Missing),
            verdict: Verdict::Open,
            fault: None,
        }
    }

    /// A server reads the ClientHello before the engine does: what is agreed decides which suites can be chosen.
    pub(super) fn read_client_hello(&mut self, ssl: &mut Ssl, record: &[u8]) -> Result<(), Failure> {
        if ssl.role() != Role::Server || ssl.state() > sys::SSL_CLIENT_HELLO {
            return Ok(());
        }
        // What is no ClientHello is the engine's to refuse.
        let Some(record) = Records::new(record).next() else { return Ok(()) };
        let Some(hello) = ClientHello::parse(&record) else { return Ok(()) };
        match read_client_hello(&self.rules.abilities, hello.extensions) {
            Ok(agreed) => (self.agreement, self.extensions.full) = agreed,
            Err(fault) => self.fault = Some(fault),
        }
        match srtp::read_client_hello(&self.rules.srtp_profiles, hello.extensions) {
            Ok(agreed) => (self.srtp_profile, self.extensions.always) = agreed,
            Err(fault) => self.fault = Some(fault),
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

    /// One step of the handshake; of our own making where it concerns raw public keys.
    pub(super) fn step(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        use CertificateType::RawPublicKey;
        match (ssl.role(), ssl.state()) {
            (Role::Client, sys::SSL_CLIENT_HELLO) | (Role::Server, sys::SSL_SERVER_HELLO) => {
                if let Some(fault) = self.take_fault() {
                    return Err(fault.into());
                }
                if ssl.role() == Role::Server {
                    self.check_extended_master_secret(ssl)?;
                }
                ssl.write_hello(&self.extensions)?;
            }
            (Role::Client, sys::SSL_SERVER_HELLO) => {
                if !self.extensions.is_empty() {
                    let message = ssl.peek_handshake_message()?;
                    if message.first() == Some(&SERVER_HELLO) {
                        self.agreement = read_server_hello(&self.rules.abilities, &message)?;
                        self.srtp_profile = srtp::read_server_hello(&self.rules.srtp_profiles, &message)?;
                    }
                }
                ssl.handshake_step()?;
                // A HelloVerifyRequest leads back to the ClientHello.
                if ssl.state() > sys::SSL_SERVER_HELLO {
                    self.check_extended_master_secret(ssl)?;
                }
            }
            (Role::Server, sys::SSL_CLIENT_KEY_EXCHANGE) => {
                self.check_signature_kind()?;
                ssl.handshake_step()?;
            }
            (Role::Server, sys::SSL_SERVER_CERTIFICATE) if signs(ssl) => {
                if self.rules.required && self.agreement.peer.is_none() {
                    return Err(nothing_in_common("client certificate").into());
                }
                match self.agreement.own {
                    Some(RawPublicKey) if self.rules.omits_certificate => ssl.omit_certificate(),
                    Some(RawPublicKey) => ssl.write_raw_public_key()?,
                    Some(CertificateType::X509) => ssl.handshake_step()?,
                    None => return Err(nothing_in_common("server certificate").into()),
                }
            }
            (Role::Client, sys::SSL_CLIENT_CERTIFICATE) if signs(ssl) && self.agreement.own == Some(RawPublicKey) => {
                if ssl.is_asked_for_certificate() {
                    ssl.use_raw_public_key()?;
                    ssl.write_raw_public_key()?;
                } else {
                    ssl.handshake_step()?;
                }
            }
            (Role::Client, sys::SSL_SERVER_CERTIFICATE) if signs(ssl) => match self.agreement.peer {
                Some(RawPublicKey) => self.read_raw_public_key(ssl)?,
                None if self.rules.omits_certificate => self.read_raw_public_key(ssl)?,
                Some(CertificateType::X509) => self.read_certificates(ssl)?,
                None => return Err(nothing_in_common("server certificate").into()),
            },
            (Role::Server, sys::SSL_CLIENT_CERTIFICATE) if signs(ssl) && ssl.config().asks_peer() => {
                match self.agreement.peer {
                    Some(RawPublicKey) => self.read_raw_public_key(ssl)?,
                    Some(CertificateType::X509) | None => self.read_certificates(ssl)?,
                }
            }
            (_, sys::SSL_HANDSHAKE_WRAPUP) => {
                // Whoever copies the session would take it for a certificate.
                ssl.forget_raw_public_key();
                ssl.handshake_step()?;
            }
            _ => ssl.handshake_step()?,
        }
        Ok(())
    }

    /// RFC 7627 section 5.2 and 5.3: who insists on it aborts the handshake without.
    fn check_extended_master_secret(&self, ssl: &Ssl) -> Result<(), Error> {
        if !self.rules.extended_master_secret || ssl.agrees_on_extended_master_secret() {
            return Ok(());
        }
        let message = "The peer knows no extended master secret ('requireExtendedMasterSecret')";
        Err(Error::new(ErrorKind::NoExtendedMasterSecret, message))
    }

    /// A client may present what it likes: the engine's CertificateRequest names every kind of key.
    fn check_signature_kind(&self) -> Result<(), Error> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let is_rsa = PublicKey::recognise(&credential.public_key).is_some_and(|key| key.is_rsa());
        if self.rules.signatures.accept(is_rsa) {
            return Ok(());
        }
        Err(Error::certificate_fault(CertificateFault::UnacceptableKey))
    }

    /// RFC 5246 section 7.4.2: the Certificate message is a chain.
    fn read_certificates(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        let message = ssl.peek_handshake_message()?;
        let Some(chain) = Chain::read(certificate_body(&message)?)? else { return self.accept_nothing(ssl) };
        self.chain = self.rules.chain.judge(&chain);
        if let (true, Err(fault)) = (self.rules.required, self.chain) {
            return Err(Error::certificate_fault(fault).into());
        }
        accept_key(ssl, chain.key())?;
        let mut certificates = chain.ders();
        let certificate = certificates.next();
        self.issuers = certificates.collect();
        self.credential = Some(PeerCredential { public_key: chain.key().der().to_vec(), certificate });
        Ok(())
    }

    /// RFC 5246 section 7.4.6: a client that has nothing to present says so with an empty message.
    fn accept_nothing(&self, ssl: &mut Ssl) -> Result<(), Failure> {
        if self.rules.required || ssl.role() == Role::Client {
            return Err(Error::certificate_fault(CertificateFault::Missing).into());
        }
        ssl.accept_no_public_key();
        Ok(())
    }

    /// RFC 7250 section 3: the Certificate message is one SubjectPublicKeyInfo.
    fn read_raw_public_key(&mut self, ssl: &mut Ssl) -> Result<(), Failure> {
        let message = ssl.peek_handshake_message()?;
        if let Some(key) = self.key_of_omitted_certificate(ssl, &message) {
            ssl.accept_raw_public_key(&key)?;
            // What came is the next message already.
            ssl.keep_peeked_message();
            self.verdict = Verdict::Settled;
            self.credential = Some(PeerCredential { public_key: key.der().to_vec(), certificate: None });
            return Ok(());
        }
        let Some(key) = raw_public_key(&message)? else { return self.accept_nothing(ssl) };
        let key = PublicKey::recognise(key).ok_or_else(unacceptable_key)?;
        if self.rules.public_keys.contains(&key) {
            self.verdict = Verdict::Settled;
        } else if self.rules.required && !self.rules.asks {
            return Err(unexpected_key().into());
        }
        accept_key(ssl, &key)?;
        self.credential = Some(PeerCredential { public_key: key.der().to_vec(), certificate: None });
        Ok(())
    }

    /// The only key that a server without a Certificate message can have.
    fn key_of_omitted_certificate(&self, ssl: &Ssl, message: &[u8]) -> Option<PublicKey> {
        let is_omitted =
            ssl.role() == Role::Client && self.rules.omits_certificate && message.first() == Some(&SERVER_KEY_EXCHANGE);
        match self.rules.public_keys.as_slice() {
            [key] if is_omitted => Some(key.clone()),
            _ => None,
        }
    }

    /// What the application has to decide before the next step.
    pub(super) fn question(&mut self, ssl: &Ssl) -> Option<PeerCredential> {
        let is_presented = match ssl.role() {
            Role::Client => ssl.state() == sys::SSL_SERVER_KEY_EXCHANGE,
            Role::Server => ssl.state() == sys::SSL_CLIENT_KEY_EXCHANGE,
        };
        if !is_presented || self.verdict == Verdict::Asked {
            return None;
        }
        if !self.rules.asks || self.verdict == Verdict::Settled {
            return None;
        }
        self.verdict = if self.credential.is_some() { Verdict::Asked } else { Verdict::Settled };
        self.credential.clone()
    }

    /// The application's answer; `None` when there was no question.
    pub(super) fn answer(&mut self, accepted: bool) -> Option<Result<(), Error>> {
        if self.verdict != Verdict::Asked {
            return None;
        }
        self.verdict = Verdict::Settled;
        let refused = || Error::new(ErrorKind::PeerRefused, "The application refused the peer ('verifyPeer')");
        Some(if accepted { Ok(()) } else { Err(refused()) })
    }

    /// What a finished handshake says about the peer, which was let in.
    pub(super) fn authorization(&self, suite: Suite, resumed: bool) -> Authorization {
        if resumed {
            // The application knows whose session it was.
            return Authorization::Unknown;
        }
        if suite.key_exchange().uses_psk() {
            return Authorization::Granted;
        }
        let refused = |error: Error| Authorization::Refused(error.code());
        match &self.credential {
            None if self.rules.abilities.accepts.is_empty() => Authorization::Unknown,
            None => refused(Error::certificate_fault(CertificateFault::Missing)),
            Some(PeerCredential { certificate: Some(_), .. }) => match self.chain {
                Ok(()) => Authorization::Granted,
                Err(fault) => refused(Error::certificate_fault(fault)),
            },
            // Who was asked has accepted it.
            Some(PeerCredential { public_key, .. })
                if self.rules.asks || self.rules.public_keys.iter().any(|key| key.der() == public_key) =>
            {
                Authorization::Granted
            }
            Some(_) => refused(unexpected_key()),
        }
    }

    pub(super) fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.srtp_profile
    }

    pub(super) fn take_protocol(&mut self) -> Option<Vec<u8>> {
        self.protocol.take()
    }

    /// Whether the client accepts nothing of what we could present.
    pub(super) fn has_nothing_to_present(&self) -> bool {
        self.agreement.own.is_none() && !self.rules.abilities.presents.is_empty()
    }

    /// What is wrong with the ClientHello; then it is of no interest what else the engine did not like.
    pub(super) fn take_fault(&mut self) -> Option<Error> {
        self.fault.take()
    }

    pub(super) fn take_issuers(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.issuers)
    }

    pub(super) fn take_credential(&mut self) -> Option<PeerCredential> {
        self.credential.take()
    }
}

/// Has the engine verify signatures with the peer's key.
fn accept_key(ssl: &mut Ssl, key: &PublicKey) -> Result<(), Failure> {
    ssl.accept_raw_public_key(key).map_err(|errno| match errno {
        sys::ERR_SSL_ALLOC_FAILED => Failure::Engine(errno),
        _ => unacceptable_key().into(),
    })
}

/// What a Certificate message holds.
fn certificate_body(message: &[u8]) -> Result<&[u8], Error> {
    match message.split_at_checked(HANDSHAKE_HEADER_LENGTH) {
        Some((header, body)) if header.first() == Some(&CERTIFICATE) => Ok(body),
        _ => Err(Error::protocol(
            alert::UNEXPECTED_MESSAGE,
            "The peer sent something else where its certificate or public key was due",
        )),
    }
}

/// The key in a Certificate message; `None` when the message is there but empty.
fn raw_public_key(message: &[u8]) -> Result<Option<&[u8]>, Error> {
    let malformed = || Error::protocol(alert::DECODE_ERROR, "The peer's Certificate message is malformed");
    let (length, key) = certificate_body(message)?.split_first_chunk::<3>().ok_or_else(malformed)?;
    let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    if length != key.len() {
        return Err(malformed());
    }
    Ok((!key.is_empty()).then_some(key))
}

fn unexpected_key() -> Error {
    let message = "The peer's raw public key is none of the expected ones ('peerPublicKey')";
    Error::new(ErrorKind::PeerKeyMismatch, message)
}

fn unacceptable_key() -> Error {
    Error::certificate_fault(CertificateFault::UnacceptableKey)
}

/// Whether the suite has Certificate messages.
fn signs(ssl: &Ssl) -> bool {
    ssl.negotiated_suite().and_then(Suite::from_id).is_some_and(|suite| !suite.key_exchange().uses_psk())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], body].concat()
    }

    #[test]
    fn a_certificate_message_is_one_key_or_none() {
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 2, 7, 8])).unwrap(), Some(&[7, 8][..]));
        assert_eq!(raw_public_key(&message(CERTIFICATE, &[0, 0, 0])).unwrap(), None);
    }

    #[test]
    fn other_messages_and_other_lengths_are_refused() {
        for body in [&[][..], &[0, 0], &[0, 0, 1], &[0, 0, 1, 7, 8], &[0xff, 0xff, 0xff, 7]] {
            let error = raw_public_key(&message(CERTIFICATE, body)).unwrap_err();
            assert_eq!(error.alert_to_send(), Some(alert::DECODE_ERROR), "{body:?}");
        }
        // ClientKeyExchange, a message that is no handshake, a header cut short.
        for message in [message(16, &[0, 0, 0]), Vec::new(), vec![CERTIFICATE; 11]] {
            let error = raw_public_key(&message).unwrap_err();
            assert_eq!(error.alert_to_send(), Some(alert::UNEXPECTED_MESSAGE));
        }
    }
}
