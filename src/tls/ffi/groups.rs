//! Key exchange as TLS 1.3 has it (RFC 8446 sections 4.2.8 and 7.4): over X25519 (RFC 7748), P-256 and P-384, and over X25519
//! together with ML-KEM-768 (draft-ietf-tls-ecdhe-mlkem), of which either alone would keep the secret.

use super::kem::{self, DecapsulationKey};
use super::{Refused, check};
use aws_lc_sys as lc;
use std::ptr::{NonNull, null, null_mut};
use zeroize::Zeroizing;

/// Bytes of a key or a secret of X25519.
const X25519_LENGTH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    X25519MlKem768,
    X25519,
    P256,
    P384,
}

impl Group {
    /// The one that outlasts quantum computers first, then the cheapest.
    pub(crate) const ALL: [Group; 4] = [Group::X25519MlKem768, Group::X25519, Group::P256, Group::P384];

    /// IANA's number.
    pub(crate) fn id(self) -> u16 {
        match self {
            Group::X25519MlKem768 => 4588,
            Group::X25519 => 29,
            Group::P256 => 23,
            Group::P384 => 24,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Group> {
        Group::ALL.into_iter().find(|group| group.id() == id)
    }

    /// Those of IANA's numbers that are known here, each once.
    pub(crate) fn of(ids: &[u16]) -> Vec<Group> {
        let mut groups = Vec::new();
        for group in ids.iter().filter_map(|&id| Group::from_id(id)) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// Whether its public values are longer than a hello in one datagram has room for.
    pub(crate) fn is_long(self) -> bool {
        self == Group::X25519MlKem768
    }
}

/// A secret that both sides have computed.
pub(crate) type SharedSecret = Zeroizing<Vec<u8>>;

/// A key pair that is used once.
pub(crate) struct KeyShare {
    group: Group,
    public: Vec<u8>,
    private: Private,
}

enum Private {
    X25519(X25519),
    Ec(EcKey),
    Hybrid(DecapsulationKey, X25519),
}

impl KeyShare {
    /// A client's.
    pub(crate) fn generate(group: Group) -> Result<KeyShare, Refused> {
        let (public, private) = match group {
            Group::X25519 => {
                let (private, public) = X25519::generate()?;
                (public, Private::X25519(private))
            }
            Group::P256 | Group::P384 => {
                let key = EcKey::new(Curve::of(group)?)?;
                // SAFETY: a key with a group.
                check(unsafe { lc::EC_KEY_generate_key(key.raw.as_ptr()) })?;
                (key.public()?, Private::Ec(key))
            }
            Group::X25519MlKem768 => {
                let (key, mut public) = DecapsulationKey::generate()?;
                let (private, classic) = X25519::generate()?;
                public.extend(classic);
                (public, Private::Hybrid(key, private))
            }
        };
        Ok(KeyShare { group, public, private })
    }

    /// A server's public value in answer to a client's, and the secret that the two share. `Refused` as in `agree`.
    pub(crate) fn respond(group: Group, peer: &[u8]) -> Result<(Vec<u8>, SharedSecret), Refused> {
        if group == Group::X25519MlKem768 {
            let (key, classic) = peer.split_at_checked(kem::PUBLIC_LENGTH).ok_or(Refused)?;
            let (mut public, mut secret) = kem::seal(key)?;
            let (private, own) = X25519::generate()?;
            public.extend(own);
            secret = joined(&secret, &private.agree(classic)?);
            return Ok((public, secret));
        }
        let own = KeyShare::generate(group)?;
        let secret = own.agree(peer)?;
        Ok((own.public, secret))
    }

    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// What the peer is sent.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// The secret that is shared with the owner of `peer`. `Refused` for what is no public value of the group, and for points
    /// that would make the secret one that anybody knows (RFC 8446 sections 4.2.8.2 and 7.4.2).
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<SharedSecret, Refused> {
        match &self.private {
            Private::X25519(private) => private.agree(peer),
            Private::Ec(key) => key.agree(peer),
            Private::Hybrid(key, private) => {
                let (sealed, classic) = peer.split_at_checked(kem::SEALED_LENGTH).ok_or(Refused)?;
                Ok(joined(&key.open(sealed)?, &private.agree(classic)?))
            }
        }
    }
}

/// Both secrets in one place, of which no copy is left behind.
fn joined(first: &[u8], second: &[u8]) -> SharedSecret {
    let mut both = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both
}

/// A private key of X25519.
struct X25519(Zeroizing<[u8; X25519_LENGTH]>);

impl X25519 {
    /// With its public half. The operating system's random numbers cost less than AWS-LC's, which takes a tenth of a second to
    /// gather entropy before the first of its own.
    fn generate() -> Result<(X25519, Vec<u8>), Refused> {
        let (mut public, mut private) = (vec![0; X25519_LENGTH], Zeroizing::new([0; X25519_LENGTH]));
        getrandom::fill(&mut *private).map_err(|_| Refused)?;
        // SAFETY: 32 bytes each. Whatever they are, they are a private key (RFC 7748 section 5).
        unsafe { lc::X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
        Ok((X25519(private), public))
    }

    fn agree(&self, peer: &[u8]) -> Result<SharedSecret, Refused> {
        let mut secret = Zeroizing::new(vec![0; X25519_LENGTH]);
        if peer.len() != X25519_LENGTH {
            return Err(Refused);
        }
        // SAFETY: 32 bytes each. A secret of zeros is refused.
        check(unsafe { lc::X25519(secret.as_mut_ptr(), self.0.as_ptr(), peer.as_ptr()) })?;
        Ok(secret)
    }
}

/// A curve of NIST.
#[derive(Clone, Copy)]
struct Curve {
    /// AWS-LC's number.
    number: i32,
    /// Bytes of a coordinate, of which a secret is one.
    coordinate: usize,
}

impl Curve {
    fn of(group: Group) -> Result<Curve, Refused> {
        match group {
            Group::P256 => Ok(Curve { number: lc::NID_X9_62_prime256v1, coordinate: 32 }),
            Group::P384 => Ok(Curve { number: lc::NID_secp384r1, coordinate: 48 }),
            Group::X25519 | Group::X25519MlKem768 => Err(Refused),
        }
    }

    /// Bytes of an uncompressed point.
    fn point(self) -> usize {
        1 + 2 * self.coordinate
    }
}

/// A key on a curve.
struct EcKey {
    curve: Curve,
    raw: NonNull<lc::EC_KEY>,
}

// SAFETY: the key is owned, and belongs to no thread.
unsafe impl Send for EcKey {}

impl Drop for EcKey {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; the private key is wiped.
        unsafe { lc::EC_KEY_free(self.raw.as_ptr()) };
    }
}

/// A number, which may be secret.
struct Number(NonNull<lc::BIGNUM>);

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: made in `EcKey::agree`, freed once.
        unsafe { lc::BN_clear_free(self.0.as_ptr()) };
    }
}

/// A point of a curve.
struct EcPoint(NonNull<lc::EC_POINT>);

impl Drop for EcPoint {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; AWS-LC wipes what it frees.
        unsafe { lc::EC_POINT_free(self.0.as_ptr()) };
    }
}

impl EcKey {
    /// A key without a point.
    fn new(curve: Curve) -> Result<EcKey, Refused> {
        // SAFETY: a new key, or null.
        let raw = NonNull::new(unsafe { lc::EC_KEY_new_by_curve_name(curve.number) }).ok_or(Refused)?;
        Ok(EcKey { curve, raw })
    }

    fn group(&self) -> *const lc::EC_GROUP {
        // SAFETY: the key is alive; the group lives as long.
        unsafe { lc::EC_KEY_get0_group(self.raw.as_ptr()) }
    }

    fn public(&self) -> Result<Vec<u8>, Refused> {
        let length = self.curve.point();
        let mut public = vec![0; length];
        let form = lc::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED;
        // SAFETY: the key has a point; there is room for it.
        let written = unsafe {
            let point = lc::EC_KEY_get0_public_key(self.raw.as_ptr());
            lc::EC_POINT_point2oct(self.group(), point, form, public.as_mut_ptr(), length, null_mut())
        };
        check(i32::from(written == length))?;
        Ok(public)
    }

    /// From an uncompressed point, the only form that TLS 1.3 has (RFC 8446 section 4.2.8.2). It must be on the curve.
    fn from_public(curve: Curve, bytes: &[u8]) -> Result<EcKey, Refused> {
        if bytes.len() != curve.point() {
            return Err(Refused);
        }
        let key = EcKey::new(curve)?;
        // SAFETY: a new point, or null.
        let point = EcPoint(NonNull::new(unsafe { lc::EC_POINT_new(key.group()) }).ok_or(Refused)?);
        let raw = point.0.as_ptr();
        // SAFETY: the bytes are readable for their length; a point off the curve is refused.
        check(unsafe { lc::EC_POINT_oct2point(key.group(), raw, bytes.as_ptr(), bytes.len(), null_mut()) })?;
        // SAFETY: both are alive; the point is copied.
        check(unsafe { lc::EC_KEY_set_public_key(key.raw.as_ptr(), raw) })?;
        Ok(key)
    }

    fn agree(&self, peer: &[u8]) -> Result<SharedSecret, Refused> {
        let peer = EcKey::from_public(self.curve, peer)?;
        let (group, length) = (self.group(), self.curve.coordinate);
        let mut secret = Zeroizing::new(vec![0; length]);
        // SAFETY: a new point, or null.
        let product = EcPoint(NonNull::new(unsafe { lc::EC_POINT_new(group) }).ok_or(Refused)?);
        // SAFETY: a new number, or null.
        let x = Number(NonNull::new(unsafe { lc::BN_new() }).ok_or(Refused)?);
        // `ECDH_compute_key` does no more than this, and reads from nowhere where it gets no memory.
        // SAFETY: both keys are alive, and have what is asked for; infinity has no coordinates and fails.
        check(unsafe {
            let point = lc::EC_KEY_get0_public_key(peer.raw.as_ptr());
            let own = lc::EC_KEY_get0_private_key(self.raw.as_ptr());
            lc::EC_POINT_mul(group, product.0.as_ptr(), null(), point, own, null_mut())
        })?;
        // SAFETY: all objects are alive; the secret has the length of a coordinate.
        check(unsafe {
            let (product, x) = (product.0.as_ptr(), x.0.as_ptr());
            lc::EC_POINT_get_affine_coordinates_GFp(group, product, x, null_mut(), null_mut())
        })?;
        // SAFETY: as above.
        check(unsafe { lc::BN_bn2bin_padded(secret.as_mut_ptr(), length, x.0.as_ptr()) })?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_the_same_secret() {
        for group in Group::ALL {
            let client = KeyShare::generate(group).unwrap();
            assert_eq!(Group::from_id(client.group().id()), Some(group));
            let (answer, secret) = KeyShare::respond(group, client.public()).unwrap();
            assert_eq!(*client.agree(&answer).unwrap(), *secret, "{group:?}");
            let (_, other) = KeyShare::respond(group, KeyShare::generate(group).unwrap().public()).unwrap();
            assert_ne!(*secret, *other, "{group:?}");
            for length in [0, answer.len() - 1] {
                assert!(client.agree(&answer[..length]).is_err(), "{group:?}");
            }
            let public = client.public();
            for bytes in [&public[1..], &[public, &[0]].concat(), &[]] {
                assert!(KeyShare::respond(group, bytes).is_err(), "{group:?}");
            }
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

    #[test]
    fn half_of_a_hybrid_secret_is_not_left_to_the_peer() {
        let client = KeyShare::generate(Group::X25519MlKem768).unwrap();
        let mut public = client.public().to_vec();
        // A point of small order behind a good key of ML-KEM.
        public[kem::PUBLIC_LENGTH..].fill(0);
        assert!(KeyShare::respond(Group::X25519MlKem768, &public).is_err());
    }
}
