//! The extension SessionTicket (RFC 5077 section 3.2), and the message that brings a ticket.

use super::{ExtensionFault, Hello, find};

const SESSION_TICKET: u16 = 35;

/// The ticket that a client presents: empty when it only says that it takes tickets; `None` when its ClientHello says
/// nothing about them.
pub(crate) fn presented(extensions: &[u8]) -> Result<Option<&[u8]>, ExtensionFault> {
    find(extensions, SESSION_TICKET, Hello::Client)
}

/// RFC 5077 section 3.2: an empty extension of the ServerHello announces a NewSessionTicket message.
pub(crate) fn server_extension() -> Vec<u8> {
    [SESSION_TICKET.to_be_bytes(), [0, 0]].concat()
}

/// The body of a NewSessionTicket message (RFC 5077 section 3.3), with a lifetime in seconds. `None` for a ticket that is
/// too long for its length.
pub(crate) fn new_session_ticket(lifetime: u32, ticket: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(ticket.len()).ok()?;
    Some([&lifetime.to_be_bytes()[..], &length.to_be_bytes(), ticket].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_presented_or_asked_for_or_neither() {
        assert_eq!(presented(&[]), Ok(None));
        assert_eq!(presented(&[0, 23, 0, 0]), Ok(None));
        assert_eq!(presented(&[0, 35, 0, 0]), Ok(Some(&[][..])));
        assert_eq!(presented(&[0, 23, 0, 0, 0, 35, 0, 3, 7, 8, 9]), Ok(Some(&[7, 8, 9][..])));
    }

    #[test]
    fn two_tickets_are_refused_and_a_cut_one_too() {
        assert_eq!(presented(&[0, 35, 0, 0, 0, 35, 0, 0]), Err(ExtensionFault::Twice(Hello::Client, 35)));
        assert_eq!(presented(&[0, 35, 0, 3, 7, 8]), Err(ExtensionFault::MalformedList(Hello::Client)));
    }

    #[test]
    fn the_message_has_the_lifetime_and_the_ticket_behind_its_length() {
        assert_eq!(new_session_ticket(300, &[7, 8]), Some(vec![0, 0, 1, 44, 0, 2, 7, 8]));
        assert_eq!(new_session_ticket(300, &[0; 65_536]), None);
    }
}
