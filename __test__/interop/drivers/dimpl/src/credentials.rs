//! What an endpoint shows, and whom it trusts.

use std::time::SystemTime;

use dimpl::DtlsCertificate;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring as algorithms};

use crate::given::Given;

/// Its key, and the first certificate of its file: dimpl shows no other.
pub fn own(given: &Given) -> DtlsCertificate {
    let (Some(cert), Some(key)) = (&given.cert, &given.key) else {
        return nameless();
    };
    let certificate = CertificateDer::from_pem_file(cert).expect("a certificate in PEM").to_vec();
    let private_key = PrivateKeyDer::from_pem_file(key).expect("a key in PEM").secret_der().to_vec();
    DtlsCertificate { certificate, private_key }
}

/// dimpl wants a key and some certificate of every endpoint. Nobody asks for these.
fn nameless() -> DtlsCertificate {
    let key =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).expect("random bytes");
    DtlsCertificate { certificate: vec![0], private_key: key.as_ref().to_vec() }
}

/// dimpl leaves this to its user, and tells the first certificate alone, so that the authority must have issued it itself.
pub fn verify(given: &Given, certificate: &[u8]) -> Result<(), String> {
    let Some(ca) = &given.ca else { return Ok(()) };
    let authority = CertificateDer::from_pem_file(ca).expect("a certificate in PEM");
    let anchor = anchor_from_trusted_cert(&authority).map_err(|error| format!("the authority: {error}"))?;
    let leaf = CertificateDer::from(certificate);
    let end = EndEntityCert::try_from(&leaf).map_err(|error| format!("the peer's certificate: {error}"))?;
    let kinds = &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA384];
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock"));
    let usage = if given.is_server { KeyUsage::client_auth() } else { KeyUsage::server_auth() };
    end.verify_for_usage(kinds, &[anchor], &[], now, usage, None, None)
        .map_err(|error| format!("the peer's certificate: {error}"))?;
    if given.is_server {
        return Ok(());
    }
    let name = ServerName::try_from("localhost").expect("a name");
    end.verify_is_valid_for_subject_name(&name).map_err(|error| format!("the peer's name: {error}"))
}
