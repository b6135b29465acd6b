//! What ended a handshake, for a peer that may ask for it again (RFC 6347 section 4.2.4).

use crate::tls::outbox::Outbox;

/// Bytes that need no memory of their own: ChangeCipherSpec and Finished in one datagram, with any suite.
const SHORT: usize = 126;

/// Datagrams, most often one short one.
pub(crate) enum LastFlight {
    /// The peer has it.
    Delivered,
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    Long(Vec<Vec<u8>>),
}

impl LastFlight {
    pub(crate) fn new<'a>(mut datagrams: impl Iterator<Item = &'a [u8]>) -> LastFlight {
        let (first, second) = (datagrams.next(), datagrams.next());
        let mut bytes = [0; SHORT];
        match (first, second) {
            (None, _) => LastFlight::Delivered,
            (Some(only), None) if only.len() <= SHORT => {
                bytes[..only.len()].copy_from_slice(only);
                LastFlight::Short { length: only.len() as u8, bytes }
            }
            _ => LastFlight::Long(first.into_iter().chain(second).chain(datagrams).map(<[u8]>::to_vec).collect()),
        }
    }

    pub(crate) fn repeat(&self, out: &mut Outbox) {
        match self {
            LastFlight::Delivered => {}
            LastFlight::Short { length, bytes } => out.push(bytes.get(..usize::from(*length)).unwrap_or_default()),
            LastFlight::Long(datagrams) => datagrams.iter().for_each(|datagram| out.push(datagram)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_repeated() {
        let (short, long) = ([1; SHORT], [2; SHORT + 1]);
        let flights: [&[&[u8]]; 5] = [&[], &[&[7]], &[&short], &[&long], &[&short, &[3], &long]];
        for flight in flights {
            let mut out = Outbox::default();
            LastFlight::new(flight.iter().copied()).repeat(&mut out);
            assert!(out.datagrams().eq(flight.iter().copied()));
        }
    }
}
