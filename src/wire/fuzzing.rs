//! What fuzzers feed: bytes of strangers, read in every way that this room knows. Each target checks what holds for any bytes.

use super::extensions::certificate_type::Abilities;
use super::extensions::{self, Hello};
use super::handshake::{self, HandshakeFragment};
use super::hello::extensions_of_body;
use super::hello13::{Choice, Offer, cookie_at_start, offers_version, offers_version_at_start};
use super::unified_header::UnifiedHeader;
use super::{
    CertificateType, ClientHello, ConnectionId, HelloFragments, HelloStart, PublicKey, Record, Records,
    RoutabilityCheck, SrtpProfile, alert, application_protocol, certificate, certificate_type, connection_id_extension,
    describe, key_exchange, requested_signatures, server_name, session_ticket, srtp, supported_groups,
};

/// Its name, and what takes whatever bytes there are.
pub(crate) type Target = (&'static str, fn(&[u8]));

pub(crate) const TARGETS: [Target; 7] = [
    ("records", records),
    ("hello-fragments", hello_fragments),
    ("messages", messages),
    ("extensions", extensions),
    ("hellos-of-dtls13", hellos_of_dtls13),
    ("public-keys", public_keys),
    ("routability-checks", routability_checks),
];

/// The length of our connection IDs, and a datagram.
fn records(input: &[u8]) {
    let Some((&id_length, datagram)) = input.split_first() else { return };
    let id_length = id_length % 33;
    let mut records = Records::with_ids(datagram, id_length);
    let mut rest = datagram;
    while let Some(record) = records.next() {
        let (bytes, behind) = rest.split_at(record.bytes.len());
        assert_eq!((bytes, behind), (record.bytes, records.rest()), "records cover their datagram from its start");
        rest = behind;
        record_and_what_is_in_it(record);
    }
    let header = UnifiedHeader::parse(rest, id_length.into());
    assert!(header.is_none_or(|header| header.ciphertext + 16 <= header.end && header.end <= rest.len()));
}

fn record_and_what_is_in_it(record: Record<'_>) {
    let owned = record.keep();
    let again = owned.borrow();
    assert_eq!((again.bytes, again.fragment(), again.number()), (record.bytes, record.fragment(), record.number()));
    assert!(record.bytes.ends_with(record.fragment()) && record.fragment().len() < record.bytes.len());
    assert!(record.connection_id().is_none_or(|id| ConnectionId::new(id).is_some()));
    assert!(!record.is_ciphertext() || record.may_be_protected());
    assert!(record.length_beyond_room().is_none_or(|length| length > 0));
    describe(&record);
    let start = HelloStart::parse(&record);
    if let Some(start) = &start {
        assert!(record.is_client_hello() && start.session_id.len() <= 32);
        let body = start.body(&record).unwrap_or_default();
        assert!(body.len() >= 34 + start.session_id.len() + start.cookie.len());
        if let Some(first) = start.first_extensions(&record) {
            cookie_at_start(first);
            let _ = offers_version_at_start(first, 0xfefc);
        }
    }
    if let Some(hello) = ClientHello::parse(&record) {
        let start = start.unwrap_or_else(|| panic!("a whole hello without a start"));
        assert!(start.is_whole && start.random == hello.random && start.cookie == hello.cookie);
        assert_eq!(hello.parameters.suites().count() * 2, hello.parameters.cipher_suites.len());
        assert_eq!(start.body(&record).and_then(extensions_of_body), Some(hello.extensions));
        every_extension(hello.extensions);
    }
}

/// A datagram, cut into records: the first begins a message, and the others go on.
fn hello_fragments(input: &[u8]) {
    let mut records = Records::new(input);
    let Some(mut hello) = records.find_map(|record| HelloFragments::begin(&record)) else { return };
    let mut whole = hello.whole().map(<[u8]>::to_vec);
    for record in records {
        hello.add(&record);
        if let (Some(before), now) = (&whole, hello.whole()) {
            assert_eq!(Some(&before[..]), now, "what is there stays as it came first");
        }
        whole = hello.whole().map(<[u8]>::to_vec);
    }
    hello.random();
    let Some(whole) = whole else { return };
    let mut records = Records::new(&whole);
    let Some(record) = records.next() else { panic!("a whole message that is no record") };
    assert!(records.rest().is_empty());
    assert!(HandshakeFragment::parse(record.fragment()).is_some_and(|fragment| fragment.is_whole()));
    record_and_what_is_in_it(record);
}

/// One handshake message, in every way that a message is read.
fn messages(input: &[u8]) {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let mut rest = input;
    while let Some((fragment, behind)) = HandshakeFragment::split(rest) {
        assert!(fragment.fragment_offset + fragment.body.len() <= fragment.length);
        assert!(behind.len() < rest.len());
        rest = behind;
    }
    let parts = [
        length(handshake::cookie_of(input)),
        length(key_exchange::psk_identity(input)),
        length(key_exchange::psk_identity_hint(input)),
        length(certificate::first_certificate(input)),
        length(certificate::raw_public_key(input).ok().flatten()),
        certificate::chain(input).map_or(0, |chain| chain.iter().map(|der| 3 + der.len()).sum()),
        requested_signatures(input).map_or(0, |signatures| 2 * signatures.len()),
    ];
    assert!(parts.iter().all(|part| *part <= input.len()));
    if let Ok(list) = extensions::of_server_hello(&[0, 1, 16, 20, 22, 23, 35, 54, 0xff01], input) {
        every_extension(list);
    }
    if let Ok(offered) = extensions::offered(input) {
        assert!(offered.is_sorted());
    }
    if let Some(list) = extensions::encrypted(input) {
        every_extension(list);
    }
}

/// A list of extensions, of either hello.
fn extensions(input: &[u8]) {
    every_extension(input);
}

fn every_extension(list: &[u8]) {
    use CertificateType::{RawPublicKey, X509};
    for hello in [Hello::Client, Hello::Server] {
        let faults = [
            extensions::numbers(list, hello).err(),
            connection_id_extension::has_connection_id(list, hello).err(),
            connection_id_extension::allows_routability_checks(list, hello).err(),
            session_ticket::presented(list).err(),
            application_protocol::chosen(list).err(),
        ];
        for fault in faults.into_iter().flatten() {
            assert!(!fault.to_string().is_empty() && !alert::name(fault.alert()).is_empty());
        }
    }
    if let Ok(Some(protocols)) = application_protocol::offered(list) {
        assert!(!protocols.is_empty() && !application_protocol::contains(protocols, b""));
    }
    let _ = (server_name(list), supported_groups::offered(list));
    for abilities in [
        Abilities { presents: vec![X509], accepts: vec![X509] },
        Abilities { presents: vec![RawPublicKey, X509], accepts: vec![RawPublicKey, X509] },
        Abilities { presents: vec![RawPublicKey], accepts: vec![RawPublicKey] },
    ] {
        let _ = certificate_type::read_client_hello(&abilities, list);
        let _ = certificate_type::read_server_hello(&abilities, list);
    }
    let profiles: Vec<_> =
        ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"].into_iter().filter_map(SrtpProfile::from_name).collect();
    if let Ok((Some(chosen), answer)) = srtp::read_client_hello(&profiles, list) {
        assert!(profiles.contains(&chosen) && !answer.is_empty());
    }
    let _ = srtp::read_server_hello(&profiles, list);
}

/// The extensions of a ClientHello of DTLS 1.3; and the same bytes as the body of a ServerHello.
fn hellos_of_dtls13(input: &[u8]) {
    let _ = (offers_version(input, 0xfefc), cookie_at_start(input));
    if let Ok(offer) = Offer::parse(input) {
        // P-256, X25519, and X25519MLKEM768.
        let shares = [23, 29, 4588].into_iter().filter_map(|group| offer.share(group));
        assert!(shares.into_iter().all(|share| !share.is_empty()));
        if let Some(psk) = &offer.psk {
            assert!(psk.keys.get(0).is_some() && psk.uncovered <= input.len());
            assert!(psk.keys.iter().all(|key| !key.identity.is_empty() && key.proof.len() >= 32));
        }
    }
    if let Ok(choice) = Choice::parse(input) {
        assert!(!choice.is_retry() || choice.psk.is_none());
    }
}

fn public_keys(input: &[u8]) {
    if let Some(key) = PublicKey::recognise(input) {
        assert_eq!(key.der(), input);
        assert_eq!(key.is_rsa(), key.curve().is_none());
    }
}

/// Nine bytes, and how many of them there are.
fn routability_checks(input: &[u8]) {
    let Some(message) = input.first_chunk::<9>() else { return };
    for length in 0..=input.len() {
        if let Some(check) = RoutabilityCheck::parse((*message, length)) {
            assert_eq!(check.to_bytes(), *message);
        }
    }
}
