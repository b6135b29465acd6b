//! Whether a certificate is for the name or address that a client has asked for, by the rules of node:tls.
//!
//! RFC 9525 with two things that node:tls keeps for old certificates: a common name counts where there is no DNS name
//! beside it, and a wildcard may be part of the first label.

use super::x509::Names;
use std::net::IpAddr;

/// The name that a server's certificate must carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PeerName {
    /// Without a dot at its end.
    Dns(String),
    /// Nothing but an `iPAddress` will do (RFC 9525 section 6.5).
    Ip(IpAddr),
}

impl PeerName {
    /// A DNS name or the literal of an address.
    pub(crate) fn parse(servername: &str) -> PeerName {
        match servername.parse() {
            Ok(address) => PeerName::Ip(address),
            // RFC 6066 section 3: without a trailing dot.
            Err(_) => PeerName::Dns(servername.trim_end_matches('.').to_owned()),
        }
    }

    /// What a server can be asked for (RFC 6066 section 3).
    pub(crate) fn dns(&self) -> Option<&str> {
        match self {
            PeerName::Dns(name) => Some(name),
            PeerName::Ip(_) => None,
        }
    }

    /// Whether a certificate with these names is for this one.
    pub(super) fn is_in(&self, names: &Names) -> bool {
        match self {
            PeerName::Ip(IpAddr::V4(address)) => names.addresses.iter().any(|octets| *octets == address.octets()),
            PeerName::Ip(IpAddr::V6(address)) => names.addresses.iter().any(|octets| *octets == address.octets()),
            PeerName::Dns(name) => {
                let candidates = if names.dns.is_empty() { &names.common } else { &names.dns };
                candidates.iter().any(|pattern| matches(name, pattern))
            }
        }
    }
}

fn matches(name: &str, pattern: &[u8]) -> bool {
    // Visible ASCII alone: other names have several encodings.
    if pattern.is_empty() || !pattern.iter().all(u8::is_ascii_graphic) {
        return false;
    }
    let lower = pattern.to_ascii_lowercase();
    let Ok(pattern) = std::str::from_utf8(&lower) else { return false };
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    let name = name.to_ascii_lowercase();
    let (name, rest_of_name) = split(&name);
    let (first, rest) = split(pattern);
    let has_empty_label = pattern.split('.').any(str::is_empty);
    !has_empty_label && rest_of_name == rest && first_label_matches(name, first, rest)
}

/// The first label, and what follows its dot.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    }
}

fn first_label_matches(label: &str, pattern: &str, rest: Option<&str>) -> bool {
    let Some((prefix, suffix)) = pattern.split_once('*') else { return label == pattern };
    // RFC 9525 section 6.3: no wildcard in an A-label.
    if pattern.contains("xn--") {
        return label == pattern;
    }
    // A wildcard for all of a top-level domain is nobody's to have.
    let is_narrow = rest.is_some_and(|rest| rest.contains('.'));
    is_narrow
        && !suffix.contains('*')
        && label.len() >= prefix.len() + suffix.len()
        && label.starts_with(prefix)
        && label.ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dns: &[&str], common: &[&str]) -> Names {
        let bytes = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
        Names { dns: bytes(dns), common: bytes(common), addresses: Vec::new() }
    }

    #[test]
    fn a_dns_name_matches_itself_and_one_label_of_a_wildcard() {
        for (pattern, name, expected) in [
            ("a.example.test", "a.example.test", true),
            ("A.Example.TEST.", "a.example.test.", true),
            ("a.example.test", "b.example.test", false),
            ("*.example.test", "a.example.test", true),
            ("*.example.test", "example.test", false),
            ("*.example.test", "a.b.example.test", false),
            ("a*b.example.test", "axyzb.example.test", true),
            ("a*b.example.test", "ab.example.test", true),
            ("aa*aa.example.test", "aaa.example.test", false),
            ("*a*.example.test", "bab.example.test", false),
            ("a.*.test", "a.example.test", false),
            ("*.test", "example.test", false),
            ("*", "localhost", false),
            ("localhost", "localhost", true),
            ("xn--*.example.test", "xn--a.example.test", false),
            ("a..example.test", "a..example.test", false),
            (".example.test", ".example.test", false),
            ("a.example.test\0.evil.test", "a.example.test", false),
            ("b\u{fc}cher.test", "b\u{fc}cher.test", false),
            ("", "", false),
        ] {
            assert_eq!(PeerName::parse(name).is_in(&names(&[pattern], &[])), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_common_name_counts_where_there_is_no_dns_name() {
        let server = PeerName::parse("server.test");
        assert!(server.is_in(&names(&[], &["other", "server.test"])));
        assert!(!server.is_in(&names(&["other.test"], &["server.test"])));
        assert!(!server.is_in(&names(&[], &[])));
    }

    #[test]
    fn an_address_is_no_name() {
        let address = PeerName::parse("192.0.2.1");
        assert!(!address.is_in(&names(&["192.0.2.1"], &["192.0.2.1"])));
        let addresses = vec![vec![192, 0, 2, 1]];
        assert!(address.is_in(&Names { addresses: addresses.clone(), ..Names::default() }));
        assert!(!PeerName::parse("::192.0.2.1").is_in(&Names { addresses, ..Names::default() }));
    }

    #[test]
    fn what_is_no_visible_ascii_is_nobodys_name() {
        for pattern in [&b""[..], b"a.test\xff", b"a test", b"\xc3\xa4.test", b"a.test\n"] {
            assert!(!matches("a.test", pattern), "{pattern:?}");
        }
        assert!(matches("a.test", b"A.test."));
    }
}
