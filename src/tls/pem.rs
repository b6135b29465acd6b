//! PEM (RFC 7468): texts between two marks.

const BEGIN: &[u8] = b"-----BEGIN ";

/// What a section holds.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Certificate,
    RevocationList,
}

impl Label {
    fn marks(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Label::Certificate => (b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"),
            Label::RevocationList => (b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"),
        }
    }
}

/// Whether there is any PEM in these bytes.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// The sections with this label, decoded; `None` stands for each that cannot be. What is no PEM is one section.
pub(super) fn sections(bytes: &[u8], label: Label) -> Vec<Option<Vec<u8>>> {
    if !is_pem(bytes) {
        return vec![Some(bytes.to_vec())];
    }
    let (begin, end) = label.marks();
    let mut sections = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, begin) {
        rest = rest.get(at + begin.len()..).unwrap_or_default();
        // A section without an end does not swallow the next one.
        let text = rest.get(..find(rest, BEGIN).unwrap_or(rest.len())).unwrap_or_default();
        sections.push(find(text, end).and_then(|at| base64(text.get(..at)?)));
    }
    sections
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// RFC 4648 section 4, in lines; `None` when there is anything else in it.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let (groups, []) = digits.as_chunks::<4>() else { return None };
    let (last, groups) = groups.split_last()?;
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for group in groups {
        bytes.extend_from_slice(&decode(group)?);
    }
    let padding = last.iter().rev().take_while(|&&byte| byte == b'=').count();
    let mut filled = *last;
    filled.iter_mut().rev().take(padding.min(2)).for_each(|byte| *byte = b'A');
    bytes.extend_from_slice(decode(&filled)?.get(..3 - padding.min(2))?);
    Some(bytes)
}

/// Four digits are three bytes.
fn decode(group: &[u8; 4]) -> Option<[u8; 3]> {
    let mut value = 0;
    for &digit in group {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        value = value << 6 | u32::from(six);
    }
    let [_, bytes @ ..] = value.to_be_bytes();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(text: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn sections_are_found_among_others_and_decoded() {
        let other = certificate("TQ==").replace("CERTIFICATE-", "X509 CRL-");
        let text = ["junk\n", &certificate("TWFu\r\nTWE="), &other, &certificate("TQ==")].concat();
        let found = sections(text.as_bytes(), Label::Certificate);
        assert_eq!(found, [Some(b"ManMa".to_vec()), Some(b"M".to_vec())]);
        assert_eq!(sections(certificate("TQ==").as_bytes(), Label::RevocationList), []);
    }

    #[test]
    fn what_cannot_be_decoded_leaves_its_neighbours_alone() {
        let good = certificate("TWFu");
        let unended = good.replace("-----END CERTIFICATE-----\n", "");
        let broken = ["TWF\n", "T?Fu", "====", "=TWF", "TWFuTQ=A", "", "TWFu\n-----END X509 CRL-----"].map(certificate);
        for text in broken.into_iter().chain([unended]) {
            let found = sections([text.as_str(), &good].concat().as_bytes(), Label::Certificate);
            assert_eq!(found, [None, Some(b"Man".to_vec())], "{text}");
        }
    }

    #[test]
    fn what_is_no_pem_is_one_section() {
        assert_eq!(sections(&[0x30, 0], Label::Certificate), [Some(vec![0x30, 0])]);
    }
}
