//! Sessions in DTLS 1.3: tickets that follow a handshake, and handshakes that resume what they stand for.

use super::*;
use crate::proto::tests::certificates::{issuer, leaf};
use crate::proto::tests::resumption::*;
use crate::proto::{Event, NamePattern, SessionSettings, TicketKeys, WallClock};
use crate::tls::{Authorization, Credentials, PeerAuthentication, TrustAnchors};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;
use std::time::Duration;

fn only() -> Settings {
    settings_of(ONLY, &[], &[])
}

fn protocols(names: &[&str]) -> Settings {
    let mut settings = only();
    settings.wishes.protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    settings
}

/// A server for pre-shared keys, and what one client has kept of a handshake with it.
fn visited(change: impl FnOnce(&mut SessionSettings)) -> (Network, Vec<u8>) {
    let mut network = Network::new(server());
    remember(&mut network, change);
    let first = connect(&mut network, client(), None);
    assert!(!has_resumed(&mut network, first));
    let session = session_of(&network, first).unwrap();
    (network, session)
}

/// The same where the two sides have certificates.
fn certified(credits: &Credits, change: impl FnOnce(&mut SessionSettings)) -> (Network, Vec<u8>) {
    let mut network = Network::new(credits.server_with(&only(), None));
    remember(&mut network, change);
    let first = connect(&mut network, credits.client_with(&only(), |_| {}), None);
    assert!(!has_resumed(&mut network, first));
    let session = session_of(&network, first).unwrap();
    (network, session)
}

fn resumes(network: &mut Network, config: ClientConfig, session: &[u8]) -> bool {
    let client = connect(network, config, Some(session));
    has_resumed(network, client)
}

/// Where a client's session has its ticket.
const TICKET: usize = 89;

fn ticket(session: &[u8]) -> &[u8] {
    let length = usize::from(u16::from_be_bytes([session[TICKET - 2], session[TICKET - 1]]));
    &session[TICKET..TICKET + length]
}

fn sessions_told(peer: &Peer) -> usize {
    peer.log.iter().filter(|event| matches!(event, Event::Session { .. })).count()
}

/// Bytes of the longest plaintext datagram with a hello.
fn longest_hello(network: &Network, client: usize) -> usize {
    let hellos = sent_by(network, network.clients[client].address).into_iter().filter(|datagram| datagram[0] == 22);
    hellos.map(|hello| hello.len()).max().unwrap()
}

#[test]
fn a_client_with_a_key_resumes_by_ticket_and_by_id_with_every_suite() {
    for (change, kept) in [(by_ticket as fn(&mut SessionSettings), 0), (by_id, 1)] {
        for suite in names(Suite::all_of_dtls13()) {
            let config = || client_of(&settings_of(ONLY, &[suite], &[]), IDENTITY, KEY);
            let mut network = Network::new(server());
            remember(&mut network, change);
            let first = connect(&mut network, config(), None);
            assert!(!has_resumed(&mut network, first));
            assert_eq!((sessions_told(&network.clients[first]), network.server.endpoint.sessions()), (1, kept));
            let session = session_of(&network, first).unwrap();
            network.keys.clear();
            let second = connect(&mut network, config(), Some(&session));
            assert!(has_resumed(&mut network, second), "{suite}");
            assert_eq!(last(&network.server).psk_identity, Some(IDENTITY));
            assert_eq!(last(&network.server).terms.authorization, Authorization::Granted);
            assert_eq!(network.clients[second].suite().unwrap().name(), suite);
            // There is another session now, and the server keeps no more than before.
            let next = session_of(&network, second).unwrap();
            assert!(next != session && ticket(&next) != ticket(&session));
            assert_eq!(network.server.endpoint.sessions(), kept);
            assert!(resumes(&mut network, config(), &next));
            // A ticket is good until its time is over. What is kept is good for once.
            assert_eq!(resumes_without_key(&mut network, config(), &session), kept == 0);
        }
    }
}

/// For a client whose identity nobody knows any more.
fn resumes_without_key(network: &mut Network, config: ClientConfig, session: &[u8]) -> bool {
    let before = network.server.secured().len();
    connect(network, config, Some(session));
    network.server.secured().len() > before
}

#[test]
fn certificates_and_authorization_come_back_with_the_session() {
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        let credits = Credits::new();
        let mut network = Network::new(credits.server_with(&only(), Some(credits.authority())));
        remember(&mut network, change);
        let first = connect(&mut network, credits.client_with(&only(), |_| {}), None);
        assert!(!has_resumed(&mut network, first));
        let device = last(&network.server).certificate.unwrap().to_vec();
        let server = last(&network.clients[first]).certificate.unwrap().to_vec();
        let mut session = session_of(&network, first).unwrap();
        for _ in 0..3 {
            let client = connect(&mut network, credits.client_with(&only(), |_| {}), Some(&session));
            assert!(has_resumed(&mut network, client));
            assert_eq!(last(&network.server).certificate, Some(&device[..]));
            assert_eq!(last(&network.clients[client]).certificate, Some(&server[..]));
            for peer in [&network.server, &network.clients[client]] {
                assert_eq!(last(peer).terms.authorization, Authorization::Granted);
            }
            session = session_of(&network, client).unwrap();
        }
    }
}

#[test]
fn a_resumed_handshake_and_its_ticket_survive_loss() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, |settings| {
        by_ticket(settings);
        settings.lifetime = Duration::from_secs(86_400);
    });
    network.weather = Weather { loss: 20, duplication: 20, jitter: Duration::from_millis(30) };
    for _ in 0..20 {
        let config = credits.client_with(&only(), |_| {}).resuming(clock_at_start(&network), Some(&session));
        let client = network.connect(&config);
        network.run_for(Duration::from_secs(100));
        assert!(last(&network.clients[client]).resumed);
        assert_eq!(sessions_told(&network.clients[client]), 1);
    }
    assert_eq!(network.server.secured().len(), 21);
}

#[test]
fn a_ticket_is_repeated_until_it_has_arrived_and_then_no_more() {
    let mut network = Network::new(server());
    remember(&mut network, by_ticket);
    let config = client().resuming(clock_at_start(&network), None);
    let client = network.connect(&config);
    while network.server.secured().is_empty() {
        assert!(network.step());
    }
    // An ACK, and the ticket.
    network.drop_in_flight();
    let before = network.wire.len();
    network.run_for(Duration::from_secs(10));
    assert_eq!((sessions_told(&network.clients[client]), network.clients[client].secured().len()), (1, 1));
    // The client's Finished and the server's ACK again, the ticket again, and its ACK.
    assert!((3..=6).contains(&(network.wire.len() - before)), "{}", network.wire.len() - before);
    let settled = network.wire.len();
    network.run_for(Duration::from_secs(1000));
    assert_eq!(network.wire.len(), settled);
    assert_eq!(network.server.endpoint.counters().retransmissions, 0);
}

#[test]
fn a_client_that_never_takes_its_ticket_costs_the_server_nothing_in_the_end() {
    let mut network = Network::new(server());
    remember(&mut network, by_ticket);
    let config = client().resuming(clock_at_start(&network), None);
    network.connect(&config);
    while network.server.secured().is_empty() {
        assert!(network.step());
    }
    network.weather.loss = 100;
    network.drop_in_flight();
    let before = network.wire.len();
    network.run_for(Duration::from_secs(3600));
    assert!(network.wire.len() - before < 25, "{}", network.wire.len() - before);
    assert_eq!(network.server.endpoint.sleepers(), 1);
    // Nothing is under way any more, so that it could go on in another process.
    let handle = network.server.secured()[0];
    assert!(network.server.endpoint.take_out(handle).is_some());
}

#[test]
fn handshakes_with_a_key_are_forgotten_unless_the_application_wants_otherwise() {
    let mut network = Network::new(server());
    remember(&mut network, |settings| settings.remembers_psk = false);
    let first = connect(&mut network, client(), None);
    assert_eq!((session_of(&network, first), network.server.endpoint.sessions()), (None, 0));
    // One of before is not taken either.
    let (mut network, session) = visited(by_ticket);
    let keys = network.server.endpoint.ticket_keys(network.now).unwrap().to_bytes();
    remember(&mut network, |settings| {
        settings.remembers_psk = false;
        settings.ticket_keys = TicketKeys::parse(&keys);
    });
    assert!(!resumes(&mut network, client(), &session));
}

#[test]
fn a_server_that_remembers_nothing_sends_no_ticket_and_takes_none() {
    let (_, session) = visited(by_ticket);
    let mut network = Network::new(server());
    let client = connect(&mut network, client(), Some(&session));
    assert!(!has_resumed(&mut network, client));
    assert_eq!((session_of(&network, client), sessions_told(&network.clients[client])), (None, 0));
}

#[test]
fn a_client_that_remembers_nothing_gets_no_ticket() {
    let mut network = Network::new(server());
    remember(&mut network, by_ticket);
    network.connect(&client());
    network.settle();
    // It offers a pre-shared key, so that it could use one; it has no clock to use it by.
    assert_eq!(sessions_told(&network.clients[0]), 0);
    let credits = Credits::new();
    let mut network = Network::new(credits.server_with(&only(), None));
    remember(&mut network, by_ticket);
    network.connect(&credits.client_with(&only(), |_| {}));
    network.settle();
    // It says nothing of keys at all (RFC 8446 section 4.2.9): HelloRetryRequest, the flight, and an ACK.
    let client = network.clients[0].address;
    let last_of_client = network.wire.iter().rposition(|(from, ..)| *from == client).unwrap();
    assert_eq!(network.wire.len() - last_of_client, 2);
}

// --- how long --------------------------------------------------------------------------------------------------------

#[test]
fn a_session_ends_with_its_lifetime_and_with_its_key() {
    for (change, wait, expected) in [
        (by_id as fn(&mut SessionSettings), LIFETIME - 2, true),
        (by_id, LIFETIME + 1, false),
        (by_ticket, LIFETIME - 2, true),
        (by_ticket, LIFETIME + 1, false),
        (by_ticket, 3 * LIFETIME, false),
    ] {
        let credits = Credits::new();
        let (mut network, session) = certified(&credits, change);
        network.now += Duration::from_secs(wait);
        assert_eq!(resumes(&mut network, credits.client_with(&only(), |_| {}), &session), expected, "{wait}");
    }
}

#[test]
fn what_was_proved_once_is_not_good_for_longer_because_it_is_resumed() {
    let credits = Credits::new();
    let (mut network, mut session) = certified(&credits, by_ticket);
    for (wait, expected) in [(LIFETIME / 2, true), (LIFETIME / 4, true), (LIFETIME / 4 + 1, false)] {
        network.now += Duration::from_secs(wait);
        let client = connect(&mut network, credits.client_with(&only(), |_| {}), Some(&session));
        assert_eq!(has_resumed(&mut network, client), expected, "{wait}");
        session = session_of(&network, client).unwrap();
    }
}

/// A server with the same keys whose clock says something else.
fn with_clock(keys: &[u8], unix: u64) -> Network {
    let mut network = Network::new(server());
    let other = WallClock::new(network.now, Duration::from_secs(unix));
    remember(&mut network, |settings| {
        by_ticket(settings);
        settings.ticket_keys = TicketKeys::parse(keys);
        settings.clock = other;
    });
    network
}

#[test]
fn a_server_whose_clock_is_another_or_was_set_back_resumes_within_an_hour_and_otherwise_not() {
    let keys = [7; 48];
    let (_, session) = visited(|settings| settings.ticket_keys = TicketKeys::parse(&keys));
    for (difference, expected) in [(0, true), (-3000, true), (-3700, false), (250, true), (LIFETIME as i64 + 1, false)]
    {
        let mut network = with_clock(&keys, 1_800_000_000_u64.checked_add_signed(difference).unwrap());
        assert_eq!(resumes(&mut network, client(), &session), expected, "{difference}");
    }
}

#[test]
fn an_age_that_cannot_be_leads_to_a_full_handshake() {
    let (mut network, session) = visited(by_ticket);
    // What hides the age is something else: the age is days, or weeks.
    for byte in 81..83 {
        let mut other = session.clone();
        other[byte] ^= 0x40;
        assert!(!resumes(&mut network, client(), &other));
    }
    // A client that goes on offering what is over by its clock, where the server's was set back.
    let keys = network.server.endpoint.ticket_keys(network.now).unwrap().to_bytes();
    let mut late = session.clone();
    late[13..17].copy_from_slice(&(10 * LIFETIME as u32).to_be_bytes());
    let mut network = with_clock(&keys, 1_800_000_000);
    assert!(resumes(&mut network, client(), &late));
    late[5..13].copy_from_slice(&(1_800_000_000 - LIFETIME - 1).to_be_bytes());
    assert!(!resumes(&mut network, client(), &late));
}

#[test]
fn a_lifetime_is_a_week_at_most() {
    let (network, session) = visited(|settings| settings.lifetime = Duration::from_secs(30 * 86_400));
    assert_eq!(u32::from_be_bytes(session[13..17].try_into().unwrap()), 7 * 86_400);
    assert!(network.server.error_kinds().is_empty());
}

// --- what it is bound to ---------------------------------------------------------------------------------------------

#[test]
fn processes_that_share_keys_and_configuration_resume_each_others_sessions_and_no_others() {
    let credits = Credits::new();
    let server = |clients| credits.server_with(&only(), clients);
    let mut first = Network::new(server(Some(credits.authority())));
    remember(&mut first, |settings| settings.ticket_keys = TicketKeys::parse(&[7; 48]));
    let client = connect(&mut first, credits.client_with(&only(), |_| {}), None);
    let session = session_of(&first, client).unwrap();
    let resumed = |server: ServerConfig, keys: [u8; 96]| {
        let mut second = Network::new(server);
        remember(&mut second, |settings| settings.ticket_keys = TicketKeys::parse(&keys));
        resumes(&mut second, credits.client_with(&only(), |_| {}), &session)
    };
    let keys = |first: u8, second: u8| [[first; 48], [second; 48]].concat().try_into().unwrap();
    assert!(resumed(server(Some(credits.authority())), keys(7, 8)));
    assert!(resumed(server(Some(credits.authority())), keys(8, 7)));
    assert!(!resumed(server(Some(credits.authority())), keys(8, 9)));
    // Who asks for more, or for less, has not seen what the session says.
    assert!(!resumed(server(None), keys(7, 8)));
    assert!(!resumed(server(Some(PeerAuthentication { required: false, ..credits.authority() })), keys(7, 8)));
    let other = Arc::new(TrustAnchors::parse(&[issuer().pem(), credits.issuer.pem()]).unwrap());
    assert!(!resumed(
        server(Some(PeerAuthentication { trust_anchors: Some(other), ..credits.authority() })),
        keys(7, 8)
    ));
}

#[test]
fn a_session_is_good_for_one_context_and_one_name() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, by_ticket);
    // The same name is answered by another context.
    let other = KeyPair::generate().unwrap();
    let cert = leaf(NAME).signed_by(&other, &credits.issuer).unwrap().pem();
    let own = Credentials::parse(other.serialize_pem().as_bytes(), None, &[cert]).ok();
    let context = ServerConfig::new(&only(), own, true, None).unwrap();
    network.server.endpoint.add_context(NamePattern::new(NAME), context);
    assert!(!resumes(&mut network, credits.client_with(&only(), |_| {}), &session));
}

#[test]
fn a_name_that_is_not_verified_belongs_to_the_session_too() {
    let named = |name: &str| client().sending_name(name);
    let mut network = Network::new(server());
    remember(&mut network, by_ticket);
    let first = connect(&mut network, named("a.test"), None);
    let session = session_of(&network, first).unwrap();
    assert!(resumes(&mut network, named("a.test"), &session));
    for other in [named("b.test"), client()] {
        assert!(!resumes(&mut network, other, &session));
    }
    // A client that says that the session was another name's.
    let at = session.windows(6).position(|window| window == b"a.test").unwrap();
    let mut lie = session.clone();
    lie[at] = b'b';
    assert!(!resumes(&mut network, named("b.test"), &lie));
}

#[test]
fn a_client_does_not_offer_a_session_of_other_rules_or_another_identity() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, by_ticket);
    let offers = |network: &mut Network, config: ClientConfig, session: &[u8]| {
        let client = network.connect(&config.resuming(clock_at_start(network), Some(session)));
        let hello = sent_by(network, network.clients[client].address).remove(0);
        let ticket = ticket(session);
        hello.windows(ticket.len()).any(|window| window == ticket)
    };
    assert!(offers(&mut network, credits.client_with(&only(), |_| {}), &session));
    for change in [
        (|server| server.servername = Some("other.test".to_owned())) as fn(&mut PeerAuthentication),
        |server| server.required = false,
        |server| server.asks = true,
        |server| server.trust_anchors = Some(Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap())),
    ] {
        assert!(!offers(&mut network, credits.client_with(&only(), change), &session));
    }
    assert!(!offers(&mut network, client(), &session));
    let (mut network, session) = visited(by_ticket);
    assert!(offers(&mut network, client(), &session));
    assert!(!offers(&mut network, client_of(&only(), b"device-2", KEY), &session));
    // One that is asked who it is, and was somebody else before.
    let asking = || ClientConfig::asking_for_psk(&only(), None, None).unwrap();
    let first = connect(&mut network, asking(), None);
    let session = session_of(&network, first).unwrap();
    assert!(offers(&mut network, asking(), &session));
    network.own_psk = Some((b"device-2".to_vec(), KEY.to_vec()));
    assert!(!offers(&mut network, asking(), &session));
}

#[test]
fn the_application_protocol_is_the_sessions_or_the_handshake_is_full() {
    let credits = Credits::new();
    let client = |offer: &[&str]| credits.client_with(&protocols(offer), |_| {});
    let mut network = Network::new(credits.server_with(&protocols(&["a", "b"]), None));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, client(&["a", "b"]), None);
    assert_eq!(last(&network.server).terms.protocol.as_deref(), Some(&b"a"[..]));
    let session = session_of(&network, first).unwrap();
    for (offer, expected) in [(&["b", "a"][..], true), (&["a"], true), (&["b"], false), (&[], false)] {
        let index = connect(&mut network, client(offer), Some(&session));
        assert_eq!(has_resumed(&mut network, index), expected, "{offer:?}");
        let protocol = offer.contains(&"a").then_some(&b"a"[..]).or(offer.first().map(|name| name.as_bytes()));
        assert_eq!(last(&network.server).terms.protocol.as_deref(), protocol);
    }
    // The server prefers another one now.
    network.server.endpoint.replace_config(credits.server_with(&protocols(&["b", "a"]), None));
    assert!(!resumes(&mut network, client(&["a", "b"]), &session));
}

#[test]
fn a_session_goes_with_suites_of_its_hash_alone() {
    let credits = Credits::new();
    let suites = |suites: &[&str]| settings_of(ONLY, suites, &[]);
    let (long, short, other) = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256");
    let client = || credits.client_with(&suites(&[long, short, other]), |_| {});
    for (first, second, expected) in
        [(long, short, false), (short, long, false), (short, other, true), (long, long, true)]
    {
        let mut network = Network::new(credits.server_with(&suites(&[first]), None));
        remember(&mut network, by_ticket);
        let index = connect(&mut network, client(), None);
        let session = session_of(&network, index).unwrap();
        network.server.endpoint.replace_config(credits.server_with(&suites(&[second]), None));
        assert_eq!(resumes(&mut network, client(), &session), expected, "{first} {second}");
        assert!(network.server.error_kinds().is_empty());
        // Where the server has both, it takes the one that the session goes with.
        network.server.endpoint.replace_config(credits.server_with(&suites(&[other, long, short]), None));
        assert!(resumes(&mut network, client(), &session));
    }
}

#[test]
fn a_peer_that_has_not_authenticated_itself_leaves_no_session_behind() {
    let credits = Credits::new();
    let strangers = || Some(Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap()));
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        // A server that lets in whom it does not know.
        let clients = PeerAuthentication { required: false, trust_anchors: strangers(), ..credits.authority() };
        let mut network = Network::new(credits.server_with(&only(), Some(clients)));
        remember(&mut network, change);
        let first = connect(&mut network, credits.client_with(&only(), |_| {}), None);
        assert!(matches!(last(&network.server).terms.authorization, Authorization::Refused(_)));
        assert_eq!((network.server.endpoint.sessions(), session_of(&network, first)), (0, None));
    }
    // A client that does not care who its server is.
    let mut network = Network::new(credits.server_with(&only(), None));
    remember(&mut network, by_ticket);
    let careless = credits.client_with(&only(), |server| {
        server.required = false;
        server.trust_anchors = strangers();
    });
    let client = connect(&mut network, careless, None);
    assert_eq!(session_of(&network, client), None);
}

// --- versions --------------------------------------------------------------------------------------------------------

#[test]
fn a_client_of_both_versions_resumes_in_the_version_of_its_session() {
    let both = || client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY);
    let (newer, older) = (server(), psk_server());
    for (config, is_newer) in [(newer, true), (older, false)] {
        let mut network = Network::new(config);
        remember(&mut network, by_ticket);
        let first = connect(&mut network, both(), None);
        assert_eq!(network.clients[first].suite().unwrap().is_of_dtls13(), is_newer);
        let session = session_of(&network, first).unwrap();
        let second = connect(&mut network, both(), Some(&session));
        assert!(has_resumed(&mut network, second));
        assert_eq!(network.clients[second].suite().unwrap().is_of_dtls13(), is_newer);
    }
}

#[test]
fn a_session_of_one_version_leads_to_a_full_handshake_in_the_other() {
    let both = || client_of(&settings_of(BOTH, &[], &[]), IDENTITY, KEY);
    let keys = [7; 48];
    let share = |network: &mut Network| {
        remember(network, |settings| {
            by_ticket(settings);
            settings.ticket_keys = TicketKeys::parse(&keys);
        });
    };
    for (made_in, used_in) in [(psk_server(), server()), (server(), psk_server())] {
        let mut network = Network::new(made_in);
        share(&mut network);
        let first = connect(&mut network, both(), None);
        let session = session_of(&network, first).unwrap();
        network.server.endpoint.replace_config(used_in);
        let second = connect(&mut network, both(), Some(&session));
        assert!(!has_resumed(&mut network, second));
        assert_ne!(network.clients[first].suite(), network.clients[second].suite());
        assert!(network.server.error_kinds().is_empty() && network.clients[second].error_kinds().is_empty());
    }
}

#[test]
fn a_ticket_of_the_older_version_is_no_ticket_of_the_newer() {
    let keys = [7; 48];
    let share = |settings: &mut SessionSettings| settings.ticket_keys = TicketKeys::parse(&keys);
    let (mut network, session) = visited(share);
    let mut older = Network::new(psk_server());
    remember(&mut older, share);
    let first = connect(&mut older, psk_client(&[]), None);
    let of_older = session_of(&older, first).unwrap();
    // Behind an empty id, at 83, and of the same length or another.
    let length = usize::from(u16::from_be_bytes([of_older[83], of_older[84]]));
    let mut forged = session[..TICKET - 2].to_vec();
    forged.extend(&of_older[83..85 + length]);
    forged.extend(&session[TICKET + ticket(&session).len()..]);
    assert!(!resumes(&mut network, client(), &forged));
    assert!(network.server.error_kinds().is_empty());
}

#[test]
fn a_hello_with_a_ticket_has_room_in_a_datagram_and_a_longer_ticket_is_not_offered() {
    let credits = Credits::new();
    for versions in [ONLY, BOTH] {
        let settings = settings_of(versions, &[], &["X25519"]);
        let mut network = Network::new(credits.server_with(&settings, Some(credits.authority())));
        remember(&mut network, by_ticket);
        network.client_ids = Some(8);
        let first = connect(&mut network, credits.client_with(&settings, |_| {}), None);
        let session = session_of(&network, first).unwrap();
        let second = connect(&mut network, credits.client_with(&settings, |_| {}), Some(&session));
        assert!(has_resumed(&mut network, second));
        assert!(longest_hello(&network, second) <= 1200);
        // A server of another maker's may have longer tickets. Offered, they would keep the version from being talked.
        let mut long = session[..TICKET - 2].to_vec();
        long.extend(900_u16.to_be_bytes());
        long.extend([7; 900]);
        long.extend(&session[TICKET + ticket(&session).len()..]);
        let third = connect(&mut network, credits.client_with(&settings, |_| {}), Some(&long));
        assert!(!has_resumed(&mut network, third));
        assert!(network.clients[third].suite().unwrap().is_of_dtls13());
        assert!(longest_hello(&network, third) <= 1200);
    }
}

#[test]
fn a_first_hello_leaves_room_for_a_cookie_and_no_more_than_that() {
    for versions in [ONLY, BOTH] {
        let settings = settings_of(versions, &[], &["X25519"]);
        let client = || client_of(&settings, IDENTITY, KEY);
        let mut network = Network::new(server_of(&settings));
        remember(&mut network, by_ticket);
        let first = connect(&mut network, client(), None);
        let session = session_of(&network, first).unwrap();
        let mut longest = 0;
        for length in 500..1000_u16 {
            let mut long = session[..TICKET - 2].to_vec();
            long.extend(length.to_be_bytes());
            long.extend(vec![0xa7; length.into()]);
            long.extend(&session[TICKET + ticket(&session).len()..]);
            let sent = network.wire.len();
            network.connect(&client().resuming(clock_at_start(&network), Some(&long)));
            let (.., hello) = &network.wire[sent];
            if hello.windows(100).any(|bytes| bytes == [0xa7; 100]) {
                longest = longest.max(hello.len());
            }
        }
        // 120 bytes for the cookie.
        assert_eq!(longest, 1200 - 120, "{versions:?}");
    }
}

#[test]
fn a_server_may_ask_for_a_group_that_resists_quantum_computers_and_resume_all_the_same() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, by_ticket);
    let second = connect(&mut network, credits.client_with(&only(), |_| {}), Some(&session));
    assert!(has_resumed(&mut network, second));
    // Its public value is longer than a kilobyte.
    let sent: usize = sent_by(&network, network.clients[second].address).iter().map(Vec::len).sum();
    assert!(sent > 1600, "{sent}");
}

// --- who has no right to it ------------------------------------------------------------------------------------------

#[test]
fn a_stolen_ticket_or_id_is_worth_nothing_without_the_secret() {
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        let (mut network, session) = visited(change);
        // The thief has seen the ticket or the id, and makes the secret up.
        let mut stolen = session.clone();
        stolen[33..33 + 32].fill(0xaa);
        let thief = connect(&mut network, client(), Some(&stolen));
        assert!(network.clients[thief].secured().is_empty());
        assert_eq!(network.server.error_kinds(), [ErrorKind::Protocol]);
        // decrypt_error (RFC 8446 section 4.2.11), in plaintext: there are no keys.
        assert_eq!(sent_by(&network, SERVER).pop().unwrap()[13..], [2, 51]);
        // The owner is none the worse for it.
        assert!(resumes(&mut network, client(), &session));
    }
}

#[test]
fn a_hello_that_is_replayed_leads_to_no_connection() {
    let (mut network, session) = visited(by_ticket);
    let second = connect(&mut network, client(), Some(&session));
    assert!(has_resumed(&mut network, second));
    let address = network.clients[second].address;
    let hellos: Vec<_> = sent_by(&network, address).into_iter().filter(|datagram| datagram[0] == 22).collect();
    let before = (network.server.secured().len(), network.server.received.len());
    for from in [address, "203.0.113.9:4444".parse().unwrap()] {
        for hello in &hellos {
            network.inject(from, SERVER, hello);
        }
    }
    network.run_for(Duration::from_secs(130));
    assert_eq!((network.server.secured().len(), network.server.received.len()), before);
    network.send_from_client(second, b"still here");
    network.settle();
    assert_eq!(network.server.payloads().pop().unwrap(), b"still here");
}

#[test]
fn forged_cut_and_changed_tickets_lead_to_a_full_handshake() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, by_ticket);
    let length = ticket(&session).len();
    for at in [0, 15, 16, 31, 32, length - 1] {
        let mut forged = session.clone();
        forged[TICKET + at] ^= 1;
        assert!(!resumes(&mut network, credits.client_with(&only(), |_| {}), &forged), "{at}");
    }
    for keep in [1, 32, 40, length - 1] {
        let mut cut = session.clone();
        cut.drain(TICKET + keep..TICKET + length);
        cut[TICKET - 2..TICKET].copy_from_slice(&(keep as u16).to_be_bytes());
        assert!(!resumes(&mut network, credits.client_with(&only(), |_| {}), &cut), "{keep}");
    }
    assert!(network.server.error_kinds().is_empty());
}

#[test]
fn a_ticket_that_is_over_is_no_question_to_the_application() {
    let (mut network, session) = visited(by_ticket);
    remember(&mut network, by_ticket);
    network.answers_at_once = false;
    connect(&mut network, client(), Some(&session));
    let asked: Vec<_> = network.open_lookups.iter().map(|(_, identity)| identity.clone()).collect();
    assert_eq!(asked, [IDENTITY]);
}

#[test]
fn nothing_is_kept_before_the_cookie_and_nothing_of_a_handshake_that_fails() {
    let credits = Credits::new();
    let (mut network, session) = certified(&credits, by_id);
    assert_eq!(network.server.endpoint.sessions(), 1);
    let before = network.server.endpoint.footprint();
    network.connect(&credits.client_with(&only(), |_| {}).resuming(clock_at_start(&network), Some(&session)));
    let (from, to, hello) = network.wire.last().unwrap().clone();
    network.drop_in_flight();
    network.inject(from, to, &hello);
    assert_eq!(network.server.endpoint.footprint(), before);
    network.drop_in_flight();
    // A client that does not trust the server.
    let other = Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap());
    network.connect(&credits.client_with(&only(), |server| server.trust_anchors = Some(other)));
    network.settle();
    assert_eq!(network.server.endpoint.sessions(), 1);
}

// --- the application's say -------------------------------------------------------------------------------------------

fn answer_last(network: &mut Network, accepted: bool) {
    let (asked, question, presented) = network.open_verifications.pop().unwrap();
    assert!(presented.certificate.is_some());
    network.answer_peer(asked, question, accepted);
    network.settle();
}

#[test]
fn the_application_has_its_say_about_the_peer_of_a_resumed_session() {
    let credits = Credits::new();
    let clients = PeerAuthentication { asks: true, ..credits.authority() };
    let mut network = Network::new(credits.server_with(&only(), Some(clients)));
    remember(&mut network, by_ticket);
    let config = || credits.client_with(&only(), |_| {});
    let first = connect(&mut network, config(), None);
    answer_last(&mut network, true);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, config(), Some(&session));
    answer_last(&mut network, true);
    assert!(has_resumed(&mut network, second));
    let third = connect(&mut network, config(), Some(&session));
    answer_last(&mut network, false);
    assert_eq!(network.server.error_kinds(), [ErrorKind::PeerRefused]);
    assert!(network.clients[third].secured().is_empty());
    assert_eq!(network.server.secured().len(), 2);
}

#[test]
fn a_client_is_asked_about_the_server_of_a_resumed_session() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server_with(&only(), None));
    remember(&mut network, by_ticket);
    let asking = || credits.client_with(&only(), |server| server.asks = true);
    let first = connect(&mut network, asking(), None);
    answer_last(&mut network, true);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, asking(), Some(&session));
    assert!(network.server.secured().len() == 1 && network.clients[second].secured().is_empty());
    answer_last(&mut network, true);
    assert!(has_resumed(&mut network, second));
    let third = connect(&mut network, asking(), Some(&session));
    answer_last(&mut network, false);
    assert_eq!(network.clients[third].error_kinds(), [ErrorKind::PeerRefused]);
}

// --- stores ----------------------------------------------------------------------------------------------------------

/// A network that has a store of the application's, one session in it, and what its client has.
fn with_store() -> (Network, Vec<u8>, (Vec<u8>, Vec<u8>)) {
    let (network, session) = visited(|settings| {
        by_id(settings);
        settings.kept = None;
    });
    let kept = new_sessions(&network).remove(0);
    (network, session, kept)
}

#[test]
fn a_store_is_asked_for_the_session_while_the_handshake_waits() {
    let (mut network, session, (id, kept)) = with_store();
    assert_eq!(ticket(&session), id);
    network.keys.clear();
    let second = network.connect(&client().resuming(clock_at_start(&network), Some(&session)));
    network.run_for(Duration::from_secs(20));
    let asked = questions(&mut network);
    assert_eq!((asked.len(), &asked[0].1), (1, &id));
    assert!(answer(&mut network, asked[0].0, Some(&kept)));
    // Twice, and late.
    assert!(!answer(&mut network, asked[0].0, Some(&kept)));
    network.run_for(Duration::from_secs(20));
    assert!(has_resumed(&mut network, second));
    assert_eq!(last(&network.server).psk_identity, Some(IDENTITY));
    // Another session takes its place.
    let sessions = new_sessions(&network);
    assert_eq!((sessions.len(), ticket(&session_of(&network, second).unwrap())), (2, &sessions[1].0[..]));
    let ended: Vec<_> = network.server.log.iter().filter_map(ended).collect();
    assert_eq!(ended, [id]);
}

fn ended(event: &Event) -> Option<Vec<u8>> {
    match event {
        Event::SessionEnded { id } => Some(id.as_bytes().to_vec()),
        _ => None,
    }
}

#[test]
fn a_store_that_has_nothing_lies_or_is_damaged_leads_to_a_full_handshake() {
    let (mut network, session, (id, kept)) = with_store();
    network.keys.insert(b"device-2".to_vec(), KEY.to_vec());
    connect(&mut network, client_of(&only(), b"device-2", KEY), None);
    let (other_id, others) = new_sessions(&network).pop().unwrap();
    assert!(others != kept && other_id != id);
    let answers: [Option<&[u8]>; 6] =
        [None, Some(&others), Some(&[]), Some(&kept[1..]), Some(&session), Some(&other_id)];
    for lie in answers {
        let client = connect(&mut network, client(), Some(&session));
        let asked = questions(&mut network);
        assert!(answer(&mut network, asked[0].0, lie));
        assert!(!has_resumed(&mut network, client));
    }
    assert!(network.server.error_kinds().is_empty());
}

#[test]
fn an_identity_as_long_as_an_id_is_no_question_to_a_store() {
    let mut network = Network::new(server());
    remember(&mut network, |settings| {
        by_id(settings);
        settings.kept = None;
    });
    network.keys.insert(vec![b'x'; 32], KEY.to_vec());
    connect(&mut network, client_of(&only(), &[b'x'; 32], KEY), None);
    assert!(questions(&mut network).is_empty());
    assert_eq!(network.server.secured().len(), 1);
}

#[test]
fn a_connection_that_fails_takes_its_session_with_it() {
    let (mut network, session) = visited(by_id);
    assert_eq!(network.server.endpoint.sessions(), 1);
    let second = connect(&mut network, client(), Some(&session));
    assert!(has_resumed(&mut network, second));
    // A goodbye takes nothing.
    let handle = network.client_handle(0);
    network.clients[0].endpoint.close(network.now, handle);
    network.settle();
    assert_eq!(network.server.endpoint.sessions(), 1);
    let handle = network.client_handle(second);
    let alert = network.clients[second].endpoint.fatal_alert(network.now, handle, 80);
    let from = network.clients[second].address;
    network.inject(from, SERVER, &alert);
    assert_eq!(network.server.error_kinds(), [ErrorKind::AlertReceived]);
    assert_eq!(network.server.endpoint.sessions(), 0);
}

#[test]
fn one_whose_ticket_would_be_too_long_is_found_by_its_id() {
    let credits = Credits::new();
    let mut device: CertificateParams = leaf("device.test");
    device.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let names = (0..30).map(|number| rcgen::SanType::DnsName(format!("device-{number}.test").try_into().unwrap()));
    device.subject_alt_names.extend(names);
    let key = KeyPair::generate().unwrap();
    let cert = device.signed_by(&key, &credits.issuer).unwrap().pem();
    let long = Credits { client: (key.serialize_pem(), cert), ..credits };
    let mut network = Network::new(long.server_with(&only(), Some(long.authority())));
    remember(&mut network, |_| {});
    let first = connect(&mut network, long.client_with(&only(), |_| {}), None);
    assert_eq!(network.server.endpoint.sessions(), 1);
    let session = session_of(&network, first).unwrap();
    assert_eq!(ticket(&session).len(), 32);
    assert!(resumes(&mut network, long.client_with(&only(), |_| {}), &session));
}

#[test]
fn connection_ids_are_agreed_on_anew_when_a_session_is_resumed() {
    let (mut network, session) = visited(by_ticket);
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(6);
    let second = connect(&mut network, client(), Some(&session));
    assert!(has_resumed(&mut network, second));
    let handle = *network.server.secured().last().unwrap();
    assert!(network.server.endpoint.connection_ids(handle).is_some());
    // The client moves, and is found by its ID.
    let datagram = network.seal(second, b"from elsewhere");
    network.inject("203.0.113.9:4444".parse().unwrap(), SERVER, &datagram);
    assert_eq!(network.server.received.last().unwrap(), &(handle, b"from elsewhere".to_vec()));
}
