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

    /// Adds what is written behind the datagrams before it; nothing if that fails.
    #[cfg(feature = "aws-lc")]
    pub(super) fn append<Written, Failure>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Written, Failure>,
    ) -> Result<Written, Failure> {
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(_) => self.ends.push(self.bytes.len()),
            Err(_) => self.bytes.truncate(start),
        }
        written
    }

    /// Makes one datagram of the last two, if it is no longer than so many bytes.
    #[cfg(feature = "aws-lc")]
    pub(super) fn join_last(&mut self, limit: usize) {
        if let [.., second, last] = *self.ends.as_slice() {
            let start = self.ends.len().checked_sub(3).and_then(|at| self.ends.get(at)).copied().unwrap_or(0);
            if last - start <= limit {
                self.ends.retain(|&end| end != second);
            }
        }
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

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::*;

    #[test]
    fn what_fails_while_it_is_written_leaves_nothing_behind() {
        let mut out = Outbox::default();
        let mut write = |text: &[u8], result: Result<u8, u8>| {
            out.append(|bytes| {
                bytes.extend(text);
                result
            })
        };
        assert_eq!((write(b"one", Ok(1)), write(b"half", Err(7))), (Ok(1), Err(7)));
        out.push(b"two");
        assert_eq!(out.datagrams().collect::<Vec<_>>(), [&b"one"[..], b"two"]);
    }

    #[test]
    fn the_last_two_datagrams_become_one_if_it_is_not_too_long() {
        let mut out = Outbox::default();
        out.join_last(100);
        out.push(b"one");
        out.join_last(100);
        out.push(b"two");
        out.push(b"three");
        out.join_last(7);
        assert_eq!(out.datagrams().collect::<Vec<_>>(), [&b"one"[..], b"two", b"three"]);
        out.join_last(8);
        assert_eq!(out.datagrams().collect::<Vec<_>>(), [&b"one"[..], b"twothree"]);
        out.join_last(100);
        assert_eq!(out.datagrams().collect::<Vec<_>>(), [b"onetwothree"]);
    }
}
