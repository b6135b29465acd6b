//! What a session is bound to beside names: a digest of the configuration that it was made under.
//!
//! A session says that the peer has authenticated itself. That means something only under the same rules, to the side with
//! the same credentials. So processes that are configured alike share sessions, and whoever changes a certificate, an
//! authority or a revocation list ends those that were made before.

use super::credentials::Credentials;
use super::digest::Digest;
use crate::tls::config::{PeerAuthentication, Settings};
use crate::tls::session::{Scope, SessionOf};
use crate::wire::PublicKey;

/// `of`: whose it is. `identity`: as whom a client appears with its pre-shared key.
pub(crate) fn scope(
    of: SessionOf,
    credentials: Option<&Credentials>,
    peer: Option<&PeerAuthentication>,
    settings: &Settings,
    identity: Option<&[u8]>,
) -> Scope {
    let mut digest = Digest::new();
    digest.add(match of {
        SessionOf::Server => b"server",
        SessionOf::Client => b"client",
    });
    let mut own = credentials.into_iter().flat_map(Credentials::public_parts);
    digest.add_option(own.next().as_deref());
    own.for_each(|other| digest.add(&other));
    digest.add_option(identity);
    digest.add_option(settings.revocations.as_ref().map(|lists| &lists.digest()[..]));
    for names in [&settings.wishes.curves, &settings.wishes.signature_algorithms] {
        digest.add_option(names.as_ref().map(|names| names.join(":")).as_deref().map(str::as_bytes));
    }
    digest.add_option(peer.map(|_| &[][..]));
    if let Some(peer) = peer {
        digest.add(&[peer.required.into(), peer.asks.into(), peer.leaves_name.into(), peer.allows_omission.into()]);
        digest.add_option(peer.servername.as_deref().map(str::as_bytes));
        digest.add_option(peer.trust_anchors.as_ref().map(|anchors| &anchors.digest()[..]));
        digest.add_option(peer.public_keys.as_ref().map(|_| &[][..]));
        peer.public_keys.iter().flatten().map(PublicKey::der).for_each(|key| digest.add(key));
    }
    let mut scope = Scope::default();
    let length = scope.len();
    scope.copy_from_slice(&digest.finish()[..length]);
    scope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::config::Wishes;
    use crate::tls::trust::{RevocationLists, TrustAnchors};
    use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, PublicKeyData, date_time_ymd};
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::time::Duration;

    const CA: &str = include_str!("../../proto/tests/keys/ca.pem");
    const OTHER_CA: &str = include_str!("../../proto/tests/keys/p224-ca.pem");

    fn settings(wishes: Wishes) -> Settings {
        Settings {
            ciphers: None,
            wishes,
            revocations: None,
            first_interval: Duration::from_secs(1),
            longest_interval: Duration::from_secs(60),
            mtu: 1200,
        }
    }

    fn peer() -> PeerAuthentication {
        PeerAuthentication::lenient()
    }

    fn revocations(number: u64) -> Option<Arc<RevocationLists>> {
        let key = KeyPair::from_pem(include_str!("../../proto/tests/keys/server.key.pem")).unwrap();
        let issuer = Issuer::new(rcgen::CertificateParams::default(), key);
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2124, 1, 1),
            crl_number: number.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&issuer).unwrap().pem().unwrap();
        Some(Arc::new(RevocationLists::parse(&[list]).unwrap()))
    }

    #[test]
    fn whatever_a_session_depends_on_makes_another_scope() {
        let plain = || settings(Wishes::default());
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        let wishing =
            |curves, signature_algorithms| settings(Wishes { curves, signature_algorithms, ..Wishes::default() });
        let of =
            |peer: &PeerAuthentication, settings: &Settings| scope(SessionOf::Client, None, Some(peer), settings, None);
        let anchors = |pem: &str| Some(Arc::new(TrustAnchors::parse(&[pem]).unwrap()));
        let keys =
            [(); 2].map(|()| PublicKey::recognise(&KeyPair::generate().unwrap().subject_public_key_info()).unwrap());
        let [ec, rsa] = [
            &include_bytes!("../../proto/tests/keys/p521.key.pem")[..],
            include_bytes!("../../proto/tests/keys/rsa-2048.key.pem"),
        ];
        let raw = |key: &[u8]| Credentials::parse_raw(key, None).unwrap();
        let with = |own: &Credentials| scope(SessionOf::Server, Some(own), None, &plain(), None);
        let identified = |identity: &[u8]| scope(SessionOf::Client, None, None, &plain(), Some(identity));
        let scopes = [
            ("a server", scope(SessionOf::Server, None, None, &plain(), None)),
            ("a client", scope(SessionOf::Client, None, None, &plain(), None)),
            ("a key", with(&raw(ec))),
            ("another key", with(&raw(rsa))),
            ("two keys", with(&raw(ec).beside(raw(rsa)).unwrap())),
            ("no identity of any length", identified(b"")),
            ("an identity", identified(b"one")),
            ("another identity", identified(b"other")),
            ("curves", scope(SessionOf::Client, None, None, &wishing(names(&["P-256"]), None), None)),
            ("more curves", scope(SessionOf::Client, None, None, &wishing(names(&["P-256", "P-384"]), None), None)),
            ("signatures", scope(SessionOf::Client, None, None, &wishing(None, names(&["P-256"])), None)),
            ("revocations", of(&peer(), &Settings { revocations: revocations(1), ..plain() })),
            ("other revocations", of(&peer(), &Settings { revocations: revocations(2), ..plain() })),
            ("a peer", of(&peer(), &plain())),
            ("a peer that must authenticate", of(&PeerAuthentication { required: true, ..peer() }, &plain())),
            ("a peer that is asked about", of(&PeerAuthentication { asks: true, ..peer() }, &plain())),
            ("a peer whose name is left", of(&PeerAuthentication { leaves_name: true, ..peer() }, &plain())),
            ("a peer without a message", of(&PeerAuthentication { allows_omission: true, ..peer() }, &plain())),
            ("a name", of(&PeerAuthentication { servername: Some("a.test".to_owned()), ..peer() }, &plain())),
            ("another name", of(&PeerAuthentication { servername: Some("b.test".to_owned()), ..peer() }, &plain())),
            ("an authority", of(&PeerAuthentication { trust_anchors: anchors(CA), ..peer() }, &plain())),
            ("another authority", of(&PeerAuthentication { trust_anchors: anchors(OTHER_CA), ..peer() }, &plain())),
            ("no expected key", of(&PeerAuthentication { public_keys: Some(Vec::new()), ..peer() }, &plain())),
            ("expected keys", of(&PeerAuthentication { public_keys: Some(keys.to_vec()), ..peer() }, &plain())),
            (
                "an expected key",
                of(&PeerAuthentication { public_keys: Some(vec![keys[1].clone()]), ..peer() }, &plain()),
            ),
        ];
        let mut names = HashMap::new();
        for (name, scope) in scopes {
            assert_eq!(names.insert(scope, name), None, "{name}");
        }
        assert_eq!(
            of(&peer(), &plain()),
            of(&peer(), &settings(Wishes { psk_hint: b"hint".to_vec(), ..Wishes::default() }))
        );
    }
}
