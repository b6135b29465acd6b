//! Key exchange over X25519 (RFC 7748) and P-256, as TLS 1.3 has it (RFC 8446 sections 4.2.8 and 7.4.2).

use super::{Refused, check};
use aws_lc_sys as lc;
use std::ptr::{NonNull, null_mut};
use zeroize::Zeroizing;

/// Bytes of a secret, or of a coordinate, in both groups.
const SECRET_LENGTH: usize = 32;

/// Bytes of an uncompressed point of P-256.
const POINT_LENGTH: usize = 65;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    X25519,
    P256,
}

impl Group {
    pub(crate) const ALL: [Group; 2] = [Group::X25519, Group::P256];

    /// IANA's number.
    pub(crate) fn id(self) -> u16 {
        match self {
            Group::X25519 => 29,
            Group::P256 => 23,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Group> {
        Group::ALL.into_iter().find(|group| group.id() == id)
    }
}

/// A secret that both sides have computed.
pub(crate) type SharedSecret = Zeroizing<[u8; SECRET_LENGTH]>;

/// A key pair that is used once.
pub(crate) struct KeyShare {
    public: Vec<u8>,
    private: Private,
}

enum Private {
    X25519(Zeroizing<[u8; SECRET_LENGTH]>),
    P256(EcKey),
}

impl KeyShare {
    pub(crate) fn generate(group: Group) -> Result<KeyShare, Refused> {
        match group {
            Group::X25519 => {
                let (mut public, mut private) = (vec![0; SECRET_LENGTH], Zeroizing::new([0; SECRET_LENGTH]));
                // SAFETY: there is room for 32 bytes each.
                unsafe { lc::X25519_keypair(public.as_mut_ptr(), private.as_mut_ptr()) };
                Ok(KeyShare { public, private: Private::X25519(private) })
            }
            Group::P256 => {
                let key = EcKey::new()?;
                // SAFETY: a key with a group.
                check(unsafe { lc::EC_KEY_generate_key(key.0.as_ptr()) })?;
                Ok(KeyShare { public: key.public()?, private: Private::P256(key) })
            }
        }
    }

    pub(crate) fn group(&self) -> Group {
        match self.private {
            Private::X25519(_) => Group::X25519,
            Private::P256(_) => Group::P256,
        }
    }

    /// What the peer is sent.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// The secret that is shared with the owner of `peer`. `Refused` for what is no point of the group, and for points that
    /// would make the secret one that anybody knows (RFC 8446 sections 4.2.8.2 and 7.4.2).
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<SharedSecret, Refused> {
        let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
        match &self.private {
            Private::X25519(private) => {
                if peer.len() != SECRET_LENGTH {
                    return Err(Refused);
                }
                // SAFETY: 32 bytes each. A secret of zeros is refused.
                check(unsafe { lc::X25519(secret.as_mut_ptr(), private.as_ptr(), peer.as_ptr()) })?;
            }
            Private::P256(key) => {
                let peer = EcKey::from_public(peer)?;
                // SAFETY: both keys are alive; the output has the length of a coordinate.
                let written = unsafe {
                    let point = lc::EC_KEY_get0_public_key(peer.0.as_ptr());
                    lc::ECDH_compute_key(secret.as_mut_ptr().cast(), SECRET_LENGTH, point, key.0.as_ptr(), None)
                };
                check(i32::from(usize::try_from(written) == Ok(SECRET_LENGTH)))?;
            }
        }
        Ok(secret)
    }
}

/// A key on P-256.
struct EcKey(NonNull<lc::EC_KEY>);

// SAFETY: the key is owned, and belongs to no thread.
unsafe impl Send for EcKey {}

impl Drop for EcKey {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; the private key is wiped.
        unsafe { lc::EC_KEY_free(self.0.as_ptr()) };
    }
}

/// A point of P-256.
struct EcPoint(NonNull<lc::EC_POINT>);

impl Drop for EcPoint {
    fn drop(&mut self) {
        // SAFETY: made in `EcKey::from_public`, freed once.
        unsafe { lc::EC_POINT_free(self.0.as_ptr()) };
    }
}

impl EcKey {
    /// A key without a point.
    fn new() -> Result<EcKey, Refused> {
        // SAFETY: a new key, or null.
        NonNull::new(unsafe { lc::EC_KEY_new_by_curve_name(lc::NID_X9_62_prime256v1) }).map(EcKey).ok_or(Refused)
    }

    fn group(&self) -> *const lc::EC_GROUP {
        // SAFETY: the key is alive; the group lives as long.
        unsafe { lc::EC_KEY_get0_group(self.0.as_ptr()) }
    }

    fn public(&self) -> Result<Vec<u8>, Refused> {
        let mut public = vec![0; POINT_LENGTH];
        let form = lc::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED;
        // SAFETY: the key has a point; there is room for it.
        let written = unsafe {
            let point = lc::EC_KEY_get0_public_key(self.0.as_ptr());
            lc::EC_POINT_point2oct(self.group(), point, form, public.as_mut_ptr(), POINT_LENGTH, null_mut())
        };
        check(i32::from(written == POINT_LENGTH))?;
        Ok(public)
    }

    /// From an uncompressed point, the only form that TLS 1.3 has (RFC 8446 section 4.2.8.2). It must be on the curve.
    fn from_public(bytes: &[u8]) -> Result<EcKey, Refused> {
        if bytes.len() != POINT_LENGTH {
            return Err(Refused);
        }
        let key = EcKey::new()?;
        // SAFETY: a new point, or null.
        let point = EcPoint(NonNull::new(unsafe { lc::EC_POINT_new(key.group()) }).ok_or(Refused)?);
        let raw = point.0.as_ptr();
        // SAFETY: the bytes are readable for their length; a point off the curve is refused.
        check(unsafe { lc::EC_POINT_oct2point(key.group(), raw, bytes.as_ptr(), bytes.len(), null_mut()) })?;
        // SAFETY: both are alive; the point is copied.
        check(unsafe { lc::EC_KEY_set_public_key(key.0.as_ptr(), raw) })?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_the_same_secret() {
        for group in Group::ALL {
            let (client, server) = (KeyShare::generate(group).unwrap(), KeyShare::generate(group).unwrap());
            assert_eq!(Group::from_id(client.group().id()), Some(group));
            let secret = client.agree(server.public()).unwrap();
            assert_eq!(*secret, *server.agree(client.public()).unwrap());
            assert_ne!(*secret, *KeyShare::generate(group).unwrap().agree(client.public()).unwrap());
        }
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let on_curve = KeyShare::generate(Group::P256).unwrap().public().to_vec();
        let mut off_curve = on_curve.clone();
        off_curve[64] ^= 1;
        let mut compressed = on_curve[..33].to_vec();
        compressed[0] = 2;
        let own = KeyShare::generate(Group::P256).unwrap();
        for point in [&off_curve[..], &compressed, &on_curve[..64], &[0], &[], &[4; 65], &[0; 65]] {
            assert!(own.agree(point).is_err(), "{point:?}");
        }
        let own = KeyShare::generate(Group::X25519).unwrap();
        // A point of small order.
        for point in [&[0; 32][..], &[9; 31], &[9; 33], &[]] {
            assert!(own.agree(point).is_err(), "{point:?}");
        }
    }
}
