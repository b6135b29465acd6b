//! The extension use_srtp (RFC 5764): which SRTP profile both sides will use. The keys come from the exporter.

use super::{ExtensionFault, Hello, find};

const USE_SRTP: u16 = 14;

/// A protection profile that we offer, by IANA's number and OpenSSL's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SrtpProfile {
    id: u16,
    name: &'static str,
}

/// Profiles of RFC 5764 section 4.1.2 and RFC 7714 section 14.2. Profiles without encryption are left out.
static PROFILES: [SrtpProfile; 4] = [
    SrtpProfile { id: 0x0007, name: "SRTP_AEAD_AES_128_GCM" },
    SrtpProfile { id: 0x0008, name: "SRTP_AEAD_AES_256_GCM" },
    SrtpProfile { id: 0x0001, name: "SRTP_AES128_CM_SHA1_80" },
    SrtpProfile { id: 0x0002, name: "SRTP_AES128_CM_SHA1_32" },
];

impl SrtpProfile {
    pub(crate) fn from_name(name: &str) -> Option<SrtpProfile> {
        PROFILES.iter().copied().find(|profile| profile.name == name)
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }
}

/// A client's extension; empty without profiles.
pub(crate) fn client_extension(profiles: &[SrtpProfile]) -> Vec<u8> {
    if profiles.is_empty() { Vec::new() } else { extension(profiles) }
}

/// The MKI is empty, which means that there is none (RFC 5764 section 4.1.3).
fn extension(profiles: &[SrtpProfile]) -> Vec<u8> {
    // There are at most four profiles.
    let list = 2 * profiles.len() as u8;
    let mut extension = USE_SRTP.to_be_bytes().to_vec();
    extension.extend_from_slice(&[0, list + 3, 0, list]);
    extension.extend(profiles.iter().flat_map(|profile| profile.id.to_be_bytes()));
    extension.push(0);
    extension
}

/// Chooses from a ClientHello's extensions by our own order; the second value is what our ServerHello says about it.
/// RFC 5764 section 4.1.1: without a profile in common the handshake goes on, and the ServerHello says nothing.
pub(crate) fn read_client_hello(
    profiles: &[SrtpProfile],
    extensions: &[u8],
) -> Result<(Option<SrtpProfile>, Vec<u8>), ExtensionFault> {
    if profiles.is_empty() {
        return Ok((None, Vec::new()));
    }
    let Some(content) = find(extensions, USE_SRTP, Hello::Client)? else { return Ok((None, Vec::new())) };
    let (offered, _mki) = parse(content).ok_or(malformed(Hello::Client))?;
    let chosen = profiles.iter().copied().find(|profile| offered.contains(&profile.id));
    Ok((chosen, chosen.map(|profile| extension(&[profile])).unwrap_or_default()))
}

/// What the server chose, from the extensions of its ServerHello, all of which were offered.
pub(crate) fn read_server_hello(
    profiles: &[SrtpProfile],
    extensions: &[u8],
) -> Result<Option<SrtpProfile>, ExtensionFault> {
    let Some(content) = find(extensions, USE_SRTP, Hello::Server)? else { return Ok(None) };
    let (chosen, mki) = parse(content).ok_or(malformed(Hello::Server))?;
    // RFC 5764 section 4.1.3: the server's MKI is empty, or the client's.
    let (&[id], true) = (chosen.as_slice(), mki.is_empty()) else {
        return Err(ExtensionFault::NoSingleSrtpProfile);
    };
    let profile = profiles.iter().copied().find(|profile| profile.id == id);
    profile.map(Some).ok_or(ExtensionFault::UnofferedSrtpProfile)
}

/// The numbers of the profiles, and the MKI.
fn parse(content: &[u8]) -> Option<(Vec<u16>, &[u8])> {
    let (length, rest) = content.split_first_chunk::<2>()?;
    let (list, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (&mki_length, mki) = rest.split_first()?;
    let well_formed = !list.is_empty() && list.len().is_multiple_of(2) && mki.len() == usize::from(mki_length);
    let (pairs, _) = list.as_chunks::<2>();
    well_formed.then(|| (pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect(), mki))
}

fn malformed(hello: Hello) -> ExtensionFault {
    ExtensionFault::Malformed(hello, "use_srtp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::alert;

    fn profiles(names: &[&str]) -> Vec<SrtpProfile> {
        names.iter().map(|name| SrtpProfile::from_name(name).unwrap()).collect()
    }

    #[test]
    fn the_servers_order_counts() {
        let server = profiles(&["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"]);
        let offer = client_extension(&profiles(&["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM"]));
        let (chosen, answer) = read_client_hello(&server, &offer).unwrap();
        assert_eq!(chosen, Some(server[0]));
        assert_eq!(answer, [0, 14, 0, 5, 0, 2, 0, 7, 0]);
    }

    #[test]
    fn nothing_in_common_is_answered_with_nothing() {
        let offer = client_extension(&profiles(&["SRTP_AES128_CM_SHA1_32"]));
        let (chosen, answer) = read_client_hello(&profiles(&["SRTP_AES128_CM_SHA1_80"]), &offer).unwrap();
        assert_eq!((chosen, answer.len()), (None, 0));
        assert_eq!(read_client_hello(&[], &[0xff; 3]).unwrap(), (None, Vec::new()));
    }

    #[test]
    fn malformed_offers_are_refused() {
        let server = profiles(&["SRTP_AES128_CM_SHA1_80"]);
        for content in
            [&[][..], &[0], &[0, 0, 0], &[0, 1, 1, 0], &[0, 2, 0, 1], &[0, 2, 0, 1, 1], &[0, 2, 0, 1, 0, 9], &[9, 9, 0]]
        {
            let offer = [&[0, 14, 0, content.len() as u8], content].concat();
            assert_eq!(read_client_hello(&server, &offer).unwrap_err().alert(), alert::DECODE_ERROR);
        }
    }

    #[test]
    fn a_server_must_choose_one_profile_that_was_offered_and_no_mki() {
        let client = profiles(&["SRTP_AES128_CM_SHA1_80"]);
        assert_eq!(read_server_hello(&client, &extension(&client)).unwrap(), Some(client[0]));
        assert_eq!(read_server_hello(&client, &[]).unwrap(), None);
        for (content, expected) in [
            (&[0, 2, 0, 2, 0][..], alert::ILLEGAL_PARAMETER),
            (&[0, 4, 0, 1, 0, 1, 0], alert::ILLEGAL_PARAMETER),
            (&[0, 2, 0, 1, 1, 7], alert::ILLEGAL_PARAMETER),
            (&[0, 2, 0, 1], alert::DECODE_ERROR),
        ] {
            let answer = [&[0, 14, 0, content.len() as u8], content].concat();
            assert_eq!(read_server_hello(&client, &answer).unwrap_err().alert(), expected);
        }
    }
}
