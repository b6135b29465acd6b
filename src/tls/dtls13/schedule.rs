//! The key schedule (RFC 8446 section 7.1) with the labels of DTLS 1.3 (RFC 9147 section 5.9).

use super::hkdf::MacKey;
use crate::tls::ffi::Refused;
use crate::tls::ffi::hash::{Digest, Hash};

/// RFC 9147 section 5.9: without the space that TLS has at the end of its own.
const PREFIX: &[u8] = b"dtls13";

/// Bytes of a label without its prefix, at most: the label with it has its length in one byte.
pub(super) const LABEL_LIMIT: usize = u8::MAX as usize - PREFIX.len();

/// HKDF-Expand-Label. `Refused` for labels and contexts without room for their lengths.
pub(super) fn expand_label(key: &MacKey, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Refused> {
    let length = u16::try_from(out.len()).map_err(|_| Refused)?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).map_err(|_| Refused)?];
    let context_length = [u8::try_from(context.len()).map_err(|_| Refused)?];
    key.expand(&[&length, &label_length, PREFIX, label, &context_length, context], out)
}

/// A secret as long as the hash, from another one: Derive-Secret, with the hash of the messages as `context`.
pub(super) fn derive(secret: &Digest, label: &[u8], context: &[u8]) -> Result<Digest, Refused> {
    derive_with(&MacKey::of(secret), label, context)
}

fn derive_with(key: &MacKey, label: &[u8], context: &[u8]) -> Result<Digest, Refused> {
    let mut derived = Digest::zeros(key.hash());
    expand_label(key, label, context, derived.as_mut())?;
    Ok(derived)
}

/// The Early Secret, Handshake Secret or Master Secret, by how often it has advanced.
pub(super) struct Schedule(MacKey);

impl Schedule {
    /// `psk`: the pre-shared key.
    pub(super) fn early(hash: Hash, psk: &[u8]) -> Schedule {
        Schedule::extract(&Digest::zeros(hash), psk)
    }

    fn extract(salt: &Digest, input: &[u8]) -> Schedule {
        Schedule(MacKey::of(&MacKey::of(salt).mac(&[input])))
    }

    /// From early to handshake with the secret of the key exchange, and from handshake to master with none.
    pub(super) fn advance(&self, input: Option<&[u8]>) -> Result<Schedule, Refused> {
        let hash = self.0.hash();
        let salt = self.derive(b"derived", &hash.of(&[]))?;
        Ok(Schedule::extract(&salt, input.unwrap_or(&Digest::zeros(hash))))
    }

    pub(super) fn derive(&self, label: &[u8], transcript: &Digest) -> Result<Digest, Refused> {
        derive_with(&self.0, label, transcript)
    }

    /// As [`binder`], of the Early Secret.
    pub(super) fn binder(&self, origin: Origin, transcript: &Digest) -> Result<Digest, Refused> {
        let label: &[u8] = match origin {
            Origin::External => b"ext binder",
            Origin::Session => b"res binder",
        };
        finished(&self.derive(label, &transcript.hash().of(&[]))?, transcript)
    }
}

/// What is in a Finished message (RFC 8446 section 4.4.4). `base`: the sender's handshake traffic secret.
pub(super) fn finished(base: &Digest, transcript: &Digest) -> Result<Digest, Refused> {
    Ok(MacKey::of(&derive(base, b"finished", &[])?).mac(&[transcript]))
}

/// Where a pre-shared key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The application.
    External,
    /// An earlier handshake.
    Session,
}

/// The proof that a client has a pre-shared key (RFC 8446 section 4.2.11.2). `transcript`: of the messages up to the ClientHello,
/// which ends before its proofs.
pub(super) fn binder(origin: Origin, psk: &[u8], transcript: &Digest) -> Result<Digest, Refused> {
    Schedule::early(transcript.hash(), psk).binder(origin, transcript)
}

/// The pre-shared key of a session (RFC 8446 section 4.6.1). `resumption`: the resumption_master_secret. `nonce`: of its ticket.
pub(super) fn session_key(resumption: &Digest, nonce: &[u8]) -> Result<Digest, Refused> {
    derive(resumption, b"resumption", nonce)
}

/// The traffic secret after a KeyUpdate (RFC 8446 section 7.2).
pub(super) fn next_generation(traffic: &Digest) -> Result<Digest, Refused> {
    derive(traffic, b"traffic upd", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// The Early Secret has no label: RFC 8448 section 3 has it for TLS 1.3 and an absent key, which is as many zeros.
    #[test]
    fn the_early_secret_is_that_of_rfc_8448() {
        let early = bytes("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
        let derived = |schedule: Schedule| schedule.derive(b"label", &Hash::Sha256.of(b"messages")).unwrap();
        let expected = Schedule(MacKey::new(Hash::Sha256, &early));
        assert!(derived(Schedule::early(Hash::Sha256, &[0; 32])) == derived(expected));
    }

    /// Of the labels, only the prefix differs from TLS 1.3's: written out by hand here.
    #[test]
    fn labels_have_the_prefix_of_dtls() {
        let secret = MacKey::of(&Hash::Sha256.of(b"secret"));
        let mut expected = [0; 16];
        let info = [&[0, 16, 9][..], b"dtls13key", &[2, 7, 8]].concat();
        secret.expand(&[&info], &mut expected).unwrap();
        let mut key = [0; 16];
        expand_label(&secret, b"key", &[7, 8], &mut key).unwrap();
        assert_eq!(key, expected);
    }

    #[test]
    fn what_proves_one_kind_of_key_does_not_prove_the_other() {
        let (key, transcript) = ([7; 32], Hash::Sha256.of(b"hello"));
        let proof = |origin| binder(origin, &key, &transcript).unwrap();
        assert_ne!(proof(Origin::External)[..], proof(Origin::Session)[..]);
    }

    #[test]
    fn labels_and_contexts_without_room_are_refused() {
        let secret = Hash::Sha384.of(b"secret");
        assert!(derive(&secret, &[b'a'; LABEL_LIMIT], &[0; 255]).is_ok());
        assert!(derive(&secret, &[b'a'; LABEL_LIMIT + 1], &[]).is_err());
        assert!(derive(&secret, b"a", &[0; 256]).is_err());
        assert!(expand_label(&MacKey::of(&secret), b"a", &[], &mut vec![0; 0x1_0000]).is_err());
    }
}
