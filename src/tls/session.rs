//! A session (RFC 5246 section 7.3, RFC 8446 section 2.2): what two sides remember of a full handshake, so that another can do
//! without its proofs. And its form as bytes, which stand in tickets, in stores, and in a client's option.
//!
//! There is a session only where the peer has authenticated itself, or was not asked to. In DTLS 1.2, both sides must have the
//! extended master secret as well (RFC 7627 section 5.3 and 5.4: without it, a session does not prove who made it).
//!
//! A session is one of the version that its suite belongs to, and no handshake in the other version resumes it.

use super::master_secret::MasterSecret;
use super::peer::PeerCredential;
use super::saved::SessionId;
use super::suites::Suite;
use crate::wire::certificate_end;
use zeroize::Zeroizing;

/// Bytes of a session, at most: what a store keeps for one. A handshake whose session would be longer has none.
pub(crate) const SESSION_LIMIT: usize = 4096;

/// Bytes of a ticket that a client takes, at most. A longer one would not leave in one datagram with a ClientHello.
pub(crate) const FOREIGN_TICKET_LIMIT: usize = 4096;

/// Bytes before the vectors: version, side, flags, suite, time, lifetime, scope, secret.
const FIXED_LENGTH: usize = 3 + 2 + 8 + 4 + 16 + 48;

/// Bytes behind these in a session of DTLS 1.3: what hides its age.
const AGE_LENGTH: usize = 4;

/// Seconds that another machine's clock may be ahead of ours.
const CLOCK_TOLERANCE: u64 = 3600;

/// Seconds after which a client offers no session any more, whatever its server says (RFC 8446 section 4.6.1).
pub(crate) const LONGEST_LIFETIME: u32 = 7 * 86_400;

/// Seconds for a session whose server does not say how long it keeps it (RFC 5246 section F.1.4).
const USUAL_LIFETIME: u32 = 86_400;

/// Changes whenever the bytes mean something else: what has another version is not read.
const VERSION: u8 = 1;

/// Which side remembers the session. Neither takes it for one of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionOf {
    Server,
    Client,
}

/// What a session is bound to beside names: role, credentials and rules of the configuration that it was made under.
pub(crate) type Scope = [u8; 16];

/// What one side remembers of a full handshake. Secret: whoever has it can appear as the peer.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) of: SessionOf,
    /// Of either version.
    pub(crate) suite: Suite,
    /// The master secret; in DTLS 1.3 a pre-shared key, as long as the suite's hash, with zeros behind it.
    pub(crate) secret: MasterSecret,
    /// RFC 7366; means something to CBC suites only.
    pub(crate) encrypt_then_mac: bool,
    /// Seconds since 1970.
    pub(crate) made_at: u64,
    /// Seconds.
    pub(crate) lifetime: u32,
    pub(crate) scope: Scope,
    /// The name that the client has asked for (RFC 6066 section 3).
    pub(crate) server_name: Option<String>,
    /// The application protocol (RFC 7301).
    pub(crate) protocol: Option<Vec<u8>>,
    /// A server's: the identity whose key the client has proved to have.
    pub(crate) psk_identity: Option<Vec<u8>>,
    /// What the peer has proved to have the private key of.
    pub(crate) peer: Option<PeerCredential>,
    /// Certificates that the peer has sent behind its own, DER.
    pub(crate) issuers: Vec<Vec<u8>>,
    /// Whether the peer has authenticated itself; otherwise it was not asked to.
    pub(crate) authorized: bool,
    /// Under which the server knows it; empty beside a ticket.
    pub(crate) id: SessionId,
    /// A client's: what it presents to the server, which keeps nothing (RFC 5077).
    pub(crate) ticket: Vec<u8>,
    /// What hides the age of its ticket from whoever watches (RFC 8446 section 4.2.11.1); 0 in DTLS 1.2.
    pub(crate) age_add: u32,
}

impl Session {
    /// Whether it may still be resumed.
    pub(crate) fn is_live(&self, now: u64) -> bool {
        self.made_at <= now.saturating_add(CLOCK_TOLERANCE)
            && now.saturating_sub(self.made_at) < u64::from(self.lifetime)
    }

    /// Of a lifetime, the seconds for which the peer's certificate is good as well. What it proves, it proves no longer than that.
    pub(crate) fn lifetime_beside(peer: Option<&PeerCredential>, made_at: u64, lifetime: u32) -> u32 {
        let end = peer.and_then(|peer| certificate_end(peer.certificate.as_deref()?));
        let rest = end.map_or(u64::MAX, |end| end.saturating_sub(made_at));
        u32::try_from(rest).unwrap_or(u32::MAX).min(lifetime)
    }

    /// The lifetime of a client's session by what the server has said of it; 0 when it has said nothing.
    pub(crate) fn lifetime_by_hint(hint: u32) -> u32 {
        if hint == 0 { USUAL_LIFETIME } else { hint.min(LONGEST_LIFETIME) }
    }

    /// `None` when it is too long.
    pub(crate) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let age = self.suite.is_of_dtls13().then_some(self.age_add.to_be_bytes());
        let fixed = FIXED_LENGTH + age.map_or(0, |age| age.len());
        let length = fixed + self.vectors().map(|vector| 2 + vector.len()).sum::<usize>();
        if length > SESSION_LIMIT + self.ticket.len() {
            return None;
        }
        // It never grows, so that no copy of the secret is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(&[VERSION, self.of as u8, self.flags()]);
        bytes.extend_from_slice(&self.suite.id().to_be_bytes());
        bytes.extend_from_slice(&self.made_at.to_be_bytes());
        bytes.extend_from_slice(&self.lifetime.to_be_bytes());
        bytes.extend_from_slice(&self.scope);
        bytes.extend_from_slice(&*self.secret);
        bytes.extend(age.iter().flatten());
        for vector in self.vectors() {
            bytes.extend_from_slice(&u16::try_from(vector.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(vector);
        }
        Some(bytes)
    }

    /// What stands in it behind a length of two bytes each.
    fn vectors(&self) -> impl Iterator<Item = &[u8]> {
        let name = self.server_name.as_ref().map(String::as_bytes);
        let key = self.peer.as_ref().map(|peer| peer.public_key.as_slice());
        let certificate = self.peer.as_ref().and_then(|peer| peer.certificate.as_deref());
        [self.id.as_bytes(), &self.ticket]
            .into_iter()
            .chain(
                [name, self.protocol.as_deref(), self.psk_identity.as_deref(), key, certificate].into_iter().flatten(),
            )
            .chain(self.issuers.iter().map(Vec::as_slice))
    }

    /// What is true of it, and which of the vectors are there.
    fn flags(&self) -> u8 {
        let peer = self.peer.as_ref();
        let flags = [
            self.encrypt_then_mac,
            self.authorized,
            self.server_name.is_some(),
            self.protocol.is_some(),
            self.psk_identity.is_some(),
            peer.is_some(),
            peer.is_some_and(|peer| peer.certificate.is_some()),
        ];
        flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag))
    }

    /// `None` for anything but what `to_bytes` has made on the same side.
    pub(crate) fn from_bytes(bytes: &[u8], of: SessionOf) -> Option<Session> {
        if bytes.len() > SESSION_LIMIT + FOREIGN_TICKET_LIMIT {
            return None;
        }
        let mut reader = Reader(bytes);
        let [version, role, flags] = *reader.take::<3>()?;
        if version != VERSION || role != of as u8 || flags >> 7 != 0 {
            return None;
        }
        let has = |bit: u8| flags >> bit & 1 == 1;
        let suite = Suite::of_any_version(u16::from_be_bytes(*reader.take()?))?;
        let made_at = u64::from_be_bytes(*reader.take()?);
        let lifetime = u32::from_be_bytes(*reader.take()?);
        let scope = *reader.take()?;
        let secret = MasterSecret::from(reader.take()?);
        let age_add = if suite.is_of_dtls13() { u32::from_be_bytes(*reader.take::<AGE_LENGTH>()?) } else { 0 };
        let id = SessionId::new(reader.take_vector()?)?;
        let ticket = reader.take_vector()?.to_vec();
        let server_name = reader.take_vector_if(has(2))?;
        let protocol = reader.take_vector_if(has(3))?;
        let psk_identity = reader.take_vector_if(has(4))?;
        let public_key = reader.take_vector_if(has(5))?;
        let certificate = reader.take_vector_if(has(6))?;
        if public_key.is_none() && certificate.is_some() {
            return None;
        }
        let mut issuers = Vec::new();
        while !reader.0.is_empty() {
            issuers.push(reader.take_vector()?.to_vec());
        }
        Some(Session {
            of,
            suite,
            secret,
            encrypt_then_mac: has(0),
            made_at,
            lifetime,
            scope,
            server_name: server_name.map(String::from_utf8).transpose().ok()?,
            protocol,
            psk_identity,
            peer: public_key.map(|public_key| PeerCredential { public_key, certificate }),
            issuers,
            authorized: has(1),
            id,
            ticket,
            age_add,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const LENGTH: usize>(&mut self) -> Option<&'a [u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn take_vector(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(*self.take()?);
        let (taken, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(taken)
    }

    /// The outer `None` when the vector is cut off.
    fn take_vector_if(&mut self, is_there: bool) -> Option<Option<Vec<u8>>> {
        if is_there { Some(Some(self.take_vector()?.to_vec())) } else { Some(None) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::tls) fn session() -> Session {
        Session {
            of: SessionOf::Server,
            suite: Suite::from_name("PSK-AES128-CCM8").unwrap(),
            secret: MasterSecret::from(&[7; 48]),
            encrypt_then_mac: true,
            made_at: 1_800_000_000,
            lifetime: 300,
            scope: [9; 16],
            server_name: Some("a.test".to_owned()),
            protocol: Some(b"coap".to_vec()),
            psk_identity: Some(Vec::new()),
            peer: Some(PeerCredential { public_key: vec![1; 91], certificate: Some(vec![2; 400]) }),
            issuers: vec![vec![3; 500], vec![4; 600]],
            authorized: true,
            id: SessionId::new(&[5; 32]).unwrap(),
            ticket: vec![6; 200],
            age_add: 0,
        }
    }

    pub(in crate::tls) fn session_of_dtls13() -> Session {
        Session { suite: Suite::all_of_dtls13()[0], encrypt_then_mac: false, age_add: 0x0102_0304, ..session() }
    }

    /// Tickets and stores live longer than the program that has made what is in them.
    #[test]
    fn the_form_is_that_of_the_sessions_that_there_are() {
        let vector = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        let before = [&[0xc0, 0xa8][..], &1_800_000_000_u64.to_be_bytes(), &[0, 0, 1, 44], &[9; 16], &[7; 48]].concat();
        let id_and_ticket = [vector(&[5; 32]), vector(&[6; 200])].concat();
        let behind = [
            &id_and_ticket[..],
            &vector(b"a.test"),
            &vector(b"coap"),
            &vector(b""),
            &vector(&[1; 91]),
            &vector(&[2; 400]),
            &vector(&[3; 500]),
            &vector(&[4; 600]),
        ];
        assert_eq!(session().to_bytes().unwrap()[..], [&[1, 0, 127][..], &before, &behind.concat()].concat());
        let short = Session {
            of: SessionOf::Client,
            encrypt_then_mac: false,
            server_name: None,
            protocol: None,
            psk_identity: None,
            peer: None,
            issuers: Vec::new(),
            ..session()
        };
        assert_eq!(short.to_bytes().unwrap()[..], [&[1, 1, 2][..], &before, &id_and_ticket].concat());
        // In DTLS 1.3, what hides the age stands behind the secret.
        let mut newer = [&[1, 1, 2][..], &before, &[1, 2, 3, 4], &id_and_ticket].concat();
        newer[3..5].copy_from_slice(&Suite::all_of_dtls13()[0].id().to_be_bytes());
        let suite = Suite::all_of_dtls13()[0];
        assert_eq!(Session { suite, age_add: 0x0102_0304, ..short }.to_bytes().unwrap()[..], newer);
    }

    #[test]
    fn it_has_its_own_room_and_that_of_the_longest_ticket() {
        let with = |padding, ticket| {
            let issuers = [session().issuers, vec![vec![8; padding]]].concat();
            Session { issuers, ticket: vec![6; ticket], ..session() }.to_bytes()
        };
        let padding = SESSION_LIMIT - with(0, 0).unwrap().len();
        assert!(with(padding + 1, 0).is_none());
        for (ticket, is_one) in [(FOREIGN_TICKET_LIMIT, true), (FOREIGN_TICKET_LIMIT + 1, false)] {
            let bytes = with(padding, ticket).unwrap();
            assert_eq!(Session::from_bytes(&bytes, SessionOf::Server).is_some(), is_one);
        }
    }

    #[test]
    fn its_bytes_say_all_that_it_is() {
        let full = session();
        let least = Session {
            encrypt_then_mac: false,
            server_name: None,
            protocol: None,
            psk_identity: None,
            peer: None,
            issuers: Vec::new(),
            authorized: false,
            id: SessionId::default(),
            ticket: Vec::new(),
            ..session()
        };
        let raw = Session {
            peer: Some(PeerCredential { public_key: vec![1; 91], certificate: None }),
            issuers: Vec::new(),
            ..session()
        };
        for (session, length) in [(full, 1932), (least, 85), (raw, 426), (session_of_dtls13(), 1936)] {
            let bytes = session.to_bytes().unwrap();
            assert_eq!(bytes.len(), length);
            let read = Session::from_bytes(&bytes, SessionOf::Server).unwrap();
            assert_eq!(read.to_bytes(), session.to_bytes());
            assert_eq!((read.suite, read.age_add), (session.suite, session.age_add));
            assert_eq!(read.peer, session.peer);
            assert_eq!(read.psk_identity, session.psk_identity);
            assert_eq!(read.issuers, session.issuers);
        }
    }

    #[test]
    fn what_is_cut_off_longer_from_the_other_side_or_of_another_version_is_not_read() {
        let whole = Session { issuers: Vec::new(), ..session() }.to_bytes().unwrap();
        let newer = Session { issuers: Vec::new(), ..session_of_dtls13() }.to_bytes().unwrap();
        for whole in [&whole, &newer] {
            for length in 0..whole.len() {
                assert!(Session::from_bytes(&whole[..length], SessionOf::Server).is_none(), "{length}");
            }
        }
        assert!(Session::from_bytes(&[&whole[..], &[0]].concat(), SessionOf::Server).is_none());
        assert!(Session::from_bytes(&whole, SessionOf::Client).is_none());
        let mut other = whole.to_vec();
        other[0] += 1;
        assert!(Session::from_bytes(&other, SessionOf::Server).is_none());
        assert!(Session::from_bytes(&vec![VERSION; 100_000], SessionOf::Server).is_none());
    }

    #[test]
    fn nothing_that_is_changed_is_read_as_anything_but_a_session() {
        let wholes = [session(), session_of_dtls13()].map(|session| session.to_bytes().unwrap());
        let mut dice: u64 = 1;
        for round in 0..20_000 {
            let mut bytes = wholes[round % wholes.len()].to_vec();
            for _ in 0..3 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (dice >> 33) as usize % bytes.len();
                bytes[at] = (dice >> 24) as u8;
            }
            if let Some(read) = Session::from_bytes(&bytes, SessionOf::Server) {
                assert_eq!(read.to_bytes().unwrap()[..], bytes[..]);
            }
        }
    }

    #[test]
    fn one_that_is_too_long_has_no_bytes() {
        let long = |length| Session { issuers: vec![vec![0; length]], ..session() }.to_bytes();
        assert!(long(3000).is_some());
        assert!(long(3500).is_none());
        assert!(long(20_000).is_none());
        assert!(long(70_000).is_none());
    }

    #[test]
    fn it_lives_for_its_lifetime_and_no_longer_whatever_the_clocks() {
        let session = session();
        for (now, lives) in [
            (session.made_at, true),
            (session.made_at + 299, true),
            (session.made_at + 300, false),
            (session.made_at - CLOCK_TOLERANCE, true),
            (session.made_at - CLOCK_TOLERANCE - 1, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(session.is_live(now), lives, "{now}");
        }
        assert_eq!(Session::lifetime_by_hint(0), USUAL_LIFETIME);
        assert_eq!(Session::lifetime_by_hint(300), 300);
        assert_eq!(Session::lifetime_by_hint(u32::MAX), LONGEST_LIFETIME);
    }
}
