//! Records that are sealed and opened, and the keys that they wear.

use super::*;
use crate::tls::dtls13::suite::{algorithm, hash};
use crate::tls::suites::Suite;

const APPLICATION_DATA: u8 = 23;

fn pairs() -> impl Iterator<Item = (Sealer, Opener)> {
    Suite::all_of_dtls13().iter().map(|&suite| {
        let (algorithm, secret) = (algorithm(suite).unwrap(), hash(suite).of(b"traffic secret"));
        (Sealer::new(algorithm, secret.clone(), 3), Opener::new(algorithm, secret, 3))
    })
}

fn seal(sealer: &mut Sealer, content: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    sealer.seal(&[], APPLICATION_DATA, content, &mut record).unwrap();
    record
}

#[test]
fn what_is_sealed_is_opened_once() {
    for (mut sealer, mut opener) in pairs() {
        for number in 0..300_u64 {
            let content = vec![0x61; number as usize % 70];
            let record = seal(&mut sealer, &content);
            assert_eq!(record.len(), content.len() + OVERHEAD);
            let mut copy = record.clone();
            let opened = opener.open(0, &mut copy).unwrap();
            assert_eq!(copy[opened.content], content);
            assert_eq!((opened.kind, opened.number), (APPLICATION_DATA, RecordNumber { epoch: 3, number }));
            assert!(opener.open(0, &mut record.clone()).is_err());
        }
    }
}

/// Made with Node.js's `crypto` alone: a payload of "hello", with the number 1.
#[test]
fn records_are_those_that_anybody_else_seals_with_the_same_secret() {
    let expected = [
        ("TLS_AES_128_GCM_SHA256", "2f14a200164da1394899c80d589d211e3c9a26b949bae3b5a548dd"),
        ("TLS_AES_256_GCM_SHA384", "2f13ae001666f0ca99b215f0f8e16747851de7bf5a9ab435e4809e"),
        ("TLS_CHACHA20_POLY1305_SHA256", "2f43b200166481053dff21a8de2185d14903cef649ab7230cd863c"),
        ("TLS_AES_128_CCM_SHA256", "2f2ad00016a35432b73c39157b83b081321df7c6822a1d2952566d"),
    ];
    for (name, expected) in expected {
        let suite = Suite::from_name(name).unwrap();
        let mut sealer = Sealer::new(algorithm(suite).unwrap(), hash(suite).of(b"traffic secret"), 3);
        seal(&mut sealer, b"nobody looks at the first");
        let record = seal(&mut sealer, b"hello");
        let record: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(record, expected, "{name}");
    }
}

/// RFC 9147 section 4.5.3.
#[test]
fn forgeries_are_counted_in_each_epoch_from_its_beginning() {
    for (mut sealer, mut opener) in pairs() {
        assert_eq!(opener.save().forgeries, 0);
        let mut forged = seal(&mut sealer, b"forged");
        *forged.last_mut().unwrap() ^= 1;
        assert!(opener.open(0, &mut forged).is_err());
        assert_eq!((opener.save().forgeries, opener.next().unwrap().save().forgeries), (1, 0));
    }
}

#[test]
fn every_bit_counts() {
    for (mut sealer, mut opener) in pairs() {
        let record = seal(&mut sealer, b"x");
        for bit in 0..record.len() * 8 {
            let mut forged = record.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open(0, &mut forged).is_err(), "{bit}");
        }
        assert!(opener.open(0, &mut record.clone()).is_ok());
    }
}

#[test]
fn a_connection_id_is_authenticated() {
    for (mut sealer, mut opener) in pairs() {
        let mut record = Vec::new();
        sealer.seal(&[7, 8, 9], APPLICATION_DATA, b"x", &mut record).unwrap();
        assert_eq!((record.len(), &record[1..4]), (OVERHEAD + 3 + 1, &[7, 8, 9][..]));
        let mut other = record.clone();
        other[1] ^= 1;
        assert!(opener.open(3, &mut other).is_err() && opener.open(2, &mut record.clone()).is_err());
        assert!(opener.open(3, &mut record.clone()).is_ok());
    }
}

#[test]
fn numbers_are_hidden() {
    for (mut sealer, _) in pairs() {
        let numbers: Vec<_> = (0..20).map(|_| seal(&mut sealer, b"same")[1..3].to_vec()).collect();
        assert!(numbers.windows(2).any(|pair| pair[0][0] != pair[1][0]), "{numbers:?}");
    }
}

#[test]
fn keys_wear_out() {
    for (mut sealer, mut opener) in pairs() {
        assert!(!sealer.is_worn());
        sealer.skip_to_limit(2);
        assert!(sealer.is_worn());
        sealer.next = seal_limit(sealer.protection.algorithm) - 1;
        seal(&mut sealer, b"the last one");
        assert!(sealer.seal(&[], APPLICATION_DATA, b"one too many", &mut Vec::new()).is_err());
        assert!(!opener.is_worn());
        opener.suffer(STRAINS / 2);
        assert!(!opener.is_strained());
        opener.suffer(STRAINS);
        assert!(opener.is_strained());
        assert!(!opener.is_worn() && opener.open(0, &mut [&[0x2f, 0, 9, 0, 30][..], &[7; 30]].concat()).is_err());
        assert!(opener.is_worn());
    }
}

#[test]
fn rest_changes_nothing_and_the_next_epoch_has_other_keys() {
    for (mut sealer, mut opener) in pairs() {
        let first = seal(&mut sealer, b"first");
        opener.open(0, &mut first.clone()).unwrap();
        sealer.rest();
        opener.rest();
        assert!(opener.is_at_rest());
        assert!(opener.open(0, &mut first.clone()).is_err());
        assert!(opener.open(0, &mut seal(&mut sealer, b"second")).is_ok());
        assert!(!opener.is_at_rest());
        let (mut next_sealer, mut next_opener) = (sealer.next().unwrap(), opener.next().unwrap());
        let updated = seal(&mut next_sealer, b"third");
        assert!(opener.open(0, &mut updated.clone()).is_err());
        assert_eq!(next_opener.open(0, &mut updated.clone()).unwrap().number, RecordNumber { epoch: 4, number: 0 });
    }
}

#[test]
fn nothing_but_padding_has_no_type() {
    let (mut sealer, mut opener) = pairs().next().unwrap();
    let mut record = Vec::new();
    sealer.seal(&[], 0, &[0; 30], &mut record).unwrap();
    let opened = opener.open(0, &mut record).unwrap();
    assert_eq!((opened.kind, opened.content.len()), (0, 0));
}

#[test]
fn a_record_that_is_longer_than_any_may_be_is_dropped_unread() {
    for (sealer, mut opener) in pairs() {
        let keys = Keys::new(sealer.protection.algorithm, &sealer.protection.secret).unwrap();
        // Padded with zeros.
        let record = |number: u64, ciphertext: usize| {
            let mut record = Vec::new();
            UnifiedHeader::write(3, &[], number, ciphertext, &mut record);
            record.push(APPLICATION_DATA);
            record.resize(UnifiedHeader::WRITTEN_LENGTH + ciphertext, 0);
            let (header, sealed) = record.split_at_mut(UnifiedHeader::WRITTEN_LENGTH);
            keys.aead.seal(&keys.nonce(number), header, sealed).unwrap();
            keys.mask(&mut header[1..3], sealed).unwrap();
            record
        };
        assert!(opener.open(0, &mut record(0, 16384 + 256)).is_ok());
        let long = record(1, 16384 + 257);
        let mut unread = long.clone();
        assert!(matches!(opener.open(0, &mut unread), Err(DropReason::Malformed)));
        assert!(unread == long, "nothing is computed for it");
        assert!(opener.open(0, &mut record(1, 100)).is_ok());
    }
}
