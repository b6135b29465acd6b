//! Lists of hello extensions (RFC 5246 section 7.4.1.4): walking them, and what may be wrong with one.

pub(crate) mod application_protocol;
pub(crate) mod certificate_type;
pub(crate) mod connection_id;
pub(crate) mod max_fragment_length;
pub(crate) mod server_name;
pub(crate) mod session_ticket;
pub(crate) mod srtp;
pub(crate) mod supported_groups;

use super::alert;
use super::hello::{extensions_of_client_hello, extensions_of_server_hello};
use std::fmt;

/// A server may answer it although no list has it: our hello has the suite that stands for it (RFC 5746 section 3.4).
const RENEGOTIATION_INFO: u16 = 0xff01;

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
    /// A ClientHello of DTLS 1.3 lacks an extension, given by name, that another one needs.
    Missing(&'static str),
    /// The extension pre_shared_key of a ClientHello is not the last one.
    NotLast,
    /// The server answers the extension with this number, which was not offered.
    Unoffered(u16),
    /// The server chose a certificate type that was not offered.
    UnofferedCertificateType(u8),
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
            ExtensionFault::Unoffered(_) => alert::UNSUPPORTED_EXTENSION,
            // RFC 8446 section 9.2.
            ExtensionFault::Missing(_) => alert::MISSING_EXTENSION,
            ExtensionFault::Twice(..)
            | ExtensionFault::NotLast
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
            ExtensionFault::Missing(name) => write!(f, "The client's hello lacks the extension {name}"),
            ExtensionFault::NotLast => {
                f.write_str("The extension pre_shared_key of the client's hello is not the last one")
            }
            ExtensionFault::Unoffered(id) => {
                write!(f, "The server answers the extension {id}, which was not offered")
            }
            ExtensionFault::UnofferedCertificateType(choice) => {
                write!(f, "The server chose certificate type {choice}, which was not offered")
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

/// Numbers of the extensions that a whole ClientHello message of our own offers, in order.
pub(crate) fn offered(message: &[u8]) -> Result<Vec<u16>, ExtensionFault> {
    let list = extensions_of_client_hello(message).ok_or(ExtensionFault::MalformedList(Hello::Client))?;
    let mut offered = numbers(list, Hello::Client)?;
    if let Err(place) = offered.binary_search(&RENEGOTIATION_INFO) {
        offered.insert(place, RENEGOTIATION_INFO);
    }
    Ok(offered)
}

/// The list of extensions in a whole ServerHello message: each stands there once, and answers one that was `offered`
/// (RFC 5246 section 7.4.1.4).
pub(crate) fn of_server_hello<'a>(offered: &[u16], message: &'a [u8]) -> Result<&'a [u8], ExtensionFault> {
    let list = extensions_of_server_hello(message).ok_or(ExtensionFault::MalformedList(Hello::Server))?;
    let unoffered = numbers(list, Hello::Server)?.into_iter().find(|id| offered.binary_search(id).is_err());
    unoffered.map_or(Ok(list), |id| Err(ExtensionFault::Unoffered(id)))
}

/// The list in the body of a message EncryptedExtensions, behind which nothing follows.
pub(crate) fn encrypted(body: &[u8]) -> Option<&[u8]> {
    let (length, list) = body.split_first_chunk::<2>()?;
    (list.len() == usize::from(u16::from_be_bytes(*length))).then_some(list)
}

/// The numbers in a list, in order; none may stand there twice (RFC 5246 section 7.4.1.4).
pub(crate) fn numbers(mut list: &[u8], hello: Hello) -> Result<Vec<u16>, ExtensionFault> {
    let mut numbers = Vec::new();
    while !list.is_empty() {
        let (id, _, rest) = split_extension(list).ok_or(ExtensionFault::MalformedList(hello))?;
        numbers.push(id);
        list = rest;
    }
    sort(&mut numbers, hello)?;
    Ok(numbers)
}

/// Whether a list is well formed, and no number stands there twice.
pub(crate) fn check(list: &[u8], hello: Hello) -> Result<(), ExtensionFault> {
    let (mut room, mut count, mut left) = ([0; USUAL], 0, list);
    while !left.is_empty() {
        let (id, _, rest) = split_extension(left).ok_or(ExtensionFault::MalformedList(hello))?;
        let Some(place) = room.get_mut(count) else { return numbers(list, hello).map(drop) };
        *place = id;
        count += 1;
        left = rest;
    }
    sort(room.get_mut(..count).unwrap_or_default(), hello)
}

/// Extensions that a hello has at most, unless it is a strange one.
const USUAL: usize = 32;

fn sort(numbers: &mut [u16], hello: Hello) -> Result<(), ExtensionFault> {
    // A stranger may send thousands.
    numbers.sort_unstable();
    let twice = numbers.windows(2).find_map(|pair| pair.first().filter(|id| pair.last() == Some(id)));
    twice.map_or(Ok(()), |&id| Err(ExtensionFault::Twice(hello, id)))
}

/// The content of one extension in the list; there must be no second of its kind (RFC 5246 section 7.4.1.4).
pub(super) fn find(mut list: &[u8], wanted: u16, hello: Hello) -> Result<Option<&[u8]>, ExtensionFault> {
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
pub(super) fn split_extension(list: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (id, rest) = list.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (content, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((u16::from_be_bytes(*id), content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello message with a suite and these extensions.
    fn client_hello(extensions: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 12 + 2 + 32];
        message.extend_from_slice(&[0, 0, 0, 2, 0xc0, 0xa8, 1, 0]);
        message.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        message.extend_from_slice(extensions);
        message
    }

    fn server_hello(extensions: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 12 + 2 + 32];
        message.extend_from_slice(&[0, 0xc0, 0xa8, 0]);
        message.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        message.extend_from_slice(extensions);
        message
    }

    fn alert_for(offer: &[u8], answer: &[u8]) -> Option<u8> {
        of_server_hello(&offered(&client_hello(offer)).unwrap(), &server_hello(answer)).err().map(ExtensionFault::alert)
    }

    #[test]
    fn a_server_may_answer_each_extension_that_was_offered_once() {
        let offer = [0, 23, 0, 0, 0, 1, 0, 1, 1];
        assert_eq!(alert_for(&offer, &[]), None);
        assert_eq!(alert_for(&offer, &[0, 1, 0, 1, 1, 0, 23, 0, 0]), None);
        assert_eq!(alert_for(&offer, &[0, 23, 0, 0, 0, 1, 0, 1, 1, 0, 23, 0, 0]), Some(alert::ILLEGAL_PARAMETER));
        assert_eq!(alert_for(&offer, &[0, 22, 0, 0]), Some(alert::UNSUPPORTED_EXTENSION));
        assert_eq!(alert_for(&[], &[0xfa, 0xfa, 0, 0]), Some(alert::UNSUPPORTED_EXTENSION));
        assert_eq!(alert_for(&offer, &[0, 23, 0]), Some(alert::DECODE_ERROR));
    }

    #[test]
    fn a_server_may_always_say_that_it_renegotiates_safely() {
        let info = [0xff, 1, 0, 1, 0];
        assert_eq!(alert_for(&[], &info), None);
        assert_eq!(alert_for(&info, &info), None);
        assert_eq!(alert_for(&[], &[info, info].concat()), Some(alert::ILLEGAL_PARAMETER));
    }

    #[test]
    fn a_hello_with_thousands_of_extensions_is_checked_at_once() {
        let distinct: Vec<u8> = (0..4000_u16).flat_map(|id| [id.to_be_bytes(), [0, 0]].concat()).collect();
        assert_eq!(numbers(&distinct, Hello::Client).unwrap().len(), 4000);
        let doubled = [&distinct[..], &[0, 7, 0, 0]].concat();
        assert_eq!(numbers(&doubled, Hello::Client), Err(ExtensionFault::Twice(Hello::Client, 7)));
    }

    #[test]
    fn a_list_is_checked_whatever_its_length() {
        for count in [0, 1, USUAL - 1, USUAL, USUAL + 1, 4000] {
            let distinct: Vec<u8> = (1..=count as u16).flat_map(|id| [id.to_be_bytes(), [0, 0]].concat()).collect();
            assert_eq!(check(&distinct, Hello::Client), Ok(()));
            let cut = [&distinct[..], &[0]].concat();
            assert_eq!(check(&cut, Hello::Client), Err(ExtensionFault::MalformedList(Hello::Client)));
            if count > 0 {
                let doubled = [&distinct[..], &[0, 1, 0, 0]].concat();
                assert_eq!(check(&doubled, Hello::Server), Err(ExtensionFault::Twice(Hello::Server, 1)));
            }
        }
    }
}
