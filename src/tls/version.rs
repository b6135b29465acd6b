//! Versions of DTLS.

/// A version of DTLS, the older one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    #[default]
    Dtls12,
    Dtls13,
}

impl Version {
    /// node:tls's spelling.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Version::Dtls12 => "DTLSv1.2",
            Version::Dtls13 => "DTLSv1.3",
        }
    }
}

/// The oldest version that is spoken, and the newest. By default, DTLS 1.2 is the only one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Versions {
    pub(crate) oldest: Version,
    pub(crate) newest: Version,
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_have_the_names_of_node_tls_and_their_order() {
        assert_eq!([Version::Dtls12, Version::Dtls13].map(Version::name), ["DTLSv1.2", "DTLSv1.3"]);
        assert!(Version::default() == Version::Dtls12 && Version::Dtls12 < Version::Dtls13);
    }
}
