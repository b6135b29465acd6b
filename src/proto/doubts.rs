//! Connections whose peer may not receive at the address that it seems to have. RFC 9146 section 6 asks for a proof of that,
//! and RFC 9853 has one. Until then, little is sent there, and the address before it gets a copy.

use super::deadlines::Deadlines;
use super::table::ConnectionHandle;
use crate::wire::Cookie;
use rustc_hash::FxHashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// RFC 9853 section 5.5: an answer to a challenge is waited for as long as three round trips of the path before take, or for a
/// second where nobody knows how long that is. Any less would leave no time for what gets lost, and nobody has to wait for more
/// than the longest timer of a handshake (RFC 6347 section 4.2.4.1).
const ROUND_TRIPS: u32 = 3;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Challenges to one address. RFC 9853 section 5.3: they are paced, and either of them may be lost.
const CHALLENGES: u8 = 3;

/// RFC 9853 section 2: bytes that may be sent to an address, for each that has come from there.
const AMPLIFICATION: u64 = 3;

/// Datagrams of which the address before gets a copy. By then, whoever is still there has said so.
const COPIES: u8 = 32;

/// Challenges to the address before whose answers are still good: those of checks that have been begun anew count too.
const OLD_COOKIES: usize = 8;

/// After an answer from the address before, records from the other one move nothing for so long.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// How an address is proved to be the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressValidation {
    /// Not at all.
    None,
    /// RFC 9853 section 5.1.
    Basic,
    /// RFC 9853 section 5.2: not while the address before still answers.
    Enhanced,
}

/// One connection whose address is in doubt.
pub(super) struct Doubt {
    /// The last address at which the peer was proved to be.
    pub(super) trusted: SocketAddr,
    /// The one where it seems to be.
    pub(super) claimed: SocketAddr,
    /// Bytes that have come from there, and bytes that have been sent there.
    received: u64,
    sent: u64,
    copies: u8,
    /// How long an answer is waited for.
    wait: Duration,
    check: Option<Check>,
}

/// Which address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Trusted,
    Claimed,
}

/// A return routability check.
struct Check {
    path: Path,
    /// Of challenges to that path.
    cookies: Vec<Cookie>,
    challenges: u8,
    begun: Instant,
    wait: Duration,
}

impl Check {
    fn new(now: Instant, path: Path, cookies: Vec<Cookie>, wait: Duration) -> Check {
        Check { path, cookies, challenges: 0, begun: now, wait }
    }

    /// When the next challenge is due, or the end.
    fn deadline(&self) -> Instant {
        let part = if self.challenges < CHALLENGES { self.challenges } else { CHALLENGES + 1 };
        self.begun + self.wait / u32::from(CHALLENGES + 1) * u32::from(part)
    }
}

/// What a check has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The message belongs to no check.
    Nothing,
    /// The claimed address is to be asked.
    AskClaimed,
    /// The peer is where it was.
    Refused,
    /// The peer is where it seems to be.
    Confirmed,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The next challenge.
    Challenge,
    /// Nobody has answered at the trusted address.
    AskClaimed,
    /// Nobody has answered at either.
    Unanswered,
}

/// Only connections that have moved are known here.
pub(super) struct Doubts {
    doubts: FxHashMap<ConnectionHandle, Doubt>,
    deadlines: Deadlines<ConnectionHandle>,
    /// Addresses that turned out not to be the peer's, one for each connection.
    refused: FxHashMap<ConnectionHandle, (SocketAddr, Instant)>,
}

impl Default for Doubts {
    fn default() -> Doubts {
        Doubts { doubts: FxHashMap::default(), deadlines: Deadlines::new(), refused: FxHashMap::default() }
    }
}

impl Doubts {
    pub(super) fn get(&self, connection: ConnectionHandle) -> Option<&Doubt> {
        self.doubts.get(&connection)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Whether a record from this address does not move the connection for now.
    pub(super) fn refuses(&self, now: Instant, connection: ConnectionHandle, address: SocketAddr) -> bool {
        self.refused.get(&connection).is_some_and(|&(refused, until)| refused == address && now < until)
    }

    /// A record has come from another address than the trusted one. With `path`, a check begins, which asks there first.
    /// `round_trip`: of the path before, if it is known.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        connection: ConnectionHandle,
        [trusted, claimed]: [SocketAddr; 2],
        path: Option<Path>,
        round_trip: Option<Duration>,
    ) {
        let before = self.end(connection).and_then(|doubt| doubt.check);
        let old_cookies = before.filter(|check| check.path == Path::Trusted).map(|check| check.cookies);
        let wait = round_trip.unwrap_or_default().saturating_mul(ROUND_TRIPS).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let check = path.map(|path| {
            let cookies = old_cookies.filter(|_| path == Path::Trusted).unwrap_or_default();
            Check::new(now, path, cookies, wait)
        });
        let doubt = Doubt { trusted, claimed, received: 0, sent: 0, copies: 0, wait, check };
        self.doubts.insert(connection, doubt);
        self.schedule(connection, None);
    }

    fn schedule(&mut self, connection: ConnectionHandle, before: Option<Instant>) {
        let deadline = self.doubts.get(&connection).and_then(Doubt::deadline);
        self.deadlines.change(connection, before, deadline);
    }

    fn change<R>(&mut self, connection: ConnectionHandle, act: impl FnOnce(&mut Doubt) -> R) -> Option<R> {
        let doubt = self.doubts.get_mut(&connection)?;
        let before = doubt.deadline();
        let result = act(doubt);
        self.schedule(connection, before);
        Some(result)
    }

    /// The address is the peer's, or another one is.
    pub(super) fn end(&mut self, connection: ConnectionHandle) -> Option<Doubt> {
        let doubt = self.doubts.remove(&connection)?;
        self.deadlines.change(connection, doubt.deadline(), None);
        Some(doubt)
    }

    /// The address is not the peer's.
    pub(super) fn refuse(&mut self, now: Instant, connection: ConnectionHandle, address: SocketAddr) {
        self.refused.insert(connection, (address, now + REFUSED_FOR));
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, connection: ConnectionHandle) {
        self.end(connection);
        self.refused.remove(&connection);
    }

    /// So many bytes have come from the claimed address, and were not discarded.
    pub(super) fn heard(&mut self, connection: ConnectionHandle, bytes: usize) {
        if let Some(doubt) = self.doubts.get_mut(&connection) {
            doubt.received += bytes as u64;
        }
    }

    /// Whether so many bytes may be sent to the claimed address; then they are counted.
    pub(super) fn allow(&mut self, connection: ConnectionHandle, bytes: usize) -> bool {
        let Some(doubt) = self.doubts.get_mut(&connection) else { return true };
        let sent = doubt.sent + bytes as u64;
        let is_allowed = sent <= AMPLIFICATION * doubt.received;
        if is_allowed {
            doubt.sent = sent;
        }
        is_allowed
    }

    /// The address before the claimed one, if it is to get a copy of what is sent.
    pub(super) fn copy_to(&mut self, connection: ConnectionHandle) -> Option<SocketAddr> {
        let doubt = self.doubts.get_mut(&connection).filter(|doubt| doubt.copies < COPIES)?;
        doubt.copies += 1;
        Some(doubt.trusted)
    }

    /// A challenge with this cookie is about to be sent. Where it goes; `None` when there is no check.
    pub(super) fn challenge(&mut self, connection: ConnectionHandle, cookie: Cookie) -> Option<(Path, SocketAddr)> {
        self.change(connection, |doubt| {
            let check = doubt.check.as_mut()?;
            check.challenges += 1;
            if check.cookies.len() == OLD_COOKIES {
                check.cookies.remove(0);
            }
            check.cookies.push(cookie);
            let address = match check.path {
                Path::Trusted => doubt.trusted,
                Path::Claimed => doubt.claimed,
            };
            Some((check.path, address))
        })?
    }

    /// An answer with this cookie has come from an address. Who has the cookie of a challenge to the trusted address is there,
    /// whoever has brought the answer. With one to the claimed address, the path must be good both ways.
    pub(super) fn answered(
        &mut self,
        connection: ConnectionHandle,
        cookie: Cookie,
        from: SocketAddr,
        has_left: bool,
    ) -> Verdict {
        let Some(doubt) = self.doubts.get(&connection) else { return Verdict::Nothing };
        let path = doubt.check.as_ref().filter(|check| check.cookies.contains(&cookie)).map(|check| check.path);
        match (path, has_left) {
            (Some(Path::Trusted), true) => Verdict::AskClaimed,
            (Some(Path::Trusted), false) => Verdict::Refused,
            (Some(Path::Claimed), false) if from == doubt.claimed => Verdict::Confirmed,
            _ => Verdict::Nothing,
        }
    }

    /// Goes on with the claimed address.
    pub(super) fn ask_claimed(&mut self, now: Instant, connection: ConnectionHandle) {
        self.change(connection, |doubt| doubt.check = Some(Check::new(now, Path::Claimed, Vec::new(), doubt.wait)));
    }

    /// What is due, and for whom. It is due until it is done.
    pub(super) fn due(&self, now: Instant) -> Option<(ConnectionHandle, Due)> {
        let (_, connection) = self.deadlines.first().filter(|&(at, _)| at <= now)?;
        let check = self.doubts.get(&connection)?.check.as_ref()?;
        let due = match check.path {
            _ if check.challenges < CHALLENGES => Due::Challenge,
            Path::Trusted => Due::AskClaimed,
            Path::Claimed => Due::Unanswered,
        };
        Some((connection, due))
    }

    #[cfg(test)]
    pub(super) fn newest_cookie(&self, connection: ConnectionHandle) -> Option<Cookie> {
        self.doubts.get(&connection)?.check.as_ref()?.cookies.last().copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.doubts.len() + self.deadlines.len() + self.refused.len()
    }
}

impl Doubt {
    fn deadline(&self) -> Option<Instant> {
        self.check.as_ref().map(Check::deadline)
    }
}
