//! An association that sleeps: what it needs to go on, in one piece that lies where the association itself would have its place. A
//! crowd of silent connections has little else, and memory of its own for each part would keep a page alive for each of them.

use super::association::{Association, Stage};
use super::client_sessions::Remembering;
use super::flight::Pace;
use super::link::{Link, Rest};
use super::numbers::{HANDSHAKE_EPOCH, ReplayWindow};
use super::open::Open;
use super::proof::OwnProof;
use super::protection::Opener;
use super::reservation::{Reserved, is_enough};
use super::saved::{SavedLink, SavedOpener, SavedSealer};
use super::suite::algorithm;
use crate::tls::algorithms::Algorithms;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::ffi::aead::Algorithm;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::tls::finished::Finished;
use crate::tls::saved::SessionId;
use crate::tls::suites::Suite;
use crate::wire::CertificateType;
use std::num::NonZeroU8;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What an association needs to wake up as it was.
pub(crate) struct Asleep {
    secrets: Secrets,
    suite: &'static Suite,
    algorithm: Algorithm,
    is_client: bool,
    client_random: [u8; 32],
    has_finished: bool,
    algorithms: Algorithms,
    own: Option<(Arc<OwnProof>, CertificateType)>,
    remembering: Option<Arc<Remembering>>,
    session_id: Option<Box<SessionId>>,
    pace: Arc<Pace>,
    ids: Option<ConnectionIds>,
    own_epoch: u64,
    own_next: u64,
    /// Which owner we are, if a store has a copy, and how many numbers are left to us then: no more than a copy reserves.
    owner: Option<NonZeroU8>,
    own_left: u16,
    peer_epoch: u64,
    heard: Heard,
    /// In the epoch of the handshake.
    heard_before: Heard,
    /// Whether that was here.
    hears_handshake: bool,
    own_message: u16,
    peer_message: u16,
    has_logged: bool,
    /// Records of no use that it has heard in its sleep.
    pub(super) disturbances: u8,
}

/// Records that have come in one epoch, and how many of them were forged.
#[derive(Clone, Copy)]
struct Heard(ReplayWindow, u64);

impl Asleep {
    /// `None` during a handshake, and while something is under way.
    pub(super) fn of(association: &Association) -> Option<Asleep> {
        let open = match &association.stage {
            Stage::Open(open) if open.is_settled() => open,
            _ => return None,
        };
        let suite = Suite::all_of_dtls13().iter().find(|suite| **suite == open.suite)?;
        let algorithm = algorithm(*suite)?;
        let (link, rest) = association.link.sleep()?;
        let SavedLink { own, peer, own_message, peer_message, ids, reserved } = link;
        let Rest { pace, before, has_logged } = rest;
        let hash = open.exporter.hash();
        let nothing = Digest::zeros(hash);
        let (finished, has_finished) = match &open.finished {
            Some(Finished { own, peer }) => ([Digest::from_bytes(hash, own)?, Digest::from_bytes(hash, peer)?], true),
            None => ([nothing.clone(), nothing.clone()], false),
        };
        let hears_handshake = before.is_some();
        let before = before.unwrap_or_else(|| Opener::new(algorithm, nothing, HANDSHAKE_EPOCH).save());
        let secrets = [&own.secret, &peer.secret, &before.secret, &open.exporter, &finished[0], &finished[1]];
        Some(Asleep {
            secrets: Secrets::new(hash, secrets),
            suite,
            algorithm,
            is_client: open.is_client,
            client_random: association.client_random,
            has_finished,
            algorithms: open.algorithms,
            own: open.own.clone(),
            remembering: open.remembering.clone(),
            session_id: open.session_id.clone(),
            pace,
            ids,
            own_epoch: own.epoch,
            own_next: own.next,
            owner: reserved.and_then(|reserved| NonZeroU8::new(reserved.owner + 1)),
            own_left: u16::try_from(reserved.map_or(own.next, |reserved| reserved.limit) - own.next)
                .unwrap_or(u16::MAX),
            peer_epoch: peer.epoch,
            heard: Heard(peer.window, peer.forgeries),
            heard_before: Heard(before.window, before.forgeries),
            hears_handshake,
            own_message,
            peer_message,
            has_logged,
            disturbances: 0,
        })
    }

    /// The association as it was. Its keys are made when it needs them.
    pub(super) fn wake(&self) -> Association {
        let [own, peer, before, exporter, own_finished, peer_finished] = self.secrets.digests();
        let opener = |secret, epoch, Heard(window, forgeries)| SavedOpener { secret, epoch, window, forgeries };
        let link = SavedLink {
            own: SavedSealer { secret: own, epoch: self.own_epoch, next: self.own_next },
            peer: opener(peer, self.peer_epoch, self.heard),
            own_message: self.own_message,
            peer_message: self.peer_message,
            ids: self.ids.clone(),
            reserved: self
                .owner
                .and_then(|owner| Reserved::new(owner.get() - 1, self.own_next + u64::from(self.own_left))),
        };
        let rest = Rest {
            pace: Arc::clone(&self.pace),
            before: self.hears_handshake.then(|| opener(before, HANDSHAKE_EPOCH, self.heard_before)),
            has_logged: self.has_logged,
        };
        let mut open = Open::going_on(self.is_client, *self.suite, exporter);
        open.finished = self.has_finished.then(|| Finished::new(&own_finished, &peer_finished));
        open.algorithms = self.algorithms;
        open.own.clone_from(&self.own);
        open.remembering.clone_from(&self.remembering);
        open.session_id.clone_from(&self.session_id);
        let link = Link::wake(self.algorithm, link, rest);
        Association { link, ..Association::new(&self.pace, Stage::Open(Box::new(open)), self.client_random) }
    }

    /// See [`Link::lacks_numbers`].
    pub(super) fn lacks_numbers(&self) -> bool {
        self.owner.is_some() && !is_enough(self.own_left.into())
    }

    /// The connection ID that the peer's records have; empty without one.
    pub(super) fn own_id(&self) -> &[u8] {
        self.ids.as_ref().map_or(&[], ConnectionIds::own)
    }

    /// Our own certificate, DER, if we have shown one.
    pub(super) fn own_certificate(&self) -> Option<&[u8]> {
        self.own.as_ref().and_then(|(own, kind)| own.shown(*kind))
    }
}

/// How many secrets an association has: for our records, for the peer's, for the peer's in the handshake, and the exporter's. Both
/// Finished messages are as long, and stand behind them.
const SECRETS: usize = 6;

/// Those of SHA-256, which most associations have, need no memory of their own.
enum Secrets {
    Sha256(Zeroizing<[[u8; 32]; SECRETS]>),
    Sha384(Box<Zeroizing<[[u8; 48]; SECRETS]>>),
}

impl Secrets {
    /// All of them as long as the hash.
    fn new(hash: Hash, digests: [&Digest; SECRETS]) -> Secrets {
        match hash {
            Hash::Sha256 => Secrets::Sha256(Zeroizing::new(digests.map(array))),
            Hash::Sha384 => Secrets::Sha384(Box::new(Zeroizing::new(digests.map(array)))),
        }
    }

    fn digests(&self) -> [Digest; SECRETS] {
        match self {
            Secrets::Sha256(secrets) => secrets.each_ref().map(|secret| digest(Hash::Sha256, secret)),
            Secrets::Sha384(secrets) => secrets.each_ref().map(|secret| digest(Hash::Sha384, secret)),
        }
    }
}

fn array<const LENGTH: usize>(digest: &Digest) -> [u8; LENGTH] {
    digest.first_chunk().copied().unwrap_or([0; LENGTH])
}

fn digest(hash: Hash, bytes: &[u8]) -> Digest {
    Digest::from_bytes(hash, bytes).unwrap_or_else(|| Digest::zeros(hash))
}
