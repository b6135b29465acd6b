//! The stateless cookie exchange: before a valid cookie nothing is kept (RFC 6347 section 4.2.1).

use crate::tls::{ClientHello, RECORD_HEADER_LENGTH, RngError, fill_random, hmac_sha256};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A cookie is good for this long at least, and for twice as long at most.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30);

/// One byte that names the period, and a truncated HMAC.
const COOKIE_LENGTH: usize = 1 + MAC_LENGTH;
const MAC_LENGTH: usize = 19;

const HANDSHAKE: u8 = 22;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// RFC 6347 section 4.2.1: DTLS 1.0 here, whatever will be negotiated.
const DTLS_1_0: [u8; 2] = [254, 255];

/// Makes and checks cookies without remembering anyone.
pub(super) struct CookieGate {
    secret: Zeroizing<[u8; 32]>,
    since: Instant,
}

impl CookieGate {
    pub(super) fn new(now: Instant) -> Result<CookieGate, RngError> {
        let mut secret = Zeroizing::new([0; 32]);
        fill_random(&mut *secret)?;
        Ok(CookieGate { secret, since: now })
    }

    /// Whether the client has proved that it receives at its address.
    pub(super) fn admits(&self, now: Instant, remote: SocketAddr, hello: &ClientHello<'_>) -> bool {
        let current = self.period(now);
        let Some((&marker, mac)) = hello.cookie.split_first() else {
            return false;
        };
        let Some(period) =
            [current, current.wrapping_sub(1)].into_iter().find(|period| period.to_be_bytes()[7] == marker)
        else {
            return false;
        };
        self.mac(period, remote, hello).is_some_and(|expected| constant_time_eq(&expected, mac))
    }

    /// The answer to a hello that was not admitted: shorter than the hello, and good for that hello alone.
    pub(super) fn hello_verify_request(
        &self,
        now: Instant,
        remote: SocketAddr,
        hello: &ClientHello<'_>,
    ) -> Option<Vec<u8>> {
        let period = self.period(now);
        let mac = self.mac(period, remote, hello)?;
        let body_length = 2 + 1 + COOKIE_LENGTH;
        let fragment_length = 12 + body_length;
        let mut datagram = Vec::with_capacity(RECORD_HEADER_LENGTH + fragment_length);
        datagram.push(HANDSHAKE);
        datagram.extend_from_slice(&DTLS_1_0);
        datagram.extend_from_slice(&hello.record_number);
        datagram.extend_from_slice(&u16::try_from(fragment_length).ok()?.to_be_bytes());
        let length = u32::try_from(body_length).ok()?.to_be_bytes();
        datagram.push(HELLO_VERIFY_REQUEST);
        datagram.extend_from_slice(&length[1..]);
        datagram.extend_from_slice(&hello.message_sequence.to_be_bytes());
        datagram.extend_from_slice(&[0; 3]);
        datagram.extend_from_slice(&length[1..]);
        datagram.extend_from_slice(&DTLS_1_0);
        datagram.push(u8::try_from(COOKIE_LENGTH).ok()?);
        datagram.push(period.to_be_bytes()[7]);
        datagram.extend_from_slice(&mac);
        Some(datagram)
    }

    fn period(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs() / COOKIE_LIFETIME.as_secs()
    }

    /// RFC 6347 section 4.2.1: over the address and the parameters, which the second hello must repeat.
    fn mac(&self, period: u64, remote: SocketAddr, hello: &ClientHello<'_>) -> Option<[u8; MAC_LENGTH]> {
        let address = match remote.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let mac = hmac_sha256(
            &*self.secret,
            &[
                &period.to_be_bytes(),
                &address,
                &remote.port().to_be_bytes(),
                &hello.version,
                hello.random,
                // Each vector with its length, so that no byte can move from one to the next.
                &[u8::try_from(hello.session_id.len()).ok()?],
                hello.session_id,
                &u16::try_from(hello.cipher_suites.len()).ok()?.to_be_bytes(),
                hello.cipher_suites,
                hello.compression_methods,
            ],
        )?;
        mac.first_chunk().copied()
    }
}

fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
