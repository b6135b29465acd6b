//! Secrets that are kept for a long time, and go in the order in which they came. They lie one behind the other: one by one, each
//! would hold a place between what a handshake gives back, and the allocator would have to look for other places from then on.

use std::collections::VecDeque;
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are asked for together.
const CHUNK: usize = 8192;

/// Where one stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Of all chunks that there have been.
    chunk: usize,
    start: usize,
    length: usize,
}

#[derive(Default)]
pub(super) struct SecretQueue {
    chunks: VecDeque<Zeroizing<Vec<u8>>>,
    /// Chunks that are gone.
    gone: usize,
}

impl SecretQueue {
    /// Keeps a copy behind all others.
    pub(super) fn push(&mut self, secret: &[u8]) -> Place {
        let has_room = |chunk: &Zeroizing<Vec<u8>>| chunk.len() + secret.len() <= chunk.capacity();
        if !self.chunks.back().is_some_and(has_room) {
            // It never grows, so that no copy is left behind.
            self.chunks.push_back(Zeroizing::new(Vec::with_capacity(CHUNK.max(secret.len()))));
        }
        let chunk = self.gone + self.chunks.len() - 1;
        let start = self.chunks.back_mut().map_or(0, |last| {
            last.extend_from_slice(secret);
            last.len() - secret.len()
        });
        Place { chunk, start, length: secret.len() }
    }

    pub(super) fn get(&self, place: Place) -> Option<&[u8]> {
        self.chunks.get(place.chunk.checked_sub(self.gone)?)?.get(place.start..place.start + place.length)
    }

    /// Wipes one, whose room stays taken until all before it have gone.
    pub(super) fn wipe(&mut self, place: Place) {
        let chunk = place.chunk.checked_sub(self.gone).and_then(|index| self.chunks.get_mut(index));
        if let Some(secret) = chunk.and_then(|chunk| chunk.get_mut(place.start..place.start + place.length)) {
            secret.zeroize();
        }
    }

    /// Wipes the oldest one, and gives back what stands before it.
    pub(super) fn pop(&mut self, oldest: Place) {
        self.wipe(oldest);
        while self.gone < oldest.chunk && self.chunks.pop_front().is_some() {
            self.gone += 1;
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity()).sum()
    }
}
