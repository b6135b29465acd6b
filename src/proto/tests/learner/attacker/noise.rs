//! What the attacker says that no handshake has a place for.

use super::messages::{self, HEADER, HELLO_REQUEST, message};
use super::secrets::{VERIFY_DATA, record};
use super::speaker::Speaker;
use super::{
    ACK, ALERT, ANNOUNCEMENT_OF_MOVE, APPLICATION_DATA, CHANGE_CIPHER_SPEC, FATAL, HANDSHAKE, HEARTBEAT,
    ROUTABILITY_CHECK, WARNING, WITH_CONNECTION_ID, random,
};

/// Messages that no handshake has a place for, of either role: noise, alerts, data, and what belongs to other protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Noise {
    PlainWarning,
    PlainCloseNotify,
    PlainFatal,
    PlainHelloRequest,
    PlainData,
    PlainRoutabilityCheck,
    PlainAck,
    ForgedFinished,
    ForgedConnectionId,
    Heartbeat,
    AnnouncementOfMove,
    Ciphertext13,
    EmptyHandshake,
    SealedWarning,
    SealedFatal,
    SealedCloseNotify,
    SealedHelloRequest,
    SealedRenegotiation,
    SealedChangeCipherSpec,
    SealedKeyUpdate,
    SealedRoutabilityCheck,
    Data,
    DataAgain,
    DataOfNextEpoch,
    DataOfFormer,
}

impl Noise {
    /// Whether whoever has sent it has the keys of the connection at hand.
    pub(in super::super) fn is_authentic(self) -> bool {
        use Noise::*;
        matches!(
            self,
            SealedWarning
                | SealedFatal
                | SealedCloseNotify
                | SealedHelloRequest
                | SealedRenegotiation
                | SealedChangeCipherSpec
                | SealedKeyUpdate
                | SealedRoutabilityCheck
                | Data
                | AnnouncementOfMove
        )
    }

    pub(in super::super) const ALL: [(&'static str, Noise); 25] = [
        ("warning in the clear", Noise::PlainWarning),
        ("close_notify in the clear", Noise::PlainCloseNotify),
        ("fatal alert in the clear", Noise::PlainFatal),
        ("HelloRequest in the clear", Noise::PlainHelloRequest),
        ("data in the clear", Noise::PlainData),
        ("routability check in the clear", Noise::PlainRoutabilityCheck),
        ("ACK in the clear", Noise::PlainAck),
        ("Finished under a wrong key", Noise::ForgedFinished),
        ("record with a made-up connection ID", Noise::ForgedConnectionId),
        ("heartbeat", Noise::Heartbeat),
        ("announcement of a move", Noise::AnnouncementOfMove),
        ("ciphertext of DTLS 1.3", Noise::Ciphertext13),
        ("handshake record without content", Noise::EmptyHandshake),
        ("warning", Noise::SealedWarning),
        ("fatal alert", Noise::SealedFatal),
        ("close_notify", Noise::SealedCloseNotify),
        ("HelloRequest, sealed", Noise::SealedHelloRequest),
        ("ClientHello, sealed", Noise::SealedRenegotiation),
        ("ChangeCipherSpec, sealed", Noise::SealedChangeCipherSpec),
        ("KeyUpdate, sealed", Noise::SealedKeyUpdate),
        ("routability check, sealed", Noise::SealedRoutabilityCheck),
        ("data", Noise::Data),
        ("data, the same record again", Noise::DataAgain),
        ("data of the next epoch", Noise::DataOfNextEpoch),
        ("data of the former connection", Noise::DataOfFormer),
    ];
}

impl Speaker {
    /// Whoever has no keys yet keeps what comes under them, and how many such records of which kind have come would be a state
    /// each. So nothing but Finished is sealed before the end of a handshake.
    fn may_say(&self, noise: Noise) -> bool {
        let is_sealed = noise.is_authentic() || matches!(noise, Noise::DataAgain | Noise::DataOfNextEpoch);
        self.now.is_open() || !is_sealed
    }

    /// The datagram with it; `None` where it would lead to states without end.
    pub(super) fn noise(&mut self, noise: Noise) -> Option<Vec<u8>> {
        self.may_say(noise).then(|| self.make_noise(noise))
    }

    fn make_noise(&mut self, noise: Noise) -> Vec<u8> {
        let hello_request = message(HELLO_REQUEST, self.now.sequence, &[]);
        match noise {
            Noise::PlainWarning => self.plain(ALERT, &[WARNING, 90]),
            Noise::PlainCloseNotify => self.plain(ALERT, &[WARNING, 0]),
            Noise::PlainFatal => self.plain(ALERT, &[FATAL, 40]),
            Noise::PlainHelloRequest => self.plain(HANDSHAKE, &hello_request),
            Noise::PlainData => self.plain(APPLICATION_DATA, b"in the clear"),
            Noise::PlainRoutabilityCheck => self.plain(ROUTABILITY_CHECK, &[0; 9]),
            Noise::PlainAck => self.plain(ACK, &[0, 0]),
            // Of the length that it would have: explicit nonce, message, tag.
            Noise::ForgedFinished => record(HANDSHAKE, 1, 0, &random::<{ 8 + HEADER + VERIFY_DATA + 16 }>()),
            Noise::ForgedConnectionId => {
                let header = [WITH_CONNECTION_ID, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9];
                [&header[..], &random::<4>(), &[0, 40], &random::<40>()].concat()
            }
            Noise::Heartbeat => self.plain(HEARTBEAT, &[1, 0, 3, 1, 2, 3]),
            Noise::AnnouncementOfMove => {
                let inner = self.seal(APPLICATION_DATA, 1, b"announced");
                [&[ANNOUNCEMENT_OF_MOVE], &inner[1..], b"device", &[6]].concat()
            }
            Noise::Ciphertext13 => [&[0x2e, 0, 1, 0, 30][..], &random::<30>()].concat(),
            Noise::EmptyHandshake => self.plain(HANDSHAKE, &[]),
            Noise::SealedWarning => self.seal(ALERT, 1, &[WARNING, 90]),
            Noise::SealedFatal => self.seal(ALERT, 1, &[FATAL, 40]),
            Noise::SealedCloseNotify => self.seal(ALERT, 1, &[WARNING, 0]),
            Noise::SealedHelloRequest => self.seal(HANDSHAKE, 1, &hello_request),
            Noise::SealedRenegotiation => {
                let extensions =
                    messages::client_extensions(self.proofs.has_certificates(), self.proofs.has_raw_keys());
                let body = messages::client_hello(&random::<32>(), &[], self.proofs.suite(), &extensions);
                let whole = message(messages::CLIENT_HELLO, self.now.sequence, &body);
                self.seal(HANDSHAKE, 1, &whole)
            }
            Noise::SealedChangeCipherSpec => self.seal(CHANGE_CIPHER_SPEC, 1, &[1]),
            Noise::SealedKeyUpdate => {
                let whole = message(messages::KEY_UPDATE, self.now.sequence, &[0]);
                self.seal(HANDSHAKE, 1, &whole)
            }
            Noise::SealedRoutabilityCheck => self.seal(ROUTABILITY_CHECK, 1, &[0; 9]),
            Noise::Data => {
                let record = self.seal(APPLICATION_DATA, 1, b"sealed");
                self.now.sent_data = Some(record.clone());
                record
            }
            Noise::DataAgain => match &self.now.sent_data {
                Some(record) => record.clone(),
                None => record(APPLICATION_DATA, 1, 0, &random::<40>()),
            },
            Noise::DataOfNextEpoch => self.seal(APPLICATION_DATA, 2, b"of the next epoch"),
            Noise::DataOfFormer => match &mut self.former {
                Some(former) => former.seal(&[], APPLICATION_DATA, 1, b"of the former connection"),
                None => record(APPLICATION_DATA, 1, 0, &random::<40>()),
            },
        }
    }
}
