//! Types of records (RFC 9147 section 4.1).

pub(in super::super) const ALERT: u8 = 21;
pub(in super::super) const HANDSHAKE: u8 = 22;
pub(in super::super) const APPLICATION_DATA: u8 = 23;
pub(in super::super) const ACK: u8 = 26;
/// RFC 9853 section 4.
pub(in super::super) const RETURN_ROUTABILITY_CHECK: u8 = 27;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ContentType, Records};

    #[test]
    fn what_is_written_is_what_is_read() {
        for (kind, expected) in [
            (ALERT, ContentType::Alert),
            (HANDSHAKE, ContentType::Handshake),
            (APPLICATION_DATA, ContentType::ApplicationData),
            (ACK, ContentType::Ack),
            (RETURN_ROUTABILITY_CHECK, ContentType::ReturnRoutabilityCheck),
        ] {
            let record = [kind, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
            assert_eq!(Records::new(&record).next().unwrap().content_type, expected);
        }
    }
}
