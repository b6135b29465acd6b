//! What a handshake has heard from its peer. A client that gives up says it: each case has another remedy.

use crate::tls::{Error, ErrorKind};
use crate::wire::{Record, alert};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// Datagrams without a record of DTLS.
    Noise,
    /// Nothing but alerts. This is the last, as far as it could be read.
    Alerts(Option<u8>),
    Handshake,
}

impl Heard {
    pub(super) fn noise(&mut self) {
        if *self == Heard::Nothing {
            *self = Heard::Noise;
        }
    }

    pub(super) fn record(&mut self, record: &Record<'_>) {
        if *self == Heard::Handshake {
            return;
        }
        *self = match (record.is_alert(), record.fragment()) {
            (false, _) => Heard::Handshake,
            (true, &[_, description]) => Heard::Alerts(Some(description)),
            (true, _) => Heard::Alerts(None),
        };
    }

    /// Why a handshake with such a peer has come to nothing for so many milliseconds; `None` when it got further than that.
    pub(super) fn error(self, timeout: u128) -> Option<Error> {
        match self {
            Heard::Nothing => {
                let message = format!("Nothing has come from the peer within {timeout} ms");
                Some(Error::new(ErrorKind::NoAnswer, message))
            }
            Heard::Noise => {
                let message = format!("What has come from the peer within {timeout} ms is not DTLS");
                Some(Error::new(ErrorKind::NotDtls, message))
            }
            Heard::Alerts(description) => {
                let name = description.map_or("that cannot be read", alert::name);
                let message = format!("The peer has sent nothing but alerts within {timeout} ms, at last {name}");
                let error = Error::new(ErrorKind::AlertReceived, message);
                Some(description.into_iter().fold(error, Error::with_alert))
            }
            Heard::Handshake => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Records;

    #[test]
    fn an_alert_says_nothing_of_a_peer_that_has_begun_a_handshake() {
        let bytes = alert::plaintext(0, alert::FATAL, alert::UNKNOWN_CA);
        let record = Records::new(&bytes).next().unwrap();
        let after_alert = |mut heard: Heard| {
            heard.record(&record);
            heard
        };
        for heard in [Heard::Nothing, Heard::Noise, Heard::Alerts(None)] {
            assert_eq!(after_alert(heard), Heard::Alerts(Some(alert::UNKNOWN_CA)));
        }
        assert_eq!(after_alert(Heard::Handshake), Heard::Handshake);
    }

    #[test]
    fn what_is_no_dtls_says_nothing_of_a_peer_that_has_sent_dtls() {
        let after_noise = |mut heard: Heard| {
            heard.noise();
            heard
        };
        assert_eq!(after_noise(Heard::Nothing), Heard::Noise);
        for heard in [Heard::Noise, Heard::Alerts(None), Heard::Alerts(Some(alert::UNKNOWN_CA)), Heard::Handshake] {
            assert_eq!(after_noise(heard), heard);
        }
    }
}
