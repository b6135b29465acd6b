//! The runner's flags, of which there are hundreds. A test with one that is not known here is not run.

use crate::Failure;

/// Flags without a value that mean something here.
const SWITCHES: &[&str] = &[
    "check-close-notify",
    "decline-alpn",
    "dtls",
    "expect-extended-master-secret",
    "expect-hrr",
    "expect-no-hrr",
    "expect-no-peer-cert",
    "expect-no-session",
    "expect-session-miss",
    "ipv6",
    "new-rpk-credential",
    "new-x509-credential",
    "no-ticket",
    "no-tls12",
    "no-tls13",
    "reject-alpn",
    "require-any-client-certificate",
    "reverify-on-resume",
    "server",
    "shim-shuts-down",
    "shim-writes-first",
    "use-export-context",
    "verify-fail",
    "verify-peer",
];

/// Flags without a value that change nothing here: they are about BoringSSL's interface, or name what this project always does.
const IDLE_SWITCHES: &[&str] = &[
    // The endpoint never blocks, whatever the socket does.
    "async",
    // The verdict by OpenSSL's numbers; what it leads to is tested all the same.
    "expect-verify-result",
    // Every handshake here begins by itself.
    "implicit-handshake",
    "no-tls1",
    "no-tls11",
    // How an application says that it verifies a peer.
    "use-custom-verify-callback",
    "use-old-client-cert-callback",
];

/// Flags with a value that mean something here.
const VALUES: &[&str] = &[
    "accepted-peer-cert-types",
    "advertise-alpn",
    "available-client-cert-types",
    "cert-file",
    "cipher",
    "curves",
    "expect-advertised-alpn",
    "expect-alpn",
    "expect-cipher",
    "expect-curve-id",
    "expect-peer-cert-file",
    "expect-peer-certificate-type",
    "expect-server-name",
    "expect-version",
    "export-context",
    "export-keying-material",
    "export-label",
    "host-name",
    "initial-timeout-duration-ms",
    "key-file",
    "max-version",
    "min-version",
    "mtu",
    "port",
    "psk",
    "psk-identity",
    "repeat-shim-initial-write",
    "resume-count",
    "resumption-delay",
    "select-alpn",
    "shim-id",
    "shim-initial-write",
    "signing-prefs",
    "srtp-profiles",
    "trust-cert",
    "verify-prefs",
];

/// Flags with a value that change nothing here.
const IDLE_VALUES: &[&str] = &[
    // What the shim of another process would do.
    "handshaker-path",
    "write-settings",
    // The runner proves by itself which signature it was sent, and this project does not report the one that it was shown.
    "expect-peer-signature-algorithm",
    // This project refuses each attempt at a renegotiation, so that the total is 0.
    "expect-total-renegotiations",
];

/// Which connections of a test a flag is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    First,
    Later,
}

/// The flags of one test.
pub(crate) struct Flags(Vec<(Which, String, String)>);

/// Those of them that are about one of its connections.
pub(crate) struct Part<'a> {
    flags: &'a Flags,
    is_resumption: bool,
}

impl Flags {
    pub(crate) fn parse(arguments: &[String]) -> Result<Flags, Failure> {
        let mut flags = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let unknown = || Failure::Unimplemented(argument.clone());
            let (which, name) = target(argument.strip_prefix('-').ok_or_else(unknown)?);
            let value = if VALUES.contains(&name) || IDLE_VALUES.contains(&name) {
                arguments.next().ok_or_else(unknown)?.clone()
            } else if SWITCHES.contains(&name) || IDLE_SWITCHES.contains(&name) {
                String::new()
            } else {
                return Err(unknown());
            };
            flags.push((which, name.to_owned(), value));
        }
        Ok(Flags(flags))
    }

    /// What is about its first connection, or about those behind it.
    pub(crate) fn part(&self, is_resumption: bool) -> Part<'_> {
        Part { flags: self, is_resumption }
    }
}

fn target(flag: &str) -> (Which, &str) {
    match flag {
        _ if flag.starts_with("on-initial-") => (Which::First, &flag["on-initial-".len()..]),
        _ if flag.starts_with("on-resume-") => (Which::Later, &flag["on-resume-".len()..]),
        _ => (Which::All, flag),
    }
}

impl<'a> Part<'a> {
    /// The values of a flag that may come several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        debug_assert!(SWITCHES.contains(&name) || VALUES.contains(&name), "{name}");
        let other = if self.is_resumption { Which::First } else { Which::Later };
        let values = self.flags.0.iter().filter(move |(which, ..)| *which != other);
        let name = name.to_owned();
        values.filter_map(move |(_, flag, value)| (*flag == name).then_some(value.as_str()))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.all(name).last()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        Ok(self.value(name).map(str::parse).transpose()?)
    }

    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<u16>, Failure> {
        Ok(self.all(name).map(str::parse).collect::<Result<_, _>>()?)
    }
}
