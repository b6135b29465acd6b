//! node-mbed-dtls's announcement of a new address: a datagram of content type 254, which is no part of DTLS.
//!
//! A device whose address has changed writes its name behind an application record. This is how that datagram names its
//! connection; `moves.rs` decides whether the connection moves.

use crate::wire::{RECORD_HEADER_LENGTH, Records};

/// Content type of the announcement, in place of application_data.
const ANNOUNCEMENT: u8 = 254;
const APPLICATION_DATA: u8 = 23;

/// A record of a device whose address has changed, with the device's name behind it.
pub(super) struct MoveAnnouncement<'a> {
    /// The application record, with its own content type again.
    pub(super) datagram: Vec<u8>,
    pub(super) device_id: &'a [u8],
}

impl<'a> MoveAnnouncement<'a> {
    /// `FE`, the rest of one whole record, the device's name, and the length of the name.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<MoveAnnouncement<'a>> {
        if datagram.first() != Some(&ANNOUNCEMENT) {
            return None;
        }
        let (&length, rest) = datagram.split_last()?;
        let (record, device_id) = rest.split_at_checked(rest.len().checked_sub(length.into())?)?;
        if device_id.is_empty() || record.len() <= RECORD_HEADER_LENGTH {
            return None;
        }
        let mut datagram = record.to_vec();
        *datagram.first_mut()? = APPLICATION_DATA;
        let mut records = Records::new(&datagram);
        let is_whole = records.next().is_some() && records.rest().is_empty();
        is_whole.then_some(MoveAnnouncement { datagram, device_id })
    }
}
