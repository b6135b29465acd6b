//! An association that goes on in another process.
//!
//! Its records go on with the number that is next. Other than in DTLS 1.2, that number is all that makes their nonces, and no more
//! than its last 16 bits travel: a life of its own cannot begin with a random number. So an association leaves as a whole, and
//! nothing of it stays; or its copy says which numbers are its owner's, and whoever takes that over begins beyond them
//! ([`Saved::succeed`]).

use super::numbers::{DATA_EPOCH, ReplayWindow};
use super::reservation::Reserved;
use super::suite::{algorithm, from_id, hash, seal_limit};
use crate::tls::bound::Bound;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::saved::{AssociationName, Unrestorable};
use crate::tls::suites::Suite;
use crate::wire::{ConnectionId, Reader, vector};

/// RFC 9147 section 8: epochs have no more bits.
const EPOCH_LIMIT: u64 = 1 << 48;

/// More records than any key may protect.
const NUMBER_LIMIT: u64 = 1 << 48;

/// Flags: it is a client's side; it has connection IDs; both sides answer return routability checks; there are copies; other keys of its
/// own are due.
const IS_CLIENT: u8 = 1;
const HAS_IDS: u8 = 2;
const CHECKS_ROUTABILITY: u8 = 4;
const IS_RESERVED: u8 = 8;
const OWES_UPDATE: u8 = 16;
const FLAGS: u8 = IS_CLIENT | HAS_IDS | CHECKS_ROUTABILITY | IS_RESERVED | OWES_UPDATE;

/// What an association needs to go on.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(super) suite: Suite,
    pub(super) is_client: bool,
    pub(super) client_random: [u8; 32],
    pub(super) exporter: Digest,
    /// The peer has asked for other keys, or those that there are come to an end: a KeyUpdate is to be sent, perhaps once more.
    pub(super) owes_update: bool,
    pub(super) link: SavedLink,
}

/// Records and messages of both sides.
#[derive(Clone)]
pub(super) struct SavedLink {
    pub(super) own: SavedSealer,
    pub(super) peer: SavedOpener,
    /// message_seq of the next message of either side.
    pub(super) own_message: u16,
    pub(super) peer_message: u16,
    pub(super) ids: Option<ConnectionIds>,
    /// `None` where there are no copies: all numbers are its own.
    pub(super) reserved: Option<Reserved>,
}

#[derive(Clone)]
pub(super) struct SavedSealer {
    pub(super) secret: Digest,
    pub(super) epoch: u64,
    /// Number of the next record.
    pub(super) next: u64,
}

#[derive(Clone)]
pub(super) struct SavedOpener {
    pub(super) secret: Digest,
    pub(super) epoch: u64,
    pub(super) window: ReplayWindow,
    pub(super) forgeries: u64,
}

impl Saved {
    /// What both sides have agreed on about connection IDs.
    pub(crate) fn connection_ids(&self) -> Option<&ConnectionIds> {
        self.link.ids.as_ref()
    }

    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    /// Where whoever takes a copy over begins; `None` for what is no copy.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let reserved = self.link.reserved?;
        Some(Bound { epoch: self.link.own.epoch, number: reserved.limit })
    }

    /// What the next owner has of a copy. It must have taken the copy's place in the store before anything of it is used.
    pub(crate) fn succeed(&self) -> Result<Saved, Unrestorable> {
        let reserved = self.link.reserved.ok_or(Unrestorable::Suite(self.suite))?;
        let mut next = self.clone();
        next.link.own.next = reserved.limit;
        let of_next = reserved.next().ok_or(Unrestorable::State("it has been taken over too often"))?;
        let is_usable = |limit: u64| algorithm(self.suite).is_some_and(|of| limit <= seal_limit(of));
        if !is_usable(of_next.limit) {
            return Err(Unrestorable::State("its record numbers are used up"));
        }
        next.link.reserved = Some(of_next);
        Ok(next)
    }

    /// Nobody but the two sides can compute it, and none of them can choose it.
    pub(crate) fn association(&self) -> AssociationName {
        name(&self.exporter)
    }

    /// Writes it behind what is there.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let SavedLink { own, peer, own_message, peer_message, ids, reserved } = &self.link;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let checks = ids.as_ref().is_some_and(ConnectionIds::checks_routability);
        let flags = flag(self.is_client, IS_CLIENT)
            | flag(ids.is_some(), HAS_IDS)
            | flag(checks, CHECKS_ROUTABILITY)
            | flag(reserved.is_some(), IS_RESERVED)
            | flag(self.owes_update, OWES_UPDATE);
        out.extend(self.suite.id().to_be_bytes());
        out.push(flags);
        let (next, seen) = peer.window.parts();
        for number in [own.epoch, own.next, peer.epoch, next, seen, peer.forgeries] {
            out.extend(number.to_be_bytes());
        }
        if let Some(Reserved { owner, limit }) = reserved {
            out.push(*owner);
            out.extend(limit.to_be_bytes());
        }
        out.extend(own_message.to_be_bytes());
        out.extend(peer_message.to_be_bytes());
        out.extend(self.client_random);
        for secret in [&self.exporter, &own.secret, &peer.secret] {
            out.extend_from_slice(secret);
        }
        for id in ids.iter().flat_map(|ids| [ids.own(), ids.peer()]) {
            vector(out, 1, |out| out.extend_from_slice(id));
        }
    }

    /// What [`Saved::write_to`] has written, and nothing behind it; `None` for anything else, and for numbers that no association
    /// can have.
    pub(crate) fn read(bytes: &[u8]) -> Option<Saved> {
        let mut reader = Reader(bytes);
        let suite = from_id(reader.u16()?)?;
        let flags = reader.u8().filter(|flags| flags & !FLAGS == 0)?;
        let epoch = |reader: &mut Reader<'_>| reader.u64().filter(|epoch| (DATA_EPOCH..EPOCH_LIMIT).contains(epoch));
        let own_epoch = epoch(&mut reader)?;
        let is_usable = |number: &u64| algorithm(suite).is_some_and(|of| *number <= seal_limit(of));
        let own_next = reader.u64().filter(is_usable)?;
        let peer_epoch = epoch(&mut reader)?;
        let next = reader.u64().filter(|next| *next <= NUMBER_LIMIT)?;
        let window = ReplayWindow::from_parts(next, reader.u64()?);
        let forgeries = reader.u64()?;
        let reserved = if flags & IS_RESERVED == 0 {
            None
        } else {
            let owner = reader.u8()?;
            let limit = reader.u64().filter(is_usable).filter(|limit| *limit >= own_next)?;
            Some(Reserved::new(owner, limit)?)
        };
        let (own_message, peer_message) = (reader.u16()?, reader.u16()?);
        let client_random = *reader.take(32)?.first_chunk()?;
        let exporter = read_secret(&mut reader, hash(suite))?;
        let own = SavedSealer { secret: read_secret(&mut reader, hash(suite))?, epoch: own_epoch, next: own_next };
        let peer = SavedOpener { secret: read_secret(&mut reader, hash(suite))?, epoch: peer_epoch, window, forgeries };
        let ids = if flags & HAS_IDS == 0 {
            None
        } else {
            let own = ConnectionId::new(reader.vector(1)?)?;
            let peer = ConnectionId::new(reader.vector(1)?)?;
            Some(ConnectionIds::new(&own, &peer, flags & CHECKS_ROUTABILITY != 0))
        };
        reader.end()?;
        let link = SavedLink { own, peer, own_message, peer_message, ids, reserved };
        let (is_client, owes_update) = (flags & IS_CLIENT != 0, flags & OWES_UPDATE != 0);
        Some(Saved { suite, is_client, client_random, exporter, owes_update, link })
    }
}

/// The name of the association with this exporter's secret.
pub(super) fn name(exporter: &Digest) -> AssociationName {
    AssociationName::from_bytes(exporter.hash().of(exporter).first_chunk().copied().unwrap_or_default())
}

fn read_secret(reader: &mut Reader<'_>, hash: Hash) -> Option<Digest> {
    Digest::from_bytes(hash, reader.take(hash.length())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(suite: Suite) -> Saved {
        let secret = |name: &[u8]| hash(suite).of(name);
        let link = SavedLink {
            own: SavedSealer { secret: secret(b"own"), epoch: 3, next: 0x1_0000 },
            peer: SavedOpener {
                secret: secret(b"peer"),
                epoch: 7,
                window: ReplayWindow::from_parts(5, 0b11),
                forgeries: 9,
            },
            own_message: 4,
            peer_message: 6,
            ids: None,
            reserved: None,
        };
        Saved {
            suite,
            is_client: true,
            client_random: [8; 32],
            exporter: secret(b"exporter"),
            owes_update: false,
            link,
        }
    }

    fn bytes(saved: &Saved) -> Vec<u8> {
        let mut bytes = Vec::new();
        saved.write_to(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_written_is_read_again() {
        for &suite in Suite::all_of_dtls13() {
            let saved = Saved { owes_update: suite.id() & 1 != 0, ..saved(suite) };
            let written = bytes(&saved);
            let read = Saved::read(&written).unwrap();
            assert_eq!(read.owes_update, saved.owes_update);
            assert_eq!(bytes(&read), written);
            assert_eq!((read.association(), read.suite(), read.is_client), (saved.association(), suite, true));
            for length in 0..written.len() {
                assert!(Saved::read(&written[..length]).is_none(), "{length}");
            }
            assert!(Saved::read(&[&written[..], &[0]].concat()).is_none());
        }
    }

    /// Copies live longer than the program that has made them.
    #[test]
    fn the_form_is_that_of_the_copies_that_there_are() {
        let suite = Suite::from_name("TLS_AES_128_GCM_SHA256").unwrap();
        let secrets = [&b"exporter"[..], b"own", b"peer"].map(|name| hash(suite).of(name).to_vec()).concat();
        let numbers = [3, 0x1_0000, 7, 5, 0b11, 9].map(u64::to_be_bytes).concat();
        let mut saved = saved(suite);
        assert_eq!(bytes(&saved), [&[0x13, 1, 1][..], &numbers, &[0, 4, 0, 6], &[8; 32], &secrets].concat());
        let ids_of = [8, 2].map(|length| ConnectionId::new(&vec![length; length.into()]).unwrap());
        saved.link.ids = Some(ConnectionIds::new(&ids_of[0], &ids_of[1], true));
        saved.link.reserved = Reserved::new(5, 0x1_2000);
        (saved.is_client, saved.owes_update) = (false, true);
        let reserved = [&[5][..], &0x1_2000_u64.to_be_bytes()].concat();
        let ids = [&[8][..], &[8; 8], &[2, 2, 2]].concat();
        assert_eq!(
            bytes(&saved),
            [&[0x13, 1, 2 | 4 | 8 | 16][..], &numbers, &reserved, &[0, 4, 0, 6], &[8; 32], &secrets, &ids].concat()
        );
        for checks in [true, false] {
            saved.link.ids = Some(ConnectionIds::new(&ids_of[0], &ids_of[1], checks));
            assert_eq!(Saved::read(&bytes(&saved)).unwrap().link.ids.unwrap().checks_routability(), checks);
        }
    }

    #[test]
    fn keys_that_have_sealed_all_that_they_may_are_read_and_none_that_have_sealed_more() {
        for &suite in Suite::all_of_dtls13() {
            let limit = seal_limit(algorithm(suite).unwrap());
            for (next, is_read) in [(limit, true), (limit + 1, false)] {
                let mut saved = saved(suite);
                saved.link.own.next = next;
                assert_eq!(Saved::read(&bytes(&saved)).is_some(), is_read, "{next}");
            }
        }
    }

    #[test]
    fn the_highest_number_that_there_is_may_have_been_heard() {
        for (next, is_read) in [(NUMBER_LIMIT, true), (NUMBER_LIMIT + 1, false)] {
            let mut saved = saved(Suite::all_of_dtls13()[0]);
            saved.link.peer.window = ReplayWindow::from_parts(next, 1);
            assert_eq!(Saved::read(&bytes(&saved)).is_some(), is_read, "{next}");
        }
        for (epoch, is_read) in
            [(DATA_EPOCH - 1, false), (DATA_EPOCH, true), (EPOCH_LIMIT - 1, true), (EPOCH_LIMIT, false)]
        {
            let [mut own, mut peer] = [saved(Suite::all_of_dtls13()[0]), saved(Suite::all_of_dtls13()[0])];
            (own.link.own.epoch, peer.link.peer.epoch) = (epoch, epoch);
            assert_eq!([own, peer].map(|saved| Saved::read(&bytes(&saved)).is_some()), [is_read; 2], "{epoch}");
        }
    }

    #[test]
    fn connection_ids_go_along() {
        let id = |length: usize| ConnectionId::new(&vec![7; length]).unwrap();
        let mut saved = saved(Suite::all_of_dtls13()[0]);
        saved.link.ids = Some(ConnectionIds::new(&id(8), &id(0), true));
        let written = bytes(&saved);
        let read = Saved::read(&written).unwrap();
        assert_eq!((bytes(&read), read.connection_ids()), (written.clone(), saved.connection_ids()));
        assert!((0..written.len()).all(|length| Saved::read(&written[..length]).is_none()));
    }

    #[test]
    fn other_suites_flags_epochs_and_numbers_are_refused() {
        let written = bytes(&saved(Suite::all_of_dtls13()[0]));
        // Suite; a flag; both epochs, too low and too high; a number beyond what its key may seal.
        for (at, value) in [(0, 0xc0), (2, 32), (10, 2), (26, 1), (3, 1), (19, 1), (11, 1)] {
            let mut other = written.clone();
            other[at] = value;
            assert!(Saved::read(&other).is_none(), "{at}");
        }
    }

    /// That of a copy whose owner stays below this number.
    fn reserved(owner: u8, limit: u64) -> Saved {
        let mut saved = saved(Suite::all_of_dtls13()[0]);
        saved.link.reserved = Reserved::new(owner, limit);
        saved
    }

    #[test]
    fn what_is_reserved_goes_along_and_is_never_less_than_what_is_used() {
        let saved = reserved(5, 0x1_2000);
        let written = bytes(&saved);
        let read = Saved::read(&written).unwrap();
        assert_eq!((bytes(&read), read.bound()), (written.clone(), Some(Bound { epoch: 3, number: 0x1_2000 })));
        assert!((0..written.len()).all(|length| Saved::read(&written[..length]).is_none()));
        assert!(Saved::read(&bytes(&reserved(5, 0x1_0000))).is_some());
        for (owner, limit) in [(5, 0xffff), (5, u64::MAX), (5, 1 << 40)] {
            assert!(Saved::read(&bytes(&reserved(owner, limit))).is_none(), "{owner} {limit}");
        }
        // An owner that there cannot be.
        let mut other = written;
        other[2 + 1 + 6 * 8] = 128;
        assert!(Saved::read(&other).is_none());
    }

    #[test]
    fn who_takes_over_begins_beyond_what_its_predecessor_may_use() {
        assert!(saved(Suite::all_of_dtls13()[0]).succeed().is_err());
        let first = reserved(0, 0x1_2000);
        let second = first.succeed().unwrap();
        assert_eq!(second.link.own.next, 0x1_2000);
        assert!(second.bound() > first.bound());
        assert_eq!(second.link.reserved.map(|reserved| reserved.owner), Some(1));
        assert!(Saved::read(&bytes(&second)).is_some());
        assert!(reserved(127, 0x1_2000).succeed().is_err());
        assert!(reserved(0, 23_726_500).succeed().is_err());
    }
}
