//! Messages of return routability checks (RFC 9853 section 4): a cookie, and what it is for.

/// Eight bytes that nobody can guess.
pub(crate) type Cookie = [u8; 8];

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoutabilityCheck {
    /// Whoever receives it is to send its cookie back.
    Challenge(Cookie),
    /// It has come by the path that its sender prefers.
    Response(Cookie),
    /// It has come, but its sender has left that path.
    Drop(Cookie),
}

impl RoutabilityCheck {
    /// The first bytes of a message, and how many it has. `None` for one of an unknown type, which is ignored, and for one of
    /// another length.
    pub(crate) fn parse((message, length): ([u8; 9], usize)) -> Option<RoutabilityCheck> {
        let [kind, cookie @ ..] = message;
        match kind {
            _ if length != message.len() => None,
            0 => Some(RoutabilityCheck::Challenge(cookie)),
            1 => Some(RoutabilityCheck::Response(cookie)),
            2 => Some(RoutabilityCheck::Drop(cookie)),
            _ => None,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let (kind, cookie) = match self {
            RoutabilityCheck::Challenge(cookie) => (0, cookie),
            RoutabilityCheck::Response(cookie) => (1, cookie),
            RoutabilityCheck::Drop(cookie) => (2, cookie),
        };
        let mut message = [kind; 9];
        message[1..].copy_from_slice(&cookie);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written() {
        use RoutabilityCheck::{Challenge, Drop, Response};
        for message in [Challenge([7; 8]), Response([0; 8]), Drop([255; 8])] {
            assert_eq!(RoutabilityCheck::parse((message.to_bytes(), 9)), Some(message));
            for length in [0, 1, 8, 10, 16_384] {
                assert_eq!(RoutabilityCheck::parse((message.to_bytes(), length)), None);
            }
        }
        for kind in 3..=255 {
            assert_eq!(RoutabilityCheck::parse(([kind; 9], 9)), None);
        }
    }
}
