//! What counts as if it had never come: it is counted, by reason, and shown to whoever watches.

use super::Endpoint;
use crate::tls::DropReason;
use crate::wire::{Record, describe};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Drops that wait to be told; the oldest give way, because strangers can cause them faster than anybody looks at them.
const DROPS_LIMIT: usize = 1024;

/// Something that was dropped.
#[derive(Debug)]
pub(crate) struct Dropped {
    pub(crate) remote: SocketAddr,
    pub(crate) reason: DropReason,
    /// Records; for [`DropReason::NoRecord`], datagrams.
    pub(crate) count: usize,
}

/// Drops for somebody who watches; `None` when nobody does.
#[derive(Default)]
pub(super) struct Drops(Option<VecDeque<Dropped>>);

impl Drops {
    fn push(&mut self, dropped: Dropped) {
        if let Drops(Some(queue)) = self {
            if queue.len() == DROPS_LIMIT {
                queue.pop_front();
            }
            queue.push_back(dropped);
        }
    }
}

impl Endpoint {
    /// Whether [`Endpoint::poll_drop`] is to say what is dropped.
    pub(crate) fn watch_drops(&mut self, watches: bool) {
        self.drops = Drops(watches.then(|| self.drops.0.take().unwrap_or_default()));
    }

    /// The next thing that was dropped.
    pub(crate) fn poll_drop(&mut self) -> Option<Dropped> {
        self.drops.0.as_mut()?.pop_front()
    }

    /// Whether [`Endpoint::poll_drop`] has something.
    pub(crate) fn has_drop(&self) -> bool {
        self.drops.0.as_ref().is_some_and(|queue| !queue.is_empty())
    }

    pub(super) fn drop_record(&mut self, remote: SocketAddr, reason: DropReason, record: &Record<'_>) {
        self.note_drops(remote, reason, 1);
        self.outputs.trace.line(4, remote, || {
            let number = u64::from_be_bytes(record.number()) & 0xffff_ffff_ffff;
            format!("-> dropped ({}): record {number} of epoch {}, {}", reason.name(), record.epoch, describe(record))
        });
    }

    pub(super) fn drop_records(&mut self, remote: SocketAddr, reason: DropReason, count: usize) {
        if count > 0 {
            self.note_drops(remote, reason, count);
            self.outputs.trace.line(4, remote, || format!("-> {count} records dropped ({})", reason.name()));
        }
    }

    /// A datagram without any record.
    pub(super) fn drop_noise(&mut self, remote: SocketAddr, length: usize) {
        self.note_drops(remote, DropReason::NoRecord, 1);
        self.outputs.trace.line(4, remote, || format!("-> datagram dropped: {length} bytes are no records"));
    }

    fn note_drops(&mut self, remote: SocketAddr, reason: DropReason, count: usize) {
        self.counters.count_drops(reason, count);
        self.drops.push(Dropped { remote, reason, count });
    }
}
