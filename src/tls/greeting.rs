//! How a server answers a ClientHello, before it keeps anything: by the version that the two sides have in common.

use super::dtls13::{self, Retry};
use crate::wire::certificate13::offered_schemes;
use crate::wire::hello13::{DTLS_1_3, Offer, cookie_at_start, offers_version};
use crate::wire::{ClientHello, HelloStart, Record, alert};

/// What a ClientHello asks for, or the first fragment of one.
pub(crate) enum Greeting<'a> {
    /// A cookie in a HelloVerifyRequest, unless the hello brings one (RFC 6347 section 4.2.1).
    Verify,
    /// A cookie in a HelloRetryRequest (RFC 9147 section 5.1).
    Retry(RetryRequest),
    /// The hello brings the cookie of a HelloRetryRequest.
    Retried(&'a [u8]),
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
            // What one fragment says is not enough to make a cookie from, but to find one.
            let cookie = start.first_extensions(record).and_then(cookie_at_start);
            return cookie.map_or_else(|| other(alert::HANDSHAKE_FAILURE), Greeting::Retried);
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
