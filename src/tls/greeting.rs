//! How a server answers a ClientHello, before it keeps anything: by the version that the two sides have in common.

use super::dtls13::{self, Retry};
use crate::wire::certificate13::offered_schemes;
use crate::wire::hello13::{DTLS_1_3, Offer, cookie_at_start, offers_version, offers_version_at_start};
use crate::wire::{ClientHello, HelloStart, Record, alert};

/// Bytes of a hello that is put together before its sender has proved its address. The longest public values that clients are known to
/// send take some 2,500.
pub(crate) const UNPROVEN_HELLO_LIMIT: usize = 8192;

/// What a ClientHello asks for, or the first fragment of one.
pub(crate) enum Greeting<'a> {
    /// A cookie in a HelloVerifyRequest, unless the hello brings one (RFC 6347 section 4.2.1).
    Verify,
    /// A cookie in a HelloRetryRequest (RFC 9147 section 5.1).
    Retry(RetryRequest),
    /// The hello brings the cookie of a HelloRetryRequest.
    Retried(&'a [u8]),
    /// Nothing yet: this is the first fragment of a hello that has to be there as a whole.
    Gather,
    /// Nothing but this alert: the two sides have no version, or nothing else, in common.
    Refusal(u8),
}

/// A HelloRetryRequest that lacks its cookie.
pub(crate) struct RetryRequest {
    retry: Retry,
    record_number: [u8; 8],
}

impl<'a> Greeting<'a> {
    /// `speaks_dtls12`: whether the server does, too.
    pub(super) fn of(
        config: &dtls13::ServerConfig,
        speaks_dtls12: bool,
        record: &Record<'a>,
        start: &HelloStart<'a>,
    ) -> Greeting<'a> {
        let other = |alert| if speaks_dtls12 { Greeting::Verify } else { Greeting::Refusal(alert) };
        if !start.is_whole {
            let extensions = start.first_extensions(record).unwrap_or_default();
            if let Some(cookie) = cookie_at_start(extensions) {
                return Greeting::Retried(cookie);
            }
            // RFC 8446 section 4.4.1: what one fragment says is not enough to make a cookie from. A cookie may also be in a later one.
            let may_be_newer = start.cookie.is_empty() && offers_version_at_start(extensions, DTLS_1_3) != Some(false);
            return match may_be_newer {
                false => other(alert::PROTOCOL_VERSION),
                true if start.length > UNPROVEN_HELLO_LIMIT => other(alert::HANDSHAKE_FAILURE),
                true => Greeting::Gather,
            };
        }
        let Some(hello) = ClientHello::parse(record).filter(|_| start.cookie.is_empty()) else {
            return other(alert::PROTOCOL_VERSION);
        };
        if !offers_version(hello.extensions, DTLS_1_3) {
            return other(alert::PROTOCOL_VERSION);
        }
        let Ok(offer) = Offer::parse(hello.extensions) else {
            return other(alert::ILLEGAL_PARAMETER);
        };
        if let Some(cookie) = offer.cookie {
            return Greeting::Retried(cookie);
        }
        let Ok(schemes) = offered_schemes(hello.extensions) else {
            return other(alert::DECODE_ERROR);
        };
        let (suites, schemes): (Vec<u16>, _) = (hello.parameters.suites().collect(), schemes.unwrap_or_default());
        match start.body(record).and_then(|body| Retry::decide(config, &suites, &offer, &schemes, body)) {
            Some(retry) => Greeting::Retry(RetryRequest { retry, record_number: start.record_number }),
            None => other(alert::HANDSHAKE_FAILURE),
        }
    }
}

impl RetryRequest {
    /// What the server has to know again when the client comes back: the cookie begins with it.
    pub(crate) fn memory(&self) -> Vec<u8> {
        self.retry.write()
    }

    /// The datagram with this cookie in it.
    pub(crate) fn with_cookie(&self, cookie: &[u8]) -> Option<Vec<u8>> {
        self.retry.request(self.record_number, cookie)
    }
}
