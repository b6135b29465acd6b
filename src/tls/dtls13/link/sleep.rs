//! What a link needs to go on after a sleep, beside what it would need elsewhere.

use super::Link;
use crate::tls::dtls13::flight::Pace;
use crate::tls::dtls13::numbers::{HANDSHAKE_EPOCH, PLAINTEXT_EPOCH};
use crate::tls::dtls13::protection::Opener;
use crate::tls::dtls13::saved::{SavedLink, SavedOpener};
use crate::tls::ffi::aead::Algorithm;
use std::sync::Arc;

/// What stays in this process.
pub(in super::super) struct Rest {
    pub(in super::super) pace: Arc<Pace>,
    /// For handshake messages that the peer repeats because what we have said last was lost (RFC 9147 section 5.8.1).
    pub(in super::super) before: Option<SavedOpener>,
    /// Whether the newest secrets of both sides have been logged.
    pub(in super::super) has_logged: bool,
}

impl Link {
    /// `None` while something is under way, or a copy is due. Records of keys that a KeyUpdate has replaced are not understood after
    /// the sleep: they would be later than the silence before it is long.
    pub(in super::super) fn sleep(&self) -> Option<(SavedLink, Rest)> {
        let saved = self.save().filter(|_| self.copy_due().is_none())?;
        let before = self.openers.iter().find(|opener| opener.epoch() == HANDSHAKE_EPOCH).map(Opener::save);
        let has_logged = self.logged == [saved.own.epoch, saved.peer.epoch];
        Some((saved, Rest { pace: Arc::clone(&self.pace), before, has_logged }))
    }

    /// The link as it was before it slept.
    pub(in super::super) fn wake(algorithm: Algorithm, saved: SavedLink, rest: Rest) -> Link {
        let Rest { pace, before, has_logged } = rest;
        let mut link = Link::going_on(&pace, algorithm, saved, before);
        if !has_logged {
            link.logged = [PLAINTEXT_EPOCH; 2];
        }
        link
    }
}
