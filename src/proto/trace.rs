//! Lines about what happens, for whoever looks for a fault. A line costs nothing unless somebody has asked for its level, and
//! it never holds a secret.
//!
//! Levels, each with those before it: 1 failures; 2 the life of connections, alerts, and flights that are sent again; 3
//! messages of handshakes and the lengths of payloads; 4 datagrams, and what is dropped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Display;
use std::net::SocketAddr;

/// Lines that wait to be taken; the oldest give way.
const LINES_LIMIT: usize = 4096;

/// Bytes of an identity that are shown.
const IDENTITY_LIMIT: usize = 64;

/// What is shown of a peer that somebody watches: all but its datagrams.
const LEVEL_OF_WATCHED: u8 = 3;

pub(super) struct Trace {
    level: u8,
    role: &'static str,
    lines: VecDeque<String>,
    /// Who is at an address. Nothing is kept for level 0.
    identities: HashMap<SocketAddr, String>,
    /// Peers of which more is shown than of all.
    watched: HashSet<SocketAddr>,
}

impl Trace {
    pub(super) fn new(level: u8, role: &'static str) -> Trace {
        Trace { level, role, lines: VecDeque::new(), identities: HashMap::new(), watched: HashSet::new() }
    }

    pub(super) fn shows(&self, level: u8, remote: SocketAddr) -> bool {
        level <= self.level || level <= LEVEL_OF_WATCHED && !self.watched.is_empty() && self.watched.contains(&remote)
    }

    /// Shows more of whoever is at `remote`, until it is forgotten.
    pub(super) fn watch(&mut self, remote: SocketAddr) {
        self.watched.insert(remote);
    }

    /// A line about whoever is at `remote`. It is made only when somebody watches.
    pub(super) fn line<T: Display>(&mut self, level: u8, remote: SocketAddr, text: impl FnOnce() -> T) {
        if !self.shows(level, remote) {
            return;
        }
        if self.lines.len() == LINES_LIMIT {
            self.lines.pop_front();
        }
        let Trace { role, .. } = self;
        self.lines.push_back(match self.identities.get(&remote) {
            Some(identity) => format!("{role} {remote} {identity} {}", text()),
            None => format!("{role} {remote} {}", text()),
        });
    }

    /// Notes the PSK identity of a peer. It chooses the bytes, so that only those are shown that no terminal acts on.
    pub(super) fn identify(&mut self, remote: SocketAddr, identity: &[u8]) {
        if self.shows(1, remote) && !identity.is_empty() {
            let shown = identity.get(..IDENTITY_LIMIT).unwrap_or(identity);
            self.identities.insert(remote, format!("\"{}\"", shown.escape_ascii()));
        }
    }

    pub(super) fn rename(&mut self, old: SocketAddr, remote: SocketAddr) {
        if let Some(identity) = self.identities.remove(&old) {
            self.identities.insert(remote, identity);
        }
        if self.watched.remove(&old) {
            self.watched.insert(remote);
        }
    }

    pub(super) fn forget(&mut self, remote: SocketAddr) {
        self.identities.remove(&remote);
        self.watched.remove(&remote);
    }

    /// Peers that something is kept of.
    #[cfg(test)]
    pub(super) fn identities(&self) -> usize {
        self.identities.len() + self.watched.len()
    }

    pub(super) fn poll(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
