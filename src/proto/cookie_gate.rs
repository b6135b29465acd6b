//! The stateless cookie exchange: before a valid cookie nothing is kept here (RFC 6347 section 4.2.1, RFC 9147 section 5.1).

use crate::tls::{HmacKey, RetryRequest, RngError, fill_random};
use crate::wire::{HelloStart, RECORD_HEADER_LENGTH};
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A cookie is good for this long at least, and for twice as long at most.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30);

/// One byte that names the period and the coverage, and a truncated HMAC.
const COOKIE_LENGTH: usize = 1 + MAC_LENGTH;
const MAC_LENGTH: usize = 19;

/// Bit of the first byte: the coverage.
const COVERS_START_ALONE: u8 = 0x80;

const HANDSHAKE: u8 = 22;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// RFC 6347 section 4.2.1: DTLS 1.0 here, whatever will be negotiated.
const DTLS_1_0: [u8; 2] = [254, 255];
/// What keeps cookies of the two versions apart.
const DTLS_1_3: [u8; 2] = [254, 252];

/// What of a hello a cookie is good for, beside its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    /// Version, random and parameters.
    Parameters,
    /// Version and random, which stand before the cookie: the first fragment of a hello need not hold more.
    Start,
}

/// Makes and checks cookies without remembering anyone.
pub(super) struct CookieGate {
    secret: HmacKey,
    since: Instant,
}

impl CookieGate {
    pub(super) fn new(now: Instant) -> Result<CookieGate, RngError> {
        let mut secret = Zeroizing::new([0; 32]);
        fill_random(&mut *secret)?;
        Ok(CookieGate { secret: HmacKey::new(&*secret), since: now })
    }

    /// Whether the client has proved that it receives at its address.
    pub(super) fn admits(&self, now: Instant, remote: SocketAddr, hello: &HelloStart<'_>) -> bool {
        self.is_ours(now, remote, hello, hello.version, &[], hello.cookie)
    }

    /// The same for a client that brings the cookie of a HelloRetryRequest, which begins with what the server has to know again.
    pub(super) fn admits_retried(
        &self,
        now: Instant,
        remote: SocketAddr,
        hello: &HelloStart<'_>,
        cookie: &[u8],
    ) -> bool {
        // RFC 9147 section 5.2: the second message of its sender, as the other was the first.
        if hello.message_sequence != 1 {
            return false;
        }
        let parts = cookie.len().checked_sub(COOKIE_LENGTH).and_then(|length| cookie.split_at_checked(length));
        parts.is_some_and(|(memory, cookie)| self.is_ours(now, remote, hello, DTLS_1_3, memory, cookie))
    }

    fn is_ours(
        &self,
        now: Instant,
        remote: SocketAddr,
        hello: &HelloStart<'_>,
        version: [u8; 2],
        memory: &[u8],
        cookie: &[u8],
    ) -> bool {
        let current = self.period(now);
        let Some((&first, mac)) = cookie.split_first() else {
            return false;
        };
        let coverage = if first & COVERS_START_ALONE == 0 { Coverage::Parameters } else { Coverage::Start };
        let Some(period) =
            [current, current.wrapping_sub(1)].into_iter().find(|&period| first_byte(period, coverage) == first)
        else {
            return false;
        };
        let expected = self.mac(period, coverage, remote, hello, version, memory);
        expected.is_some_and(|expected| constant_time_eq(&expected, mac))
    }

    /// The answer to a hello that was not admitted: shorter than the hello, and good for that hello alone. `is_cut`: whether the client
    /// sends it in fragments.
    pub(super) fn hello_verify_request(
        &self,
        now: Instant,
        remote: SocketAddr,
        hello: &HelloStart<'_>,
        is_cut: bool,
    ) -> Option<Vec<u8>> {
        let period = self.period(now);
        // With the cookie in it, less of the second hello will fit into its first fragment.
        let coverage = if is_cut { Coverage::Start } else { Coverage::Parameters };
        let mac = self.mac(period, coverage, remote, hello, hello.version, &[])?;
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
        datagram.push(first_byte(period, coverage));
        datagram.extend_from_slice(&mac);
        Some(datagram)
    }

    /// The answer to a hello of DTLS 1.3 that brings no cookie.
    pub(super) fn hello_retry_request(
        &self,
        now: Instant,
        remote: SocketAddr,
        hello: &HelloStart<'_>,
        request: &RetryRequest,
    ) -> Option<Vec<u8>> {
        let period = self.period(now);
        let memory = request.memory();
        // The hash of the whole hello is in the memory.
        let mac = self.mac(period, Coverage::Start, remote, hello, DTLS_1_3, &memory)?;
        request.with_cookie(&[&memory[..], &[first_byte(period, Coverage::Start)], &mac].concat())
    }

    fn period(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs() / COOKIE_LIFETIME.as_secs()
    }

    /// RFC 6347 section 4.2.1: over the address and the parameters, which the second hello must repeat. `None` when the
    /// fragment holds less than is to be covered.
    fn mac(
        &self,
        period: u64,
        coverage: Coverage,
        remote: SocketAddr,
        hello: &HelloStart<'_>,
        version: [u8; 2],
        memory: &[u8],
    ) -> Option<[u8; MAC_LENGTH]> {
        let address = match remote.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let (cipher_suites, compression_methods) = match coverage {
            Coverage::Parameters => {
                hello.parameters.map(|parameters| (parameters.cipher_suites, parameters.compression_methods))?
            }
            Coverage::Start => (&[][..], &[][..]),
        };
        // RFC 6347 section 4.2.1 has the second hello repeat the session id as well. Mbed TLS's clients up to version 2.28, which are in
        // many devices, make up another one where they resume by a ticket, and would never get in.
        let session_id = if version == DTLS_1_3 { hello.session_id } else { &[] };
        let mac = self.secret.mac(&[
            &[first_byte(period, coverage)],
            &period.to_be_bytes(),
            &address,
            &remote.port().to_be_bytes(),
            &version,
            hello.random,
            // Each vector with its length, so that no byte can move from one to the next.
            &[u8::try_from(session_id.len()).ok()?],
            session_id,
            &u16::try_from(cipher_suites.len()).ok()?.to_be_bytes(),
            cipher_suites,
            compression_methods,
            memory,
        ]);
        mac.first_chunk().copied()
    }
}

/// The low bits of the period, and the coverage.
fn first_byte(period: u64, coverage: Coverage) -> u8 {
    let period = period.to_be_bytes()[7] & !COVERS_START_ALONE;
    match coverage {
        Coverage::Parameters => period,
        Coverage::Start => period | COVERS_START_ALONE,
    }
}

fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    let difference = || left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b));
    left.len() == right.len() && black_box(difference()) == 0
}
