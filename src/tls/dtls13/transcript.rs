//! The hash of a handshake's messages (RFC 8446 section 4.4.1), each with the header of four bytes that TLS has: neither
//! message_seq nor fragments are hashed (RFC 9147 section 5.2).

use crate::tls::ffi::hash::{Digest, Hash, RunningHash};
use crate::wire::handshake::{CLIENT_HELLO, MESSAGE_HASH, SERVER_HELLO};
use crate::wire::u24;

/// All messages so far.
#[derive(Clone)]
pub(super) struct Transcript(RunningHash);

impl Transcript {
    pub(super) fn new(hash: Hash) -> Transcript {
        Transcript(RunningHash::new(hash))
    }

    /// After a HelloRetryRequest, whose body this is: a hash stands for the first ClientHello (RFC 8446 section 4.4.1).
    pub(super) fn after_retry(first_hello: &Digest, retry: &[u8]) -> Transcript {
        let mut transcript = Transcript::new(first_hello.hash());
        transcript.add(MESSAGE_HASH, first_hello);
        transcript.add(SERVER_HELLO, retry);
        transcript
    }

    pub(super) fn add(&mut self, kind: u8, body: &[u8]) {
        self.begin(kind, body.len());
        self.0.update(body);
    }

    fn begin(&mut self, kind: u8, length: usize) {
        let [high, middle, low] = u24(length);
        self.0.update(&[kind, high, middle, low]);
    }

    pub(super) fn hash(&self) -> Digest {
        self.0.finish()
    }

    /// The hash with a ClientHello of which the last `uncovered` bytes are left out, but for their part in its length (RFC 8446
    /// section 4.2.11.2), and the transcript with the whole of it.
    pub(super) fn with_hello(&self, hello: &[u8], uncovered: usize) -> (Digest, Transcript) {
        let (covered, rest) = hello.split_at(hello.len().saturating_sub(uncovered));
        let mut copy = self.clone();
        copy.begin(CLIENT_HELLO, hello.len());
        copy.0.update(covered);
        let hash = copy.hash();
        copy.0.update(rest);
        (hash, copy)
    }

    /// The hash alone.
    pub(super) fn hash_for_binder(&self, hello: &[u8], uncovered: usize) -> Digest {
        self.with_hello(hello, uncovered).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_count_with_type_and_length() {
        let mut transcript = Transcript::new(Hash::Sha256);
        transcript.add(CLIENT_HELLO, b"hello");
        assert!(*transcript.hash() == *Hash::Sha256.of(b"\x01\0\0\x05hello"));
        transcript.add(8, b"");
        assert!(*transcript.hash() == *Hash::Sha256.of(b"\x01\0\0\x05hello\x08\0\0\0"));
        assert!(
            *transcript.hash_for_binder(b"again!!", 2)
                == *Hash::Sha256.of(b"\x01\0\0\x05hello\x08\0\0\0\x01\0\0\x07again")
        );
        let (_, whole) = transcript.with_hello(b"again!!", 2);
        transcript.add(CLIENT_HELLO, b"again!!");
        assert!(whole.hash() == transcript.hash());
    }

    #[test]
    fn a_hash_stands_for_the_first_hello_after_a_retry() {
        let first = Hash::Sha256.of(b"\x01\0\0\x05hello");
        let expected = [&b"\xfe\0\0\x20"[..], &first, b"\x02\0\0\x05retry"].concat();
        assert!(*Transcript::after_retry(&first, b"retry").hash() == *Hash::Sha256.of(&expected));
    }
}
