//! The extension max_fragment_length (RFC 6066 section 4).

/// Bytes of plaintext in a record, by the RFC's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxFragmentLength(u8);

impl MaxFragmentLength {
    /// 512, 1024, 2048 or 4096.
    pub(crate) fn from_bytes(bytes: u16) -> Option<MaxFragmentLength> {
        (1..=4).map(MaxFragmentLength).find(|length| length.bytes() == bytes)
    }

    /// `None` for 0, which stands for no limit, and for a number that does not exist.
    pub(crate) fn from_code(code: u8) -> Option<MaxFragmentLength> {
        (1..=4).contains(&code).then_some(MaxFragmentLength(code))
    }

    pub(crate) fn bytes(self) -> u16 {
        256 << self.0
    }

    pub(crate) fn code(self) -> u8 {
        self.0
    }
}
