//! What a program needs to read a capture of an association: lines in the form of NSS, which Wireshark reads.

use std::fmt;
use zeroize::Zeroizing;

/// One line or more, each with its line feed. A secret: whoever has it can read the association.
pub(crate) struct KeyLog(Zeroizing<Vec<u8>>);

impl KeyLog {
    /// A line with its label, the random of the ClientHello, and the secret that it names.
    pub(super) fn line(label: &str, client_random: &[u8; 32], secret: &[u8]) -> KeyLog {
        let length = label.len() + 2 * (client_random.len() + secret.len()) + "  \n".len();
        // As long as it gets: a vector that grows leaves copies behind.
        let mut line = Zeroizing::new(Vec::with_capacity(length));
        line.extend_from_slice(label.as_bytes());
        for bytes in [&client_random[..], secret] {
            line.push(b' ');
            line.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        }
        line.push(b'\n');
        KeyLog(line)
    }

    /// These lines, and those of another log behind them.
    #[cfg(feature = "aws-lc")]
    pub(super) fn and(self, next: &KeyLog) -> KeyLog {
        let mut lines = Zeroizing::new(Vec::with_capacity(self.0.len() + next.0.len()));
        lines.extend_from_slice(&self.0);
        lines.extend_from_slice(&next.0);
        KeyLog(lines)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn digit(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

#[cfg(test)]
mod tests {
    use super::KeyLog;

    #[test]
    fn a_line_of_the_key_log_has_the_form_of_nss_and_is_not_printed() {
        let log = KeyLog::line("CLIENT_RANDOM", &[0x0a; 32], &[0xf9; 48]);
        let expected = format!("CLIENT_RANDOM {} {}\n", "0a".repeat(32), "f9".repeat(48));
        assert_eq!(log.as_bytes(), expected.as_bytes());
        assert_eq!(log.0.capacity(), log.0.len(), "a vector that grows leaves copies behind");
        assert_eq!(format!("{log:?}"), "KeyLog");
    }
}
