//! Bytes of a message, read from its beginning to its end.

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, eight at most.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        u16::try_from(self.number(2)?).ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.number(4)?).ok()
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.number(8)
    }

    /// The content of a vector that has its length in so many bytes before it.
    pub(crate) fn vector(&mut self, length_bytes: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(length_bytes)?).ok()?;
        self.take(length)
    }

    /// `None` when something follows.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_vectors_are_read_to_the_end_and_not_beyond() {
        let mut reader = Reader(&[1, 0, 2, 0, 0, 0, 3, 0, 2, 7, 8, 9]);
        assert_eq!((reader.u8(), reader.u16(), reader.u32()), (Some(1), Some(2), Some(3)));
        assert_eq!(reader.vector(2), Some(&[7, 8][..]));
        assert_eq!(reader.end(), None);
        assert_eq!((reader.u16(), reader.vector(1)), (None, None));
    }
}
