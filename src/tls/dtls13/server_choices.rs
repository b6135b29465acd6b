//! What a server chooses of what a ClientHello offers, where no pre-shared key decides it.

use super::config::ServerConfig;
use super::server_flight::Certified;
use crate::tls::algorithms::SharedSignatures;
use crate::tls::error::{Error, ErrorKind};
use crate::wire::certificate_type::read_client_hello;
use crate::wire::certificate13::offered_schemes;
use crate::wire::hello13::Offer;
use crate::wire::psk_offer::Modes;
use crate::wire::{CertificateType, ExtensionFault, application_protocol as alpn};
use std::sync::Arc;

/// What the two sides show each other where neither has a pre-shared key. `extensions`: of the ClientHello.
pub(super) fn certified(config: &ServerConfig, extensions: &[u8]) -> Result<Certified, Error> {
    if config.offers.own.is_empty() {
        let why = unused_key(config, &Offer::parse(extensions)?);
        let message = format!("{why}; and this server has no certificate or raw public key");
        return Err(Error::new(ErrorKind::NoSharedCipher, message));
    }
    // RFC 8446 section 9.2.
    let schemes = match offered_schemes(extensions)? {
        Some(schemes) => schemes,
        None if Offer::parse(extensions)?.psk.is_none() => Err(ExtensionFault::Missing("signature_algorithms"))?,
        None => {
            let why = unused_key(config, &Offer::parse(extensions)?);
            let message = format!("{why}; and the client accepts no certificate or raw public key");
            return Err(Error::new(ErrorKind::NoSharedCipher, message));
        }
    };
    let (agreement, answer) = read_client_hello(&config.offers.abilities, extensions)?;
    if config.offers.peers.required && agreement.peer.is_none() {
        return Err(Error::accepts_nothing_shown(&config.offers.abilities.accepts, "client"));
    }
    let shown = agreement.own.ok_or_else(|| Error::shows_nothing_accepted(&config.offers.abilities.presents))?;
    let (own, scheme) = config.offers.own(&schemes).ok_or_else(|| {
        let message = "The client accepts no signature that a key of this server can make";
        Error::new(ErrorKind::NoSharedCipher, message)
    })?;
    let peer = agreement.peer.unwrap_or(CertificateType::X509);
    let signatures = SharedSignatures::new(config.offers.schemes.iter().copied(), &schemes);
    Ok(Certified { own: (Arc::clone(own), shown), scheme, peer, answer, signatures })
}

/// Why the handshake goes on without a pre-shared key.
fn unused_key(config: &ServerConfig, offer: &Offer<'_>) -> &'static str {
    match (&offer.psk, offer.modes.and(config.offers.modes) == Modes::default()) {
        (None, _) => "The client offers no pre-shared key",
        (Some(_), _) if !config.has_psk => "The client offers a pre-shared key, and this server knows none",
        (Some(_), true) if offer.modes.alone => {
            "The client has psk_ke alone for pre-shared keys, and this server psk_dhe_ke"
        }
        (Some(_), true) => "The client has psk_dhe_ke alone for pre-shared keys, and this server psk_ke",
        (Some(_), false) => "No pre-shared key of the client goes with a cipher suite of this server",
    }
}

/// RFC 7301 section 3.2: the first of ours that the client has. Without any on either side there is none.
pub(super) fn choose_protocol(
    config: &ServerConfig,
    chosen: Option<Vec<u8>>,
    extensions: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let own = &config.offers.protocols;
    let Some(offered) = alpn::offered(extensions)?.filter(|_| chosen.is_none() && !own.is_empty()) else {
        return Ok(chosen);
    };
    let common = own.iter().find(|name| alpn::contains(offered, name));
    common.map(|name| Some(name.clone())).ok_or_else(Error::no_application_protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dtls13::tests::settings;
    use crate::tls::versions;
    use crate::wire::hello13::extension;
    use crate::wire::vector;

    /// What comes of these protocols of the server's, this choice of its application's, and these offers of the client's.
    fn protocol(own: &[&str], chosen: Option<&str>, offered: Option<&[&str]>) -> Result<Option<Vec<u8>>, ErrorKind> {
        let mut settings = settings(None);
        settings.wishes.protocols = own.iter().map(|name| name.as_bytes().to_vec()).collect();
        let server = versions::ServerConfig::new(&settings, None, true, None).unwrap();
        let mut extensions = Vec::new();
        if let Some(names) = offered {
            extensions.extend(extension::APPLICATION_PROTOCOL.to_be_bytes());
            let write = |list: &mut Vec<u8>, name: &str| vector(list, 1, |list| list.extend(name.bytes()));
            vector(&mut extensions, 2, |list| vector(list, 2, |list| names.iter().for_each(|name| write(list, name))));
        }
        let chosen = chosen.map(|name| name.as_bytes().to_vec());
        choose_protocol(server.dtls13().unwrap(), chosen, &extensions).map_err(|error| error.kind)
    }

    /// RFC 7301 section 3.2.
    #[test]
    fn the_protocol_is_the_first_of_the_servers_that_the_client_has() {
        let coap = Ok(Some(b"coap".to_vec()));
        assert_eq!(protocol(&["coap", "mqtt"], None, Some(&["mqtt", "coap"])), coap);
        assert_eq!(protocol(&["http", "coap"], None, Some(&["mqtt", "coap"])), coap);
        assert_eq!(protocol(&["http"], None, Some(&["mqtt", "coap"])), Err(ErrorKind::NoApplicationProtocol));
    }

    #[test]
    fn there_is_no_protocol_where_one_side_has_none() {
        assert_eq!(protocol(&[], None, Some(&["coap"])), Ok(None));
        assert_eq!(protocol(&["coap"], None, None), Ok(None));
        assert_eq!(protocol(&[], None, None), Ok(None));
    }

    #[test]
    fn what_the_application_has_chosen_is_the_protocol_whatever_the_server_prefers() {
        let mqtt = Ok(Some(b"mqtt".to_vec()));
        assert_eq!(protocol(&["coap", "mqtt"], Some("mqtt"), Some(&["mqtt", "coap"])), mqtt);
        assert_eq!(protocol(&["coap"], Some("mqtt"), Some(&["mqtt"])), mqtt);
        assert_eq!(protocol(&[], Some("mqtt"), Some(&["mqtt"])), mqtt);
    }
}
