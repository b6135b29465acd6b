//! What only shows with both ends of an association at hand.

#[cfg(feature = "aws-lc")]
mod key_exchange;

use super::exporter::export;
use super::ffi::ssl::Ssl;
use crate::tls::config::{Settings, Wishes};
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::{EXPORT_LIMIT, ExportError};
use crate::tls::master_secret::MasterSecret;
use crate::tls::mbed::{ClientConfig, ServerConfig};
use crate::tls::outbox::Outbox;
use crate::tls::psk::ClientPsk;
use crate::tls::saved::{SavedDtls12, SessionId};
use crate::tls::suites::Suite;
use crate::wire::ConnectionId;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

fn settings(cipher: &str) -> Settings {
    Settings {
        ciphers: Some(vec![cipher.to_owned()]),
        wishes: Wishes::default(),
        revocations: None,
        first_interval: Duration::from_secs(1),
        longest_interval: Duration::from_secs(60),
        mtu: 1200,
    }
}

/// The two ends of one association, without a handshake.
fn ends(saved: &SavedDtls12) -> [Ssl; 2] {
    let settings = settings(saved.suite.name());
    let now = Instant::now();
    let server = ServerConfig::new(&settings, None, true, None).unwrap();
    let psk = ClientPsk::new(b"device", b"0123456789abcdef").unwrap();
    let client = ClientConfig::new(&settings, Some(psk), None, None).unwrap();
    let mut ends = [server.ssl, client.ssl].map(|config| Ssl::new(&config, now, Duration::MAX).unwrap());
    let [own, peer] = [ConnectionIds::own, ConnectionIds::peer]
        .map(|id| ConnectionId::new(saved.connection_ids.as_ref().map(id).unwrap_or_default()).unwrap());
    let of_client = SavedDtls12 { connection_ids: Some(ConnectionIds::new(&peer, &own, false)), ..saved.clone() };
    ends[0].restore(saved, 1, 0).unwrap();
    ends[1].restore(&of_client, 1, 0).unwrap();
    ends
}

fn saved(suite: Suite, encrypt_then_mac: bool, [own, peer]: [usize; 2]) -> SavedDtls12 {
    let [own, peer] = [own, peer].map(|length| ConnectionId::new(&vec![length as u8; length]).unwrap());
    SavedDtls12 {
        suite,
        is_client: false,
        randoms: Zeroizing::new([3; 64]),
        session_id: SessionId::default(),
        master_secret: MasterSecret::from(&[5; 48]),
        epoch: 1,
        next_number: 1,
        replay_window: None,
        max_fragment_length: None,
        encrypt_then_mac,
        extended_master_secret: Some(true),
        connection_ids: Some(ConnectionIds::new(&own, &peer, false)),
    }
}

/// What a server keeps of a connection by a pre-shared key.
pub(super) fn saved_for_psk() -> SavedDtls12 {
    saved(Suite::from_name("PSK-AES128-CCM8").unwrap(), false, [0, 0])
}

/// Sends a payload, and the same with any one byte of it changed, which must not be taken.
fn pass([from, to]: [&mut Ssl; 2], payload: &[u8]) {
    let now = Instant::now();
    let mut out = Outbox::default();
    from.with(now, None, &mut out, |ssl| ssl.write(payload)).unwrap();
    let record = out.first().unwrap().to_vec();
    let mut plaintext = vec![0; record.len()];
    for at in 3..record.len() {
        let mut forged = record.clone();
        forged[at] ^= 1;
        let window = to.replay_window();
        assert!(to.with(now, Some(&forged), &mut Outbox::default(), |ssl| ssl.read(&mut plaintext)).is_err());
        assert_eq!(to.replay_window(), window);
    }
    let length = to.with(now, Some(&record), &mut Outbox::default(), |ssl| ssl.read(&mut plaintext)).unwrap();
    assert_eq!(&plaintext[..length], payload);
}

#[test]
fn what_is_exported_has_a_label_and_a_length_that_there_is() {
    let saved = saved(Suite::from_name("PSK-AES128-CCM8").unwrap(), false, [0, 0]);
    for (label, is_good) in [
        (&b"EXPORTER-of-a-test"[..], true),
        (b"", false),
        (b"with\0zero", false),
        (b"client finished", false),
        (b"server finished", false),
        (b"master secret", false),
        (b"extended master secret", false),
        (b"key expansion", false),
        (b"key expansions", true),
    ] {
        let exported = export(&saved, label, None, 16).map(|bytes| bytes.len());
        assert_eq!(exported, if is_good { Ok(16) } else { Err(ExportError::Label) }, "{label:?}");
    }
    for (length, is_good) in [(0, false), (1, true), (EXPORT_LIMIT, true), (EXPORT_LIMIT + 1, false)] {
        let exported = export(&saved, b"label", None, length).map(|bytes| bytes.len());
        assert_eq!(exported, if is_good { Ok(length) } else { Err(ExportError::Length) });
    }
    let with = |context: Option<&[u8]>| export(&saved, b"label", context, 32).map(|bytes| bytes.to_vec());
    assert_eq!(with(Some(&[0; 65_536])), Err(ExportError::Length));
    let all = [with(None), with(Some(&[])), with(Some(&[0])), with(Some(&[0; 65_535]))].map(Result::unwrap);
    assert_eq!(all.into_iter().collect::<std::collections::HashSet<_>>().len(), 4, "each differs from the others");
}

/// RFC 9146 sections 5.1 to 5.3: MAC-then-encrypt, encrypt-then-MAC, AEAD.
#[test]
fn every_suite_protects_every_byte_of_records_with_connection_ids() {
    // Each cipher is there with a key exchange that needs nothing else.
    for &suite in Suite::all().iter().filter(|suite| suite.key_exchange().uses_psk()) {
        for encrypt_then_mac in [false, true] {
            for lengths in [[8, 6], [32, 1], [0, 3]] {
                let [mut server, mut client] = ends(&saved(suite, encrypt_then_mac && suite.is_cbc(), lengths));
                pass([&mut client, &mut server], b"to the server");
                pass([&mut server, &mut client], b"to the client");
            }
        }
    }
}
