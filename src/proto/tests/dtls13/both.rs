//! Clients that offer both versions in one hello, and those who try to have them talk the older one.

use super::certificates::credentials;
use super::*;
use crate::proto::tests::certificates::issuer;
use crate::proto::tests::modes::Mode;
use crate::tls::{ConfigError, DropReason};
use rcgen::KeyPair;
use std::sync::Arc;
use std::time::Duration;

/// HelloVerifyRequest, as any stranger can send it.
const VERIFY: [u8; 13 + 12 + 11] = [
    22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23, // record
    3, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 11, // message
    254, 255, 8, 1, 2, 3, 4, 5, 6, 7, 8,
];

fn client_of_both(ciphers: &[&str]) -> ClientConfig {
    client_of(&settings_of(BOTH, ciphers, &[]), IDENTITY, KEY)
}

/// Whether each hello of the first client offers both versions, and how many there are.
fn hellos_of_both(network: &Network) -> usize {
    let hellos = sent_by(network, network.clients[0].address).into_iter().filter(|datagram| datagram[0] == 22);
    hellos.filter(|hello| hello.windows(9).any(|bytes| bytes == [0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd])).count()
}

#[test]
fn the_newest_version_that_both_sides_have_is_talked() {
    for ciphers in [
        &[][..],
        &["TLS_CHACHA20_POLY1305_SHA256", "PSK-AES128-CCM8"],
        &["TLS_AES_256_GCM_SHA384", "ECDHE-PSK-CHACHA20-POLY1305"],
    ] {
        for (config, newer) in
            [(server(), true), (psk_server(), false), (server_of(&settings_of(ONLY, &[], &[])), true)]
        {
            let mut network = Network::new(config);
            network.connect(&client_of_both(ciphers));
            network.settle();
            assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(newer), "{ciphers:?}");
            assert_eq!(network.server.suite(), network.clients[0].suite());
            talk(&mut network);
            // The handshake in DTLS 1.2 begins with a second hello as well, and that offers no less.
            assert_eq!(hellos_of_both(&network), 2);
        }
    }
}

/// RFC 6347 section 4.2.1. There are servers that bind their cookies to everything else in the hello, its proofs of keys included.
#[test]
fn a_hello_with_a_cookie_is_the_first_one_but_for_that() {
    let mut network = Network::new(psk_server());
    network.connect(&client_of_both(&[]));
    network.settle();
    talk(&mut network);
    let hellos: Vec<_> = sent_by(&network, network.clients[0].address).into_iter().take(2).collect();
    // Behind the headers of record and message stand version, random, an empty session id, and the cookie.
    let start = 13 + 12 + 2 + 32 + 1;
    let behind = |hello: &[u8]| hello[start + 1 + usize::from(hello[start])..].to_vec();
    assert_eq!((hellos[0][start], hellos[1][start] > 0), (0, true));
    assert_eq!(behind(&hellos[0]), behind(&hellos[1]));
}

#[test]
fn suites_of_one_version_alone_leave_the_other_one_out() {
    for (ciphers, newer) in [("PSK-AES128-CCM8", false), ("TLS_AES_128_GCM_SHA256", true)] {
        let mut network = Network::new(server());
        network.connect(&client_of_both(&[ciphers]));
        network.settle();
        assert_eq!(network.clients[0].suite().unwrap().is_of_dtls13(), newer);
        assert_eq!(hellos_of_both(&network), 0);
    }
}

#[test]
fn groups_of_one_version_alone_leave_the_other_one_out() {
    for (curve, newer) in [("P-521", false), ("X25519MLKEM768", true)] {
        let named = || settings_of(BOTH, &[], &[curve]);
        let either = || settings_of(BOTH, &[], &["P-256", curve]);
        for (server, client) in [
            (server_of(&either()), client_of(&named(), IDENTITY, KEY)),
            (server_of(&named()), client_of(&either(), IDENTITY, KEY)),
        ] {
            let mut network = Network::new(server);
            network.connect(&client);
            network.settle();
            assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(newer), "{curve}");
        }
    }
}

#[test]
fn an_empty_identity_leaves_the_newer_version_out() {
    let mut network = Network::new(server());
    network.keys.insert(Vec::new(), KEY.to_vec());
    network.connect(&client_of(&settings_of(BOTH, &[], &[]), b"", KEY));
    network.settle();
    assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(false));
    talk(&mut network);
}

#[test]
fn a_client_that_offers_the_newer_version_gets_no_answer_of_the_older_that_would_look_like_a_downgrade() {
    let issuer = issuer();
    let certified = || Some(credentials(&KeyPair::generate().unwrap(), &issuer));
    let both = settings_of(BOTH, &[], &[]);
    let suites = |names| settings_of(BOTH, names, &[]);
    for (config, client) in [
        // Certificates on one side, and a pre-shared key on the other.
        (ServerConfig::new(&both, certified(), false, None).unwrap(), client_of_both(&[])),
        // No suite of the newer version in common, and one of the older.
        (
            server_of(&suites(&["TLS_AES_128_CCM_SHA256", "PSK-AES128-CCM8"])),
            client_of_both(&["TLS_AES_128_GCM_SHA256", "PSK-AES128-CCM8"]),
        ),
    ] {
        let mut network = Network::new(config);
        network.connect(&client);
        network.settle();
        let errors: Vec<_> = network.clients[0].closes().map(|(_, reason)| format!("{reason:?}")).collect();
        assert_eq!(network.clients[0].error_kinds(), [ErrorKind::AlertReceived], "{errors:?}");
        assert_eq!(sent_by(&network, SERVER).pop().unwrap()[13..], [2, 40]);
        assert_eq!(network.server.error_kinds(), [ErrorKind::NoSharedCipher]);
        assert_eq!(network.server.endpoint.footprint(), 0);
    }
}

#[test]
fn a_configuration_whose_groups_no_version_has_is_refused_and_names_the_groups() {
    let older = Versions { oldest: Version::Dtls12, newest: Version::Dtls12 };
    for (versions, curve) in [(ONLY, "P-521"), (older, "X25519MLKEM768")] {
        let settings = settings_of(versions, &[], &[curve]);
        let client = ClientConfig::new(&settings, Some(ClientPsk::new(IDENTITY, KEY).unwrap()), None, None);
        assert_eq!(client.err(), Some(ConfigError::NoUsableGroup));
        assert_eq!(ServerConfig::new(&settings, None, true, None).err(), Some(ConfigError::NoUsableGroup));
    }
}

#[test]
fn a_configuration_whose_suites_are_of_a_version_that_is_left_out_is_refused_and_says_which() {
    let older = Versions { oldest: Version::Dtls12, newest: Version::Dtls12 };
    for (versions, suite, of) in
        [(ONLY, "PSK-AES128-CCM8", Version::Dtls12), (older, "TLS_AES_128_GCM_SHA256", Version::Dtls13)]
    {
        let settings = settings_of(versions, &[suite], &[]);
        let client = ClientConfig::new(&settings, Some(ClientPsk::new(IDENTITY, KEY).unwrap()), None, None);
        assert_eq!(client.err(), Some(ConfigError::SuitesOfOtherVersion(of)));
        assert_eq!(ServerConfig::new(&settings, None, true, None).err(), Some(ConfigError::SuitesOfOtherVersion(of)));
    }
}

/// A key on P-256 signs with SHA-256 alone in DTLS 1.3, and with any hash in DTLS 1.2.
#[test]
fn a_server_whose_keys_have_no_way_to_sign_in_the_newer_version_does_not_speak_it() {
    let issuer = issuer();
    let server = |versions| {
        let settings = settings_of(versions, &[], &[]);
        let wishes = Wishes { signature_algorithms: Some(vec!["ECDSA+SHA384".to_owned()]), ..settings.wishes };
        let own = credentials(&KeyPair::generate().unwrap(), &issuer);
        ServerConfig::new(&Settings { wishes, ..settings }, Some(own), false, None)
    };
    assert_eq!(server(ONLY).err(), Some(ConfigError::NoUsableSuite));
    let suites = server(BOTH).unwrap().suites().to_vec();
    assert!(!suites.is_empty() && suites.iter().all(|suite| !suite.is_of_dtls13()));
}

/// Whichever version its server chooses.
#[test]
fn a_client_gives_its_heavy_step_away() {
    for versions in [BOTH, Versions::default()] {
        let configs = Mode::Certificate.configs_of(versions, BOTH, 1200);
        let mut network = Network::with_jobs(Arc::clone(&configs.server), 4);
        network.runs_jobs_at_once = true;
        network.connect(configs.client());
        network.settle();
        talk(&mut network);
        assert_eq!(network.clients[0].endpoint.counters().jobs_started, 1, "{versions:?}");
    }
}

#[test]
fn the_server_may_ask_for_another_group() {
    let mut network = Network::new(server_of(&settings_of(BOTH, &[], &["P-256"])));
    network.connect(&client_of_both(&[]));
    network.settle();
    assert!(network.clients[0].suite().unwrap().is_of_dtls13());
    talk(&mut network);
}

#[test]
fn a_client_is_asked_who_it_is_before_the_hello_and_again_with_the_hint_of_an_older_server() {
    for (config, questions) in [(server(), 1), (psk_server(), 2)] {
        let mut network = Network::new(config);
        network.connect(&ClientConfig::asking_for_psk(&settings_of(BOTH, &[], &[]), None, None).unwrap());
        network.settle();
        assert_eq!(network.identity_questions.len(), questions);
        talk(&mut network);
    }
}

/// A client of both versions whose application has answered the first question, and a server that gives a hint.
fn answered_without_hint(versions: Versions, own: Option<(&[u8], &[u8])>) -> Network {
    let settings = settings_of(versions, &[], &[]);
    let wishes = Wishes { psk_hint: b"hint".to_vec(), ..settings.wishes };
    let mut network = Network::new(server_of(&Settings { wishes, ..settings }));
    network.keys.insert(Vec::new(), KEY.to_vec());
    network.answers_at_once = false;
    network.connect(&ClientConfig::asking_for_psk(&settings_of(BOTH, &[], &[]), None, None).unwrap());
    network.settle();
    let (address, question, hint) = network.identity_questions.pop().unwrap();
    assert_eq!((hint, network.wire.len()), (None, 0));
    assert!(network.answer_identity(address, question, own));
    network.settle();
    network.answers_at_once = true;
    network
}

#[test]
fn a_client_whose_application_needs_a_hint_goes_on_in_the_older_version_and_gets_one() {
    for versions in [BOTH, Versions::default()] {
        let mut network = answered_without_hint(versions, None);
        let (address, question, hint) = network.identity_questions.pop().unwrap();
        assert_eq!((hint.as_deref(), hellos_of_both(&network)), (Some(&b"hint"[..]), 0));
        assert!(network.answer_identity(address, question, Some((IDENTITY, KEY))));
        network.settle();
        assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(false));
        talk(&mut network);
    }
}

#[test]
fn a_client_whose_application_answers_with_an_empty_identity_goes_on_in_the_older_version() {
    let mut network = answered_without_hint(BOTH, Some((b"", KEY)));
    let (address, question, _) = network.identity_questions.pop().unwrap();
    assert!(network.answer_identity(address, question, Some((b"", KEY))));
    network.settle();
    assert_eq!(network.clients[0].suite().map(|suite| suite.is_of_dtls13()), Some(false));
    talk(&mut network);
}

#[test]
fn a_client_whose_application_fails_without_a_hint_is_asked_again_and_then_ends_there() {
    let settings = settings_of(BOTH, &[], &[]);
    let mut network = Network::new(psk_server());
    network.answers_at_once = false;
    network.connect(&ClientConfig::asking_for_psk(&settings, None, None).unwrap());
    network.settle();
    for codes in [&[][..], &[ErrorKind::LookupFailed]] {
        let (_, question, _) = network.identity_questions.pop().unwrap();
        let now = network.now;
        assert!(fail(&mut network.clients[0].endpoint, now, question, "it is null"));
        network.settle();
        assert_eq!(network.clients[0].error_kinds(), codes);
    }
    assert!(network.identity_questions.is_empty());
}

#[test]
fn a_client_whose_application_knows_no_key_with_a_hint_either_ends_there() {
    let mut network = answered_without_hint(BOTH, None);
    let (address, question, _) = network.identity_questions.pop().unwrap();
    assert!(network.answer_identity(address, question, None));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::NoPsk]);
}

#[test]
fn handshakes_survive_loss() {
    for config in [server(), psk_server()] {
        let mut network = Network::new(config);
        network.weather.loss = 10;
        let config = client_of_both(&[]);
        for _ in 0..60 {
            network.connect(&config);
        }
        network.run_for(Duration::from_secs(100));
        assert!(network.clients.iter().all(|client| client.secured().len() == 1));
    }
}

#[test]
fn a_servers_hello_in_fragments_chooses_too() {
    for versions in [BOTH, Versions::default()] {
        let settings = Settings { mtu: 80, ..settings_of(versions, &[], &[]) };
        let mut network = Network::new(server_of(&settings));
        network.connect(&client_of_both(&[]));
        network.settle();
        assert_eq!(
            network.clients[0].suite().map(|suite| suite.is_of_dtls13()),
            Some(versions.newest == Version::Dtls13)
        );
        talk(&mut network);
    }
}

#[test]
fn fragments_of_a_servers_hello_choose_in_any_order() {
    for versions in [BOTH, Versions::default()] {
        let settings = Settings { mtu: 80, ..settings_of(versions, &[], &[]) };
        let mut network = Network::new(server_of(&settings));
        network.connect(&client_of_both(&[]));
        let client = network.clients[0].address;
        let is_hello = |(from, to, sent): &(_, _, Vec<u8>)| (*from, *to, sent[0], sent[13]) == (SERVER, client, 22, 2);
        let later_part = |sent: &[u8]| sent[19..22] != [0, 0, 0];
        while !network.wire.iter().any(|sent| is_hello(sent) && later_part(&sent.2)) {
            assert!(network.step());
        }
        network.drop_in_flight();
        let wire = network.wire.clone();
        let begins = wire.iter().rposition(|sent| is_hello(sent) && !later_part(&sent.2)).unwrap();
        let (hello, rest): (Vec<_>, Vec<_>) = wire[begins..].iter().partition(|sent| is_hello(sent));
        assert!(hello.len() > 1);
        for (_, _, sent) in hello.into_iter().rev().chain(rest.into_iter().filter(|(from, ..)| *from == SERVER)) {
            network.inject(SERVER, client, sent);
        }
        network.settle();
        assert_eq!(
            network.clients[0].suite().map(|suite| suite.is_of_dtls13()),
            Some(versions.newest == Version::Dtls13)
        );
        talk(&mut network);
    }
}

#[test]
fn a_servers_hello_may_come_in_eight_parts_and_in_no_more() {
    for (parts, is_read) in [(8, true), (9, false)] {
        let mut network = Network::new(server());
        network.connect(&client_of_both(&[]));
        while sent_by(&network, SERVER).is_empty() {
            assert!(network.step());
        }
        network.drop_in_flight();
        // It is a HelloRetryRequest.
        let hello = sent_by(&network, SERVER).pop().unwrap();
        let client = network.clients[0].address;
        // All but the last have one byte each.
        let ranges = (1..parts).map(|end| end - 1..end).chain(std::iter::once(parts - 1..hello.len() - 13 - 12));
        for (range, number) in ranges.zip(100..) {
            network.inject(SERVER, client, &fragment(&hello, number, range));
        }
        network.settle();
        assert_eq!(network.clients[0].secured().len(), usize::from(is_read));
    }
}

#[test]
fn a_client_that_is_asked_who_it_is_keeps_what_may_belong_to_either_version_and_nothing_else() {
    let mut network = Network::new(server());
    network.answers_at_once = false;
    network.connect(&ClientConfig::asking_for_psk(&settings_of(BOTH, &[], &[]), None, None).unwrap());
    network.settle();
    let client = network.clients[0].address;
    let unexpected = |network: &Network| network.clients[0].endpoint.counters().drops(DropReason::Unexpected);
    for (start, is_dropped) in [
        (&[0x2e, 0, 9, 0, 30][..], false),
        // Data of DTLS 1.2, an ACK of DTLS 1.3 in plaintext, and what has an epoch that there is not.
        (&[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 30], false),
        (&[26, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 30], true),
        (&[23, 254, 253, 0, 2, 0, 0, 0, 0, 0, 9, 0, 30], true),
    ] {
        let before = unexpected(&network);
        network.inject(SERVER, client, &[start, &[7; 30]].concat());
        assert_eq!(unexpected(&network) - before, u64::from(is_dropped), "{start:?}");
    }
    let (address, question, _) = network.identity_questions.pop().unwrap();
    network.answers_at_once = true;
    assert!(network.answer_identity(address, question, Some((IDENTITY, KEY))));
    network.settle();
    talk(&mut network);
}

/// A client of both versions that has heard all of the server's flight but its hello, which is the last of these.
fn overtaken() -> (Network, SocketAddr, Vec<u8>) {
    let mut network = Network::new(server());
    network.connect(&client_of_both(&[]));
    while sent_by(&network, SERVER).len() < 2 {
        assert!(network.step());
    }
    network.drop_in_flight();
    let flight = sent_by(&network, SERVER).pop().unwrap();
    let client = network.clients[0].address;
    let end = 13 + usize::from(u16::from_be_bytes([flight[11], flight[12]]));
    network.inject(SERVER, client, &flight[end..]);
    (network, client, flight[..end].to_vec())
}

/// RFC 9147 section 7.1: so that its peer repeats the hello, without which nothing can be read.
#[test]
fn a_client_that_has_heard_what_overtook_the_servers_hello_says_so_soon() {
    let (mut network, client, _) = overtaken();
    let acknowledgments =
        |network: &Network| sent_by(network, client).into_iter().filter(|datagram| datagram[0] == 26).count();
    network.run_for(Duration::from_millis(240));
    assert_eq!(acknowledgments(&network), 0);
    network.run_for(Duration::from_millis(20));
    assert_eq!(acknowledgments(&network), 1);
    network.run_for(Duration::from_secs(3));
    talk(&mut network);
}

#[test]
fn what_overtakes_the_servers_hello_is_kept() {
    let (mut network, client, hello) = overtaken();
    network.inject(SERVER, client, &hello);
    network.settle();
    talk(&mut network);
}

// --- who would have it talk the older version ------------------------------------------------------------------------

#[test]
fn a_forged_hello_verify_request_changes_nothing() {
    let mut network = Network::new(server());
    network.connect(&client_of_both(&[]));
    let client = network.clients[0].address;
    network.inject(SERVER, client, &VERIFY);
    // The hello with the forged cookie offers both versions, too.
    assert_eq!(hellos_of_both(&network), 2);
    network.settle();
    assert!(network.clients[0].suite().unwrap().is_of_dtls13());
    network.inject(SERVER, client, &VERIFY);
    talk(&mut network);
}

/// Somebody between the two makes the hello one of DTLS 1.2 alone. Nothing in that version's handshake has to be broken for it but
/// its Finished messages, as attacks on weak key exchanges did.
#[test]
fn a_server_that_is_made_to_believe_in_an_older_client_says_so() {
    let mut network = Network::new(server());
    let (both, older) = ([4, 0xfe, 0xfc, 0xfe, 0xfd], [4, 0xfe, 0xfd, 0xfe, 0xfd]);
    network.rewrite = Some((both.to_vec(), older.to_vec()));
    network.connect(&client_of_both(&[]));
    network.settle();
    assert_eq!(network.clients[0].error_kinds(), [ErrorKind::Protocol]);
    // illegal_parameter (RFC 8446 section 4.1.3).
    assert_eq!(sent_by(&network, network.clients[0].address).pop().unwrap()[13..], [2, 47]);
    assert!(network.server.secured().is_empty());
}

#[test]
fn only_a_server_that_speaks_both_says_so_and_only_a_client_that_speaks_both_minds() {
    for (config, says_so) in [(server(), true), (psk_server(), false)] {
        let mut network = Network::new(config);
        network.connect(&psk_client(&[]));
        network.settle();
        talk(&mut network);
        let hello = sent_by(&network, SERVER).into_iter().find(|datagram| datagram[13] == 2).unwrap();
        assert_eq!(hello[13 + 12 + 2..][..32].ends_with(b"DOWNGRD\x01"), says_so);
    }
}

#[test]
fn no_alert_has_a_client_try_the_older_version() {
    for description in [70, 40, 47, 86] {
        let mut network = Network::new(server());
        network.connect(&client_of_both(&[]));
        let client = network.clients[0].address;
        network.inject(SERVER, client, &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, description]);
        network.run_for(Duration::from_secs(200));
        assert_eq!(network.clients[0].secured().len(), 0);
        assert_eq!(network.clients[0].closes().count(), 1);
        let names_both = network.clients[0].error_message().contains("DTLS 1.3 or DTLS 1.2");
        assert_eq!(names_both, description == 70, "protocol_version");
        assert_eq!(hellos_of_both(&network), 1);
    }
}

#[test]
fn a_forged_hello_of_an_older_server_leads_to_no_connection() {
    let mut network = Network::new(psk_server());
    network.connect(&psk_client(&[]));
    network.settle();
    let foreign = sent_by(&network, SERVER).into_iter().find(|datagram| datagram[13] == 2).unwrap();
    let mut network = Network::new(server());
    network.connect(&client_of_both(&[]));
    let client = network.clients[0].address;
    network.inject(SERVER, client, &foreign);
    network.run_for(Duration::from_secs(200));
    assert!(network.clients[0].secured().is_empty() && network.server.secured().is_empty());
    assert_eq!(network.clients[0].closes().count(), 1);
}

#[test]
fn parts_of_a_servers_hello_that_never_become_whole_are_bounded_and_do_no_harm() {
    let mut network = Network::new(server());
    network.connect(&client_of_both(&[]));
    let client = network.clients[0].address;
    let before = network.clients[0].endpoint.footprint();
    for number in 0..100 {
        // A byte of a ServerHello of 16,000.
        let message = [2, 0, 0x3e, 0x80, 0, 0, 0, 0, number, 0, 0, 1, 7];
        let record = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, number, 0, 13][..], &message].concat();
        network.inject(SERVER, client, &record);
    }
    assert_eq!(network.clients[0].endpoint.footprint(), before);
    network.settle();
    assert!(network.clients[0].suite().unwrap().is_of_dtls13());
    talk(&mut network);
}
