//! The messages by which the two sides of DTLS 1.3 prove who they are (RFC 8446 sections 4.3.2, 4.4.2 and 4.4.3), without their
//! headers. The peer's are clear text from whoever has agreed on keys with us.

use super::extensions::{ExtensionFault, Hello, check, find, split_extension};
use super::hello13::extension::{CERTIFICATE_AUTHORITIES, SIGNATURE_ALGORITHMS};
use super::reader::Reader;
use super::vector::vector;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofFault {
    Malformed,
    /// Its context is not that of the request, which in a handshake is empty.
    Context,
    /// A certificate comes with the extension of this number, which nobody has asked for.
    Unoffered(u16),
    Extensions(ExtensionFault),
}

/// The certificates in a Certificate message, the sender's own first, or its raw public key; none when it has nothing to present.
pub(crate) fn read_certificate(body: &[u8]) -> Result<Vec<&[u8]>, ProofFault> {
    let mut reader = Reader(body);
    let context = reader.vector(1).ok_or(ProofFault::Malformed)?;
    let mut list = reader.vector(3).filter(|_| reader.is_empty()).map(Reader).ok_or(ProofFault::Malformed)?;
    if !context.is_empty() {
        return Err(ProofFault::Context);
    }
    let mut entries = Vec::new();
    while !list.is_empty() {
        let entry = list.vector(3).filter(|entry| !entry.is_empty()).ok_or(ProofFault::Malformed)?;
        let extensions = list.vector(2).ok_or(ProofFault::Malformed)?;
        if !extensions.is_empty() {
            let (id, ..) = split_extension(extensions).ok_or(ProofFault::Malformed)?;
            return Err(ProofFault::Unoffered(id));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The body of a Certificate message.
pub(crate) fn certificate<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = vec![0];
    vector(&mut body, 3, |body| {
        for entry in entries {
            vector(body, 3, |body| body.extend(entry));
            vector(body, 2, |_| {});
        }
    });
    body
}

/// The length of such a body.
pub(crate) fn certificate_length<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> usize {
    1 + 3 + entries.into_iter().map(|entry| 3 + entry.len() + 2).sum::<usize>()
}

/// Scheme and signature of a CertificateVerify message.
pub(crate) fn read_verify(body: &[u8]) -> Result<(u16, &[u8]), ProofFault> {
    let mut reader = Reader(body);
    let read = reader.u16().zip(reader.vector(2));
    read.filter(|_| reader.is_empty()).ok_or(ProofFault::Malformed)
}

/// The body of a CertificateVerify message.
pub(crate) fn verify(scheme: u16, signature: &[u8]) -> Vec<u8> {
    let mut body = scheme.to_be_bytes().to_vec();
    vector(&mut body, 2, |body| body.extend(signature));
    body
}

/// The numbers of the signature schemes in a CertificateRequest message, of which all else may be passed over.
pub(crate) fn read_request(body: &[u8]) -> Result<Vec<u16>, ProofFault> {
    let mut reader = Reader(body);
    let context = reader.vector(1).ok_or(ProofFault::Malformed)?;
    let list = reader.vector(2).filter(|_| reader.is_empty()).ok_or(ProofFault::Malformed)?;
    if !context.is_empty() {
        return Err(ProofFault::Context);
    }
    check(list, Hello::Server).map_err(ProofFault::Extensions)?;
    let schemes = find(list, SIGNATURE_ALGORITHMS, Hello::Server).map_err(ProofFault::Extensions)?;
    let schemes = schemes.ok_or(ProofFault::Extensions(ExtensionFault::Missing("signature_algorithms")))?;
    read_schemes(schemes).ok_or(ProofFault::Malformed)
}

/// The body of a CertificateRequest message. `authorities`: names in DER, of whoever vouches for the client; none says nothing.
pub(crate) fn request(schemes: &[u16], authorities: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0];
    vector(&mut body, 2, |body| {
        write_schemes(body, schemes);
        if !authorities.is_empty() {
            body.extend(CERTIFICATE_AUTHORITIES.to_be_bytes());
            vector(body, 2, |body| {
                vector(body, 2, |body| authorities.iter().for_each(|name| vector(body, 2, |body| body.extend(name))));
            });
        }
    });
    body
}

/// The numbers of the signature schemes in a ClientHello's list of extensions; `None` without the extension.
pub(crate) fn offered_schemes(extensions: &[u8]) -> Result<Option<Vec<u16>>, ExtensionFault> {
    let malformed = ExtensionFault::Malformed(Hello::Client, "signature_algorithms");
    let content = find(extensions, SIGNATURE_ALGORITHMS, Hello::Client)?;
    content.map(|content| read_schemes(content).ok_or(malformed)).transpose()
}

/// Appends the extension that names signature schemes.
pub(crate) fn write_schemes(out: &mut Vec<u8>, schemes: &[u16]) {
    out.extend(SIGNATURE_ALGORITHMS.to_be_bytes());
    vector(out, 2, |out| {
        vector(out, 2, |out| schemes.iter().for_each(|scheme| out.extend(scheme.to_be_bytes())));
    });
}

fn read_schemes(content: &[u8]) -> Option<Vec<u16>> {
    let mut reader = Reader(content);
    let list = reader.vector(2).filter(|list| list.len().is_multiple_of(2) && !list.is_empty())?;
    reader.end()?;
    Some(list.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_as_they_were_written() {
        for entries in [&[][..], &[&b"one"[..]], &[&b"one"[..], &[7; 300]]] {
            let body = certificate(entries.iter().copied());
            assert_eq!(
                (read_certificate(&body).unwrap(), body.len()),
                (entries.to_vec(), certificate_length(entries.iter().copied()))
            );
            for length in 0..body.len() {
                assert_eq!(read_certificate(&body[..length]), Err(ProofFault::Malformed), "{length}");
            }
            assert_eq!(read_certificate(&[&body[..], &[0]].concat()), Err(ProofFault::Malformed));
        }
    }

    #[test]
    fn a_certificate_message_of_another_form_is_refused() {
        for (body, fault) in [
            (&[1, 9, 0, 0, 0][..], ProofFault::Context),
            (&[0, 0, 0, 5, 0, 0, 0, 0, 0], ProofFault::Malformed),
            (&[0, 0, 0, 10, 0, 0, 1, 9, 0, 4, 0, 5, 0, 0], ProofFault::Unoffered(5)),
            (&[0, 0, 0, 7, 0, 0, 1, 9, 0, 1, 0], ProofFault::Malformed),
            (&[0, 0, 0, 4, 0, 0, 1, 9], ProofFault::Malformed),
        ] {
            assert_eq!(read_certificate(body), Err(fault), "{body:?}");
        }
    }

    #[test]
    fn a_signature_is_read_as_it_was_written() {
        let body = verify(0x0403, b"signature");
        assert_eq!(read_verify(&body), Ok((0x0403, &b"signature"[..])));
        for length in 0..body.len() {
            assert_eq!(read_verify(&body[..length]), Err(ProofFault::Malformed));
        }
        assert_eq!(read_verify(&[&body[..], &[0]].concat()), Err(ProofFault::Malformed));
    }

    #[test]
    fn a_request_names_schemes_and_authorities() {
        let schemes = [0, 13, 0, 4, 0, 2, 4, 3];
        let authorities = [0, 47, 0, 11, 0, 9, 0, 3, b'o', b'n', b'e', 0, 2, b'b', b'y'];
        assert_eq!(request(&[0x0403], &[]), [&[0, 0, 8][..], &schemes].concat());
        let names = [b"one".to_vec(), b"by".to_vec()];
        assert_eq!(request(&[0x0403], &names), [&[0, 0, 23][..], &schemes, &authorities].concat());
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        for authorities in [&[][..], &[b"name".to_vec(), b"other".to_vec()]] {
            let body = request(&[0x0403, 0x0804], authorities);
            assert_eq!(read_request(&body), Ok(vec![0x0403, 0x0804]));
            for length in 0..body.len() {
                assert!(read_request(&body[..length]).is_err());
            }
        }
        for (body, fault) in [
            (&[0, 0, 0][..], ProofFault::Extensions(ExtensionFault::Missing("signature_algorithms"))),
            (&[1, 9, 0, 0], ProofFault::Context),
            (&[0, 0, 6, 0, 13, 0, 2, 0, 0], ProofFault::Malformed),
            (&[0, 0, 7, 0, 13, 0, 3, 0, 1, 4], ProofFault::Malformed),
        ] {
            assert_eq!(read_request(body), Err(fault), "{body:?}");
        }
        let twice = [0, 0, 16, 0, 13, 0, 4, 0, 2, 4, 3, 0, 13, 0, 4, 0, 2, 4, 3];
        assert!(matches!(read_request(&twice), Err(ProofFault::Extensions(ExtensionFault::Twice(..)))));
        // What is not known is passed over (RFC 8446 section 4.3.2).
        let unknown = [0, 0, 12, 0xfa, 0xfa, 0, 0, 0, 13, 0, 4, 0, 2, 4, 3];
        assert_eq!(read_request(&unknown), Ok(vec![0x0403]));
    }
}
