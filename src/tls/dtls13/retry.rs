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
