//! Numbers of the extensions in hellos of DTLS 1.3 (IANA's registry "TLS ExtensionType Values").

pub(crate) const SERVER_NAME: u16 = 0;
pub(crate) const SUPPORTED_GROUPS: u16 = 10;
pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(crate) const APPLICATION_PROTOCOL: u16 = 16;
pub(crate) const CLIENT_CERTIFICATE_TYPE: u16 = 19;
pub(crate) const SERVER_CERTIFICATE_TYPE: u16 = 20;
pub(crate) const PRE_SHARED_KEY: u16 = 41;
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
pub(crate) const COOKIE: u16 = 44;
pub(crate) const CONNECTION_ID: u16 = 54;
pub(crate) const RRC: u16 = 61;
pub(crate) const PSK_KEY_EXCHANGE_MODES: u16 = 45;
pub(crate) const CERTIFICATE_AUTHORITIES: u16 = 47;
pub(crate) const KEY_SHARE: u16 = 51;
