//! Lists of hello extensions (RFC 5246 section 7.4.1.4): walking them, and what may be wrong with one.

pub(crate) mod application_protocol;
pub(crate) mod certificate_type;
pub(crate) mod max_fragment_length;
pub(crate) mod server_name;
pub(crate) mod srtp;
pub(crate) mod supported_groups;

use super::alert;
use std::fmt;

/// Which of the two hellos holds an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    Client,
    Server,
}

/// What is wrong with the extensions in a peer's hello. Its text is for whoever reads a trace or an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionFault {
    /// Lengths in the list, or in an extension about certificate types, disagree with its bytes.
    MalformedList(Hello),
    /// The content of one extension, given by name, is malformed.
    Malformed(Hello, &'static str),
    /// The extension with this number stands in the list twice.
    Twice(Hello, u16),
    /// The server answers a certificate type extension that was not offered.
    UnofferedCertificateTypes,
    /// The server chose a certificate type that was not offered.
    UnofferedCertificateType(u8),
    /// The server answers use_srtp, which was not offered.
    UnofferedSrtp,
    /// The server chose no SRTP profile or several, or an MKI (RFC 5764 section 4.1.3).
    NoSingleSrtpProfile,
    /// The server chose an SRTP profile that was not offered.
    UnofferedSrtpProfile,
}

impl ExtensionFault {
    /// The fatal alert for it.
    pub(crate) fn alert(self) -> u8 {
        match self {
            ExtensionFault::MalformedList(_) | ExtensionFault::Malformed(..) => alert::DECODE_ERROR,
            // RFC 5246 section 7.4.1.4: an extension that was not offered must not be answered.
            ExtensionFault::UnofferedCertificateTypes | ExtensionFault::UnofferedSrtp => alert::UNSUPPORTED_EXTENSION,
            ExtensionFault::Twice(..)
            | ExtensionFault::UnofferedCertificateType(_)
            | ExtensionFault::NoSingleSrtpProfile
            | ExtensionFault::UnofferedSrtpProfile => alert::ILLEGAL_PARAMETER,
        }
    }
}

impl fmt::Display for ExtensionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtensionFault::MalformedList(hello) => write!(f, "The extensions of the peer's {hello} are malformed"),
            ExtensionFault::Malformed(hello, name) => {
                write!(f, "The extension {name} of the peer's {hello} is malformed")
            }
            ExtensionFault::Twice(hello, id) => write!(f, "The peer's {hello} has the extension {id} twice"),
            ExtensionFault::UnofferedCertificateTypes => {
                f.write_str("The server answers a certificate type extension that was not offered")
            }
            ExtensionFault::UnofferedCertificateType(choice) => {
                write!(f, "The server chose certificate type {choice}, which was not offered")
            }
            ExtensionFault::UnofferedSrtp => {
                f.write_str("The server answers the extension use_srtp, which was not offered")
            }
            ExtensionFault::NoSingleSrtpProfile => {
                f.write_str("The server chose no single SRTP profile, or an MKI that was not offered")
            }
            ExtensionFault::UnofferedSrtpProfile => {
                f.write_str("The server chose an SRTP profile that was not offered")
            }
        }
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hello::Client => "ClientHello",
            Hello::Server => "ServerHello",
        })
    }
}

/// The content of one extension in the list; there must be no second of its kind (RFC 5246 section 7.4.1.4).
fn find(mut list: &[u8], wanted: u16, hello: Hello) -> Result<Option<&[u8]>, ExtensionFault> {
    let mut found = None;
    while !list.is_empty() {
        let (id, content, rest) = split_extension(list).ok_or(ExtensionFault::MalformedList(hello))?;
        if id == wanted && found.replace(content).is_some() {
            return Err(ExtensionFault::Twice(hello, wanted));
        }
        list = rest;
    }
    Ok(found)
}

/// Number and content of the first extension, and the rest of the list.
fn split_extension(list: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (id, rest) = list.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (content, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((u16::from_be_bytes(*id), content, rest))
}
