//! Somebody who has the keys of an association, for tests: what is behind the MAC is theirs to write.
//!
//! For TLS_AES_128_GCM_SHA256, and for the first records of an epoch.

use super::protection::{Opener, Sealer};
use crate::tls::ffi::aead::Algorithm;
use crate::tls::ffi::hash::{Digest, Hash};
use crate::wire::Record;

/// Secrets of both sides, by epoch.
#[derive(Default)]
pub(crate) struct Insider {
    secrets: Vec<(bool, u64, Digest)>,
}

impl Insider {
    pub(crate) fn learn(&mut self, is_server: bool, epoch: u64, secret: &[u8]) {
        let mut digest = Digest::zeros(Hash::Sha256);
        if digest.len() == secret.len() {
            digest.as_mut().copy_from_slice(secret);
            self.secrets.push((is_server, epoch, digest));
        }
    }

    /// Of the newest epoch with these last two bits.
    fn secret(&self, is_from_server: bool, epoch_bits: u16) -> Option<(u64, Digest)> {
        let fits = |&&(is_server, epoch, _): &&(bool, u64, Digest)| {
            is_server == is_from_server && epoch & 3 == u64::from(epoch_bits & 3)
        };
        self.secrets.iter().rev().find(fits).map(|(_, epoch, secret)| (*epoch, secret.clone()))
    }

    /// The type of a record's content, the content, and the number that the record has.
    pub(crate) fn open(&self, is_from_server: bool, record: &Record<'_>) -> Option<(u8, Vec<u8>, u64)> {
        let (epoch, secret) = self.secret(is_from_server, record.epoch)?;
        let mut bytes = record.bytes.to_vec();
        let id_length = record.connection_id().map_or(0, <[u8]>::len);
        let opened = Opener::new(Algorithm::Aes128Gcm, secret, epoch).open(id_length, &mut bytes).ok()?;
        Some((opened.kind, bytes.get(opened.content)?.to_vec(), opened.number.number))
    }

    /// A record with this number, of the epoch and with the connection ID of another record.
    pub(crate) fn seal(
        &self,
        is_from_server: bool,
        like: &Record<'_>,
        number: u64,
        kind: u8,
        content: &[u8],
    ) -> Option<Vec<u8>> {
        let (epoch, secret) = self.secret(is_from_server, like.epoch)?;
        let mut sealer = Sealer::new(Algorithm::Aes128Gcm, secret, epoch);
        sealer.go_on_with(number);
        let mut record = Vec::new();
        sealer.seal(like.connection_id().unwrap_or_default(), kind, content, &mut record).ok()?;
        Some(record)
    }
}
