//! The stateless first answer: a HelloRetryRequest, whose cookie holds all that is needed to go on (RFC 9147 section 5.1).
//!
//! What stands at the beginning of the cookie is read here. Behind it stands the proof that we have made it, and for whom, which
//! is the affair of whoever makes and checks it.

use super::config::ServerConfig;
use super::hellos::hello_retry_request;
use super::suite::{from_id, hash};
use super::transcript::Transcript;
use crate::tls::ffi::hash::Digest;
use crate::tls::suites::Suite;
use crate::wire::handshake::{CLIENT_HELLO, SERVER_HELLO};
use crate::wire::hello13::Offer;
use crate::wire::psk_offer::Modes;
use crate::wire::{HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH, Reader, u24};

/// What a server has decided by a first ClientHello, and has to know again with the second.
pub(crate) struct Retry {
    pub(super) suite: Suite,
    /// IANA's number of the group that the client was asked for; 0 for none.
    pub(super) group: u16,
    /// Of the first ClientHello.
    first_hello: Digest,
}

impl Retry {
    /// `body`: of a whole ClientHello with these offers. `schemes`: numbers of the signatures that the client accepts. When the two
    /// sides have nothing in common, the client is told so, and the application as well, when it has proved its address: its second
    /// hello fails. `None` when it offers no suite that has a name here, so that no retry could be asked for.
    pub(crate) fn decide(
        config: &ServerConfig,
        offered: &[u16],
        offer: &Offer<'_>,
        schemes: &[u16],
        body: &[u8],
    ) -> Option<Retry> {
        let in_vain = || {
            let mut known = offered.iter().filter_map(|&id| from_id(id));
            let common = known.clone().find(|suite| config.offers.suites.contains(suite));
            Some((common.or_else(|| known.next())?, 0))
        };
        let (suite, group) = Retry::choose(config, offered, offer, schemes).or_else(in_vain)?;
        let mut transcript = Transcript::new(hash(suite));
        transcript.add(CLIENT_HELLO, body);
        Some(Retry { suite, group, first_hello: transcript.hash() })
    }

    /// The suite, and the group that the client is to be asked for. `None` when the two sides have nothing in common by which the
    /// server could prove who it is.
    fn choose(config: &ServerConfig, offered: &[u16], offer: &Offer<'_>, schemes: &[u16]) -> Option<(Suite, u16)> {
        let suites = &config.offers.suites;
        // What looks like the session of a server with certificates may be one, or not: nothing is looked up for whoever has not
        // proved its address.
        let modes = offer.modes.and(config.offers.modes);
        let psk = offer.psk.as_ref().filter(|_| modes != Modes::default());
        // RFC 8446 section 4.2.11: a key is good for one hash; its proof is as long.
        let has_key =
            |suite: Suite| psk.is_some_and(|psk| psk.keys.iter().any(|key| key.proof.len() == hash(suite).length()));
        let can_sign = config.offers.own(schemes).is_some();
        let common = || suites.iter().copied().filter(|suite| offered.contains(&suite.id()));
        let with_key = common().find(|suite| has_key(*suite)).filter(|_| config.has_psk || can_sign);
        let suite = with_key.or_else(|| common().next().filter(|_| can_sign))?;
        // The client is asked to come again anyway, so that it costs nothing to ask for the best group. Where its key may turn out to
        // be none, that is the best for a handshake with certificates.
        let mut groups = config.offers.groups(with_key.is_some() && !can_sign);
        // None is needed where the key alone will do, and nothing else is in common.
        let is_alone = with_key.is_some() && modes.alone && !modes.with_key_exchange;
        let group = match groups.find(|group| offer.groups.contains(group.id())) {
            Some(group) if offer.share(group.id()).is_none() && (!is_alone || can_sign) => group.id(),
            Some(_) => 0,
            None if with_key.is_some() && modes.alone => 0,
            None => return None,
        };
        Some((suite, group))
    }

    /// For the beginning of a cookie.
    pub(crate) fn write(&self) -> Vec<u8> {
        [&self.suite.id().to_be_bytes()[..], &self.group.to_be_bytes(), &self.first_hello].concat()
    }

    /// From the beginning of a cookie that we have made.
    pub(super) fn read(cookie: &[u8]) -> Option<Retry> {
        let mut reader = Reader(cookie);
        let (suite, group) = (from_id(reader.u16()?)?, reader.u16()?);
        let first_hello = Digest::from_bytes(hash(suite), reader.take(hash(suite).length())?)?;
        Some(Retry { suite, group, first_hello })
    }

    /// The messages before the second ClientHello. `cookie`: as it stood in the HelloRetryRequest.
    pub(super) fn transcript(&self, cookie: &[u8]) -> Transcript {
        Transcript::after_retry(&self.first_hello, &hello_retry_request(self.suite.id(), self.group, cookie))
    }

    /// The datagram with the HelloRetryRequest. `record_number`: epoch and number of the hello's record, which the answer bears
    /// as well: two answers are no repetition of each other.
    pub(crate) fn request(&self, record_number: [u8; 8], cookie: &[u8]) -> Option<Vec<u8>> {
        let body = hello_retry_request(self.suite.id(), self.group, cookie);
        let mut datagram = Vec::with_capacity(RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + body.len());
        datagram.extend([22, 254, 253]);
        datagram.extend(record_number);
        datagram.extend(u16::try_from(HANDSHAKE_HEADER_LENGTH + body.len()).ok()?.to_be_bytes());
        datagram.push(SERVER_HELLO);
        datagram.extend(u24(body.len()));
        // message_seq 0, and the whole message in one fragment.
        datagram.extend([0, 0, 0, 0, 0]);
        datagram.extend(u24(body.len()));
        datagram.extend(body);
        Some(datagram)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tls::Credentials;
    use crate::tls::config::{Settings, Wishes};
    use crate::tls::version::{Version, Versions};
    use crate::tls::versions;
    use crate::wire::hello13::extension;
    use crate::wire::vector;
    use std::time::Duration;

    const GCM128: u16 = 0x1301;
    const GCM256: u16 = 0x1302;
    const SUITES: &[u16] = &[GCM256, GCM128];
    const ECDSA: u16 = 0x0403;
    const HYBRID: u16 = 4588;
    const X25519: u16 = 29;
    const P256: u16 = 23;
    const ALONE: Modes = Modes { with_key_exchange: false, alone: true };
    const EITHER: Modes = Modes { with_key_exchange: true, alone: true };

    /// What a server has: pre-shared keys, a certificate, ways to use the keys.
    pub(in super::super) fn server(has_psk: bool, has_certificate: bool, modes: Modes) -> versions::ServerConfig {
        let versions = Versions { oldest: Version::Dtls13, newest: Version::Dtls13 };
        let settings = Settings {
            ciphers: None,
            wishes: Wishes { versions, psk_modes: Some(modes), ..Wishes::default() },
            revocations: None,
            first_interval: Duration::from_secs(1),
            longest_interval: Duration::from_secs(60),
            mtu: 1200,
        };
        let own = has_certificate.then(|| {
            let key = include_bytes!("../../proto/tests/keys/server.key.pem");
            Credentials::parse(key, None, &[include_str!("../../proto/tests/keys/server.pem")]).unwrap()
        });
        versions::ServerConfig::new(&settings, own, has_psk, None).unwrap()
    }

    /// The extensions of a client, which has no groups where it needs none. `proofs`: the length of each of its keys' proofs.
    pub(in super::super) fn extensions(modes: Modes, proofs: &[usize], groups: &[u16], shares: &[u16]) -> Vec<u8> {
        let mut list = Vec::new();
        let mut write = |id: u16, content: &dyn Fn(&mut Vec<u8>)| {
            list.extend(id.to_be_bytes());
            vector(&mut list, 2, content);
        };
        if !groups.is_empty() {
            write(extension::SUPPORTED_GROUPS, &|list| {
                vector(list, 2, |list| groups.iter().for_each(|group| list.extend(group.to_be_bytes())));
            });
            write(extension::KEY_SHARE, &|list| {
                vector(list, 2, |list| {
                    for group in shares {
                        list.extend(group.to_be_bytes());
                        vector(list, 2, |list| list.extend([9; 32]));
                    }
                });
            });
        }
        write(extension::PSK_KEY_EXCHANGE_MODES, &|list| vector(list, 1, |list| list.extend(modes.ids())));
        if !proofs.is_empty() {
            write(extension::PRE_SHARED_KEY, &|list| {
                let identity = [0, 3, b'k', b'e', b'y', 0, 0, 0, 0];
                vector(list, 2, |list| proofs.iter().for_each(|_| list.extend(identity)));
                let write_proof = |list: &mut Vec<u8>, length| vector(list, 1, |list| list.extend(&[7; 64][..length]));
                vector(list, 2, |list| proofs.iter().for_each(|&length| write_proof(list, length)));
            });
        }
        list
    }

    /// `proofs`: as for [`extensions`].
    fn choice(
        server: &versions::ServerConfig,
        modes: Modes,
        proofs: &[usize],
        groups: &[u16],
        shares: &[u16],
        schemes: &[u16],
    ) -> Option<(u16, u16)> {
        let extensions = extensions(modes, proofs, groups, shares);
        let offer = Offer::parse(&extensions).unwrap();
        let chosen = Retry::choose(server.dtls13().unwrap(), SUITES, &offer, schemes);
        chosen.map(|(suite, group)| (suite.id(), group))
    }

    #[test]
    fn the_suite_is_the_servers_best_of_those_that_a_key_of_the_client_goes_with() {
        let server = server(true, false, Modes::WITH_KEY_EXCHANGE);
        let suite = |proofs: &[usize]| {
            let chosen = choice(&server, Modes::WITH_KEY_EXCHANGE, proofs, &[X25519], &[X25519], &[ECDSA]);
            chosen.map(|(suite, _)| suite)
        };
        assert_eq!([suite(&[32]), suite(&[48]), suite(&[48, 32])], [Some(GCM128), Some(GCM256), Some(GCM128)]);
        assert_eq!([suite(&[]), suite(&[33])], [None, None]);
    }

    #[test]
    fn the_group_is_the_servers_best_that_the_client_has_and_is_asked_for_where_there_is_no_public_value() {
        let server = server(true, false, Modes::WITH_KEY_EXCHANGE);
        let group = |groups: &[u16], shares: &[u16]| {
            choice(&server, Modes::WITH_KEY_EXCHANGE, &[32], groups, shares, &[]).map(|(_, group)| group)
        };
        assert_eq!(group(&[P256, X25519], &[X25519]), Some(0));
        assert_eq!(group(&[P256, X25519], &[P256]), Some(X25519));
        assert_eq!(group(&[P256], &[]), Some(P256));
        // A key protects from quantum computers already.
        assert_eq!(group(&[HYBRID, X25519], &[X25519]), Some(0));
        assert_eq!([group(&[], &[]), group(&[30], &[])], [None, None]);
    }

    #[test]
    fn a_key_that_does_all_by_itself_needs_no_group() {
        let alone = |server: &versions::ServerConfig, modes, groups: &[u16]| {
            choice(server, modes, &[32], groups, &[], &[ECDSA]).map(|(_, group)| group)
        };
        let careful = server(true, false, Modes::WITH_KEY_EXCHANGE);
        let open = server(true, false, EITHER);
        assert_eq!(alone(&careful, ALONE, &[X25519]), None, "they have no way in common");
        assert_eq!([alone(&open, ALONE, &[X25519]), alone(&open, ALONE, &[])], [Some(0), Some(0)]);
        assert_eq!([alone(&open, EITHER, &[X25519]), alone(&open, EITHER, &[])], [Some(X25519), Some(0)]);
        // The key may turn out to be none, and the handshake to be one with certificates.
        let either = server(true, true, EITHER);
        assert_eq!([alone(&either, ALONE, &[X25519]), alone(&either, ALONE, &[])], [Some(X25519), Some(0)]);
    }

    #[test]
    fn a_server_with_a_certificate_takes_its_best_suite_and_group() {
        let of = |server: &versions::ServerConfig, proofs: &[usize], schemes: &[u16]| {
            choice(server, Modes::WITH_KEY_EXCHANGE, proofs, &[X25519, HYBRID], &[X25519], schemes)
        };
        let server = server(false, true, Modes::WITH_KEY_EXCHANGE);
        assert_eq!(of(&server, &[], &[ECDSA]), Some((GCM128, HYBRID)));
        // What looks like a key may be a session.
        assert_eq!(of(&server, &[48], &[ECDSA]), Some((GCM256, HYBRID)));
        assert_eq!([of(&server, &[], &[0x0804]), of(&server, &[48], &[])], [None, None]);
    }

    #[test]
    fn what_is_written_into_a_cookie_is_read_again() {
        let server = server(true, false, Modes::WITH_KEY_EXCHANGE);
        let decide = |offered: &[u16], groups: &[u16], body: &[u8]| {
            let extensions = extensions(Modes::WITH_KEY_EXCHANGE, &[48], groups, &[]);
            Retry::decide(server.dtls13().unwrap(), offered, &Offer::parse(&extensions).unwrap(), &[], body)
        };
        let retry = decide(SUITES, &[P256], b"hello").unwrap();
        let memory = retry.write();
        let read = Retry::read(&[&memory[..], b"the proof of it"].concat()).unwrap();
        assert_eq!((read.suite.id(), read.group, read.write()), (GCM256, P256, memory.clone()));
        assert_ne!(decide(SUITES, &[P256], b"another").unwrap().write(), memory);
        assert!((0..memory.len()).all(|length| Retry::read(&memory[..length]).is_none()));
        // With nothing in common, the client is told so behind its second hello, under the name of a suite that both know.
        let in_vain = |offered: &[u16]| decide(offered, &[], b"").map(|retry| (retry.suite.id(), retry.group));
        assert_eq!([in_vain(&[0xc0a8, GCM256]), in_vain(&[0xc0a8])], [Some((GCM256, 0)), None]);
    }
}
