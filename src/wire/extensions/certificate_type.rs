//! RFC 7250: whether each side proves itself with a certificate or with a raw public key.

use super::{ExtensionFault, Hello, find};
use crate::wire::hello13::extension::{CLIENT_CERTIFICATE_TYPE, SERVER_CERTIFICATE_TYPE};

/// How a peer may prove itself (IANA's "TLS Certificate Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateType {
    X509 = 0,
    RawPublicKey = 2,
}

/// What one side can present and is willing to accept, each in order of preference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    pub(crate) presents: Vec<CertificateType>,
    pub(crate) accepts: Vec<CertificateType>,
}

/// What the two hellos agreed on; `None` where they have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) own: Option<CertificateType>,
    pub(crate) peer: Option<CertificateType>,
}

impl CertificateType {
    /// The type that both sides use when neither hello has the extensions (RFC 7250 section 4.1).
    const DEFAULT: CertificateType = CertificateType::X509;
}

impl Agreement {
    /// What holds as long as the peer's hello says nothing about certificate types.
    pub(crate) fn by_default(abilities: &Abilities) -> Agreement {
        let default =
            |types: &[CertificateType]| types.contains(&CertificateType::DEFAULT).then_some(CertificateType::DEFAULT);
        Agreement { own: default(&abilities.presents), peer: default(&abilities.accepts) }
    }
}

// --- client ----------------------------------------------------------------------------------------------------------

/// A client's extensions; empty for a client that neither presents nor accepts raw public keys.
pub(crate) fn client_extensions(abilities: &Abilities) -> Vec<u8> {
    let mut extensions = Vec::new();
    for (id, types) in [(CLIENT_CERTIFICATE_TYPE, &abilities.presents), (SERVER_CERTIFICATE_TYPE, &abilities.accepts)] {
        if types.contains(&CertificateType::RawPublicKey) {
            // There are at most two types.
            let count = types.len() as u8;
            extensions.extend_from_slice(&id.to_be_bytes());
            extensions.extend_from_slice(&[0, 1 + count, count]);
            extensions.extend(types.iter().map(|&kind| kind as u8));
        }
    }
    extensions
}

/// What the server chose, from the extensions of its ServerHello, all of which were offered.
pub(crate) fn read_server_hello(abilities: &Abilities, list: &[u8]) -> Result<Agreement, ExtensionFault> {
    let mut agreement = Agreement::by_default(abilities);
    if let Some(choice) = find(list, CLIENT_CERTIFICATE_TYPE, Hello::Server)? {
        agreement.own = Some(chosen(choice, &abilities.presents)?);
    }
    if let Some(choice) = find(list, SERVER_CERTIFICATE_TYPE, Hello::Server)? {
        agreement.peer = Some(chosen(choice, &abilities.accepts)?);
    }
    Ok(agreement)
}

/// The server's choice, which must be one of the types that we offered.
fn chosen(choice: &[u8], offered: &[CertificateType]) -> Result<CertificateType, ExtensionFault> {
    let &[choice] = choice else {
        return Err(ExtensionFault::MalformedList(Hello::Server));
    };
    let chosen = offered.iter().copied().find(|&kind| kind as u8 == choice);
    chosen.ok_or(ExtensionFault::UnofferedCertificateType(choice))
}

// --- server ----------------------------------------------------------------------------------------------------------

/// Chooses for both sides, by the client's order, from the extensions of its ClientHello; the second value is what our
/// ServerHello has to say about it.
pub(crate) fn read_client_hello(abilities: &Abilities, list: &[u8]) -> Result<(Agreement, Vec<u8>), ExtensionFault> {
    let mut agreement = Agreement::by_default(abilities);
    let mut answer = Vec::new();
    let client = find(list, CLIENT_CERTIFICATE_TYPE, Hello::Client)?.map(offered).transpose()?;
    // RFC 7250 section 4.2: a server that asks for no client certificate leaves the extension out.
    if let Some(offered) = client.filter(|_| !abilities.accepts.is_empty()) {
        agreement.peer = first_common(offered, &abilities.accepts);
        push_choice(&mut answer, CLIENT_CERTIFICATE_TYPE, agreement.peer);
    }
    if let Some(offered) = find(list, SERVER_CERTIFICATE_TYPE, Hello::Client)?.map(offered).transpose()? {
        agreement.own = first_common(offered, &abilities.presents);
        push_choice(&mut answer, SERVER_CERTIFICATE_TYPE, agreement.own);
    }
    Ok((agreement, answer))
}

/// The types in a client's extension: one at least (RFC 7250 section 3).
fn offered(extension: &[u8]) -> Result<&[u8], ExtensionFault> {
    match extension.split_first() {
        Some((&count, types)) if count != 0 && types.len() == usize::from(count) => Ok(types),
        _ => Err(ExtensionFault::MalformedList(Hello::Client)),
    }
}

fn first_common(offered: &[u8], ours: &[CertificateType]) -> Option<CertificateType> {
    offered.iter().find_map(|&offer| ours.iter().copied().find(|&kind| kind as u8 == offer))
}

fn push_choice(answer: &mut Vec<u8>, id: u16, choice: Option<CertificateType>) {
    if let Some(choice) = choice {
        answer.extend_from_slice(&id.to_be_bytes());
        answer.extend_from_slice(&[0, 1, choice as u8]);
    }
}

#[cfg(test)]
mod tests {
    use super::CertificateType::{RawPublicKey, X509};
    use super::*;
    use crate::wire::alert;

    fn abilities(presents: &[CertificateType], accepts: &[CertificateType]) -> Abilities {
        Abilities { presents: presents.to_vec(), accepts: accepts.to_vec() }
    }

    #[test]
    fn a_client_without_raw_keys_says_nothing() {
        assert!(client_extensions(&abilities(&[X509], &[X509])).is_empty());
        let both = client_extensions(&abilities(&[RawPublicKey], &[RawPublicKey, X509]));
        assert_eq!(both, [0, 19, 0, 2, 1, 2, 0, 20, 0, 3, 2, 2, 0]);
    }

    #[test]
    fn the_server_takes_the_clients_first_type_that_it_can() {
        let server = abilities(&[RawPublicKey, X509], &[RawPublicKey]);
        for (offer, own, answer) in [
            (&[0, 20, 0, 3, 2, 2, 0][..], Some(RawPublicKey), &[0, 20, 0, 1, 2][..]),
            (&[0, 20, 0, 3, 2, 0, 2], Some(X509), &[0, 20, 0, 1, 0]),
            (&[0, 20, 0, 3, 2, 1, 9], None, &[]),
            (&[], Some(X509), &[]),
        ] {
            let (agreement, answered) = read_client_hello(&server, offer).unwrap();
            assert_eq!((agreement.own, answered.as_slice()), (own, answer));
        }
    }

    #[test]
    fn a_server_that_asks_for_nothing_answers_nothing_about_the_client() {
        let server = abilities(&[RawPublicKey], &[]);
        let (agreement, answer) = read_client_hello(&server, &[0, 19, 0, 2, 1, 2]).unwrap();
        assert_eq!((agreement.peer, answer.len()), (None, 0));
    }

    #[test]
    fn malformed_and_doubled_extensions_of_a_client_are_refused() {
        let server = abilities(&[RawPublicKey], &[RawPublicKey]);
        for extensions in [
            &[0, 19, 0, 0][..],
            &[0, 19, 0, 1, 0],
            &[0, 19, 0, 2, 2, 2],
            &[0, 20, 0, 3, 1, 2, 2],
            &[0, 20, 0, 9, 1, 2],
            &[0, 20, 0],
            &[0, 20, 0, 2, 1, 2, 0, 20, 0, 2, 1, 2],
        ] {
            assert!(read_client_hello(&server, extensions).is_err(), "{extensions:?}");
        }
    }

    #[test]
    fn a_server_must_choose_one_of_the_types_that_were_offered() {
        let client = abilities(&[], &[RawPublicKey]);
        let agreed = read_server_hello(&client, &[0, 20, 0, 1, 2]).unwrap();
        assert_eq!(agreed.peer, Some(RawPublicKey));
        for (extensions, expected) in [
            (&[0, 20, 0, 1, 0][..], alert::ILLEGAL_PARAMETER),
            (&[0, 20, 0, 1, 9], alert::ILLEGAL_PARAMETER),
            (&[0, 20, 0, 1, 2, 0, 20, 0, 1, 2], alert::ILLEGAL_PARAMETER),
            (&[0, 20, 0, 2, 2, 2], alert::DECODE_ERROR),
            (&[0, 20, 0, 0], alert::DECODE_ERROR),
            (&[0, 20, 0, 7, 2], alert::DECODE_ERROR),
        ] {
            let error = read_server_hello(&client, extensions).unwrap_err();
            assert_eq!(error.alert(), expected, "{extensions:?}");
        }
    }

    #[test]
    fn a_server_hello_without_extensions_means_certificates() {
        let client = abilities(&[RawPublicKey], &[RawPublicKey, X509]);
        let agreed = read_server_hello(&client, &[]).unwrap();
        assert_eq!(agreed, Agreement { own: None, peer: Some(X509) });
    }
}
