//! Datagrams on their way out of an engine.

/// Datagrams that an engine wrote, in order, in one allocation that its owner uses again and again.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Outbox {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all datagrams.
    pub(crate) fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Number of datagrams.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn first(&self) -> Option<&[u8]> {
        self.bytes.get(..*self.ends.first()?)
    }

    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, &end)| self.bytes.get(start..end))
    }

    /// The datagrams one behind the other, and where each of them ends: what an engine appends to.
    pub(super) fn parts_mut(&mut self) -> (&mut Vec<u8>, &mut Vec<usize>) {
        (&mut self.bytes, &mut self.ends)
    }
}
