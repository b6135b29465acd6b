//! Sessions: what two sides remember of a handshake, and when it does not count.

use super::certificates::{Issuer, issuer, leaf};
use super::network::*;
use crate::proto::{Asks, KnownSession, NamePattern, SavedConnection, TicketKeys, WallClock};
use crate::proto::{ConnectionHandle, Event, HandshakeAsks, HandshakeQuestion, Question, QuestionId, SessionSettings};
use crate::tls::{
    Authorization, ClientConfig, Credentials, NewSession, PeerAuthentication, ResumableSession, ServerConfig, Settings,
    Terms, TrustAnchors,
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use std::sync::Arc;
use std::time::Duration;

pub(super) const LIFETIME: u64 = 300;
pub(super) const NAME: &str = "server.test";

fn remembering(network: &Network) -> SessionSettings {
    SessionSettings {
        lifetime: Duration::from_secs(LIFETIME),
        remembers_psk: true,
        ticket_keys: None,
        issues_tickets: true,
        kept: Some(100),
        clock: clock(network),
    }
}

/// What is different about this server.
pub(super) fn remember(network: &mut Network, change: impl FnOnce(&mut SessionSettings)) {
    let mut settings = remembering(network);
    change(&mut settings);
    network.server.endpoint.remember_sessions(network.now, settings).unwrap();
}

pub(super) fn clock(network: &Network) -> WallClock {
    WallClock::new(network.now, Duration::from_secs(1_800_000_000))
}

pub(super) fn by_id(settings: &mut SessionSettings) {
    settings.issues_tickets = false;
}

pub(super) fn by_ticket(settings: &mut SessionSettings) {
    settings.kept = Some(0);
}

/// Authorities and keys that outlive a configuration.
pub(super) struct Credits {
    pub(super) issuer: Issuer,
    pub(super) server: (String, String),
    pub(super) client: (String, String),
}

impl Credits {
    pub(super) fn new() -> Credits {
        Credits::with(|_| {})
    }

    /// `change`: what is special about both certificates.
    pub(super) fn with(change: impl Fn(&mut CertificateParams)) -> Credits {
        let issuer = issuer();
        let signed = |mut params: CertificateParams| {
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            (key.serialize_pem(), params.signed_by(&key, &issuer).unwrap().pem())
        };
        let mut device = leaf("device.test");
        device.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Credits { server: signed(leaf(NAME)), client: signed(device), issuer }
    }

    pub(super) fn authority(&self) -> PeerAuthentication {
        PeerAuthentication {
            trust_anchors: Some(Arc::new(TrustAnchors::parse(&[self.issuer.pem()]).unwrap())),
            required: true,
            ..PeerAuthentication::lenient()
        }
    }

    fn server(&self, clients: Option<PeerAuthentication>) -> ServerConfig {
        self.server_with(&settings(&[]), clients)
    }

    pub(super) fn server_with(&self, settings: &Settings, clients: Option<PeerAuthentication>) -> ServerConfig {
        let (key, cert) = &self.server;
        ServerConfig::new(settings, Credentials::parse(key.as_bytes(), None, &[cert]).ok(), true, clients).unwrap()
    }

    fn client(&self) -> ClientConfig {
        self.client_with(&settings(&[]), |_| {})
    }

    pub(super) fn client_with(
        &self,
        settings: &Settings,
        change: impl FnOnce(&mut PeerAuthentication),
    ) -> ClientConfig {
        let (key, cert) = &self.client;
        let mut server = PeerAuthentication { servername: Some(NAME.to_owned()), ..self.authority() };
        change(&mut server);
        let own = Credentials::parse(key.as_bytes(), None, &[cert]).ok();
        ClientConfig::new(settings, None, Some(server), own).unwrap()
    }
}

/// A client that offers what an earlier one has kept.
pub(super) fn connect(network: &mut Network, config: ClientConfig, session: Option<&[u8]>) -> usize {
    let config = config.resuming(clock_at_start(network), session);
    let index = network.connect(&config);
    network.settle();
    index
}

/// The clients' clocks agree with the server's.
pub(super) fn clock_at_start(network: &Network) -> WallClock {
    thread_local!(static STARTS: std::cell::Cell<Option<std::time::Instant>> = const { std::cell::Cell::new(None) });
    let start = STARTS.get().unwrap_or(network.now);
    STARTS.set(Some(start));
    WallClock::new(start, Duration::from_secs(1_800_000_000))
}

pub(super) fn session_of(network: &Network, client: usize) -> Option<Vec<u8>> {
    let handle = network.client_handle(client);
    network.clients[client].endpoint.session(handle).map(<[u8]>::to_vec)
}

pub(super) struct Secured<'a> {
    pub(super) resumed: bool,
    pub(super) psk_identity: Option<&'a [u8]>,
    pub(super) certificate: Option<&'a [u8]>,
    pub(super) terms: &'a Terms,
}

pub(super) fn last(peer: &Peer) -> Secured<'_> {
    let secured = peer.log.iter().rev().find_map(|event| match event {
        Event::Secure { resumed, psk_identity, peer, terms, .. } => Some(Secured {
            resumed: *resumed,
            psk_identity: psk_identity.as_deref(),
            certificate: peer.as_ref().and_then(|peer| peer.certificate.as_deref()),
            terms,
        }),
        _ => None,
    });
    secured.expect("no handshake has been finished")
}

/// Whether both sides say that the last handshake resumed a session. Data goes both ways.
pub(super) fn has_resumed(network: &mut Network, client: usize) -> bool {
    let (here, there) = (last(&network.clients[client]).resumed, last(&network.server).resumed);
    assert_eq!(here, there);
    let handle = *network.server.secured().last().unwrap();
    network.send_from_client(client, b"to the server");
    network.send_from_server(handle, network.clients[client].address, b"to the client");
    network.settle();
    assert_eq!(network.server.received.last().unwrap().1, b"to the server");
    assert_eq!(network.clients[client].received.last().unwrap().1, b"to the client");
    here
}

pub(super) fn questions(network: &mut Network) -> Vec<(QuestionId, Vec<u8>)> {
    let asked = network.other_questions.drain(..).map(|(question, about)| match about {
        Question::Handshake(HandshakeQuestion::Session(id)) => (question, id),
        other => panic!("{other:?}"),
    });
    asked.collect()
}

pub(super) fn new_sessions(network: &Network) -> Vec<(Vec<u8>, Vec<u8>)> {
    let sessions = network.server.log.iter().filter_map(|event| match event {
        Event::NewSession { session: NewSession { id, bytes, .. }, .. } => {
            Some((id.as_bytes().to_vec(), bytes.to_vec()))
        }
        _ => None,
    });
    sessions.collect()
}

/// A network that has a store of the application's, and one session in it.
fn with_store() -> (Network, Vec<u8>, (Vec<u8>, Vec<u8>)) {
    let mut network = Network::new(psk_server());
    remember(&mut network, |settings| {
        by_id(settings);
        settings.kept = None;
    });
    let handshakes = HandshakeAsks { for_sessions: true, ..HandshakeAsks::default() };
    network.server.endpoint.ask(Asks { handshakes, ..Asks::default() });
    let first = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, first).unwrap();
    let kept = new_sessions(&network).remove(0);
    (network, session, kept)
}

pub(super) fn answer(network: &mut Network, question: QuestionId, session: Option<&[u8]>) -> bool {
    let answer = HandshakeAnswer::Session(session.map(KnownSession::Stored));
    let answered = reply(&mut network.server.endpoint, network.now, question, answer);
    network.settle();
    answered
}

#[test]
fn a_client_with_a_key_resumes_by_ticket_and_by_id() {
    for (change, kept) in [(by_ticket as fn(&mut SessionSettings), 0), (by_id, 1)] {
        for suite in ["PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256", "ECDHE-PSK-AES128-GCM-SHA256"] {
            let mut network = Network::new(psk_server());
            remember(&mut network, change);
            let before = network.server.endpoint.footprint();
            let first = connect(&mut network, psk_client(&[suite]), None);
            assert!(!has_resumed(&mut network, first));
            assert_eq!(network.server.endpoint.sessions(), kept);
            let session = session_of(&network, first).unwrap();
            network.keys.clear();
            let second = connect(&mut network, psk_client(&[suite]), Some(&session));
            assert!(has_resumed(&mut network, second), "{suite}");
            assert_eq!(last(&network.server).psk_identity, Some(IDENTITY));
            assert_eq!(last(&network.server).terms.authorization, Authorization::Granted);
            assert_eq!(network.server.suite(), network.clients[second].suite());
            // The session is the same as before, and good for another time.
            assert_eq!(session_of(&network, second).unwrap(), session);
            assert!(before < network.server.endpoint.footprint());
        }
    }
}

#[test]
fn certificates_and_authorization_come_back_with_the_session() {
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        let credits = Credits::new();
        let mut network = Network::new(credits.server(Some(credits.authority())));
        remember(&mut network, change);
        let first = connect(&mut network, credits.client(), None);
        assert!(!has_resumed(&mut network, first));
        let device = last(&network.server).certificate.unwrap().to_vec();
        let server = last(&network.clients[first]).certificate.unwrap().to_vec();
        let session = session_of(&network, first).unwrap();
        let second = connect(&mut network, credits.client(), Some(&session));
        assert!(has_resumed(&mut network, second));
        assert_eq!(last(&network.server).certificate, Some(&device[..]));
        assert_eq!(last(&network.clients[second]).certificate, Some(&server[..]));
        for peer in [&network.server, &network.clients[second]] {
            assert_eq!(last(peer).terms.authorization, Authorization::Granted);
        }
    }
}

#[test]
fn a_resumed_handshake_survives_loss_and_repetition_on_both_sides() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, |settings| {
        by_ticket(settings);
        settings.lifetime = Duration::from_secs(86_400);
    });
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    network.weather = Weather { loss: 20, duplication: 20, jitter: Duration::from_millis(30) };
    let mut resumed = 0;
    for _ in 0..20 {
        let config = credits.client().resuming(clock_at_start(&network), Some(&session));
        let client = network.connect(&config);
        network.run_for(Duration::from_secs(100));
        resumed += usize::from(last(&network.clients[client]).resumed);
        // The server's last word is the client's to repeat, and the client's is the server's.
        network.send_from_client(client, b"late");
        network.run_for(Duration::from_secs(5));
    }
    assert_eq!(resumed, 20);
    assert_eq!(network.server.secured().len(), 21);
}

#[test]
fn a_client_repeats_its_last_flight_when_the_server_repeats_its_own() {
    let mut network = Network::new(psk_server());
    remember(&mut network, by_ticket);
    let first = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, first).unwrap();
    let config = psk_client(&[]).resuming(clock_at_start(&network), Some(&session));
    let second = network.connect(&config);
    // Both hellos, the server's request between them, and its flight.
    (0..4).for_each(|_| assert!(network.step()));
    assert_eq!(network.clients[second].secured().len(), 1);
    network.drop_in_flight();
    assert_eq!(network.server.secured().len(), 1);
    network.run_for(Duration::from_millis(1500));
    assert_eq!(network.server.secured().len(), 2);
    assert!(has_resumed(&mut network, second));
}

#[test]
fn a_client_that_gets_a_ticket_is_not_stored() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, |_| {});
    let client = connect(&mut network, credits.client(), None);
    assert_eq!(network.server.endpoint.sessions(), 0);
    assert!(session_of(&network, client).is_some());
}

#[test]
fn a_server_that_remembers_nothing_resumes_nothing() {
    let mut network = Network::new(psk_server());
    let first = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, psk_client(&[]), Some(&session));
    assert!(!has_resumed(&mut network, second));
}

#[test]
fn handshakes_with_a_key_are_forgotten_unless_the_application_wants_otherwise() {
    let mut network = Network::new(psk_server());
    remember(&mut network, |settings| settings.remembers_psk = false);
    let first = connect(&mut network, psk_client(&[]), None);
    assert_eq!(network.server.endpoint.sessions(), 0);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, psk_client(&[]), Some(&session));
    assert!(!has_resumed(&mut network, second));
    // One of before is not taken either.
    remember(&mut network, by_ticket);
    let third = connect(&mut network, psk_client(&[]), None);
    let ticket = session_of(&network, third).unwrap();
    let keys = network.server.endpoint.ticket_keys(network.now).unwrap().to_bytes();
    remember(&mut network, |settings| {
        settings.remembers_psk = false;
        settings.ticket_keys = TicketKeys::parse(&keys);
    });
    let fourth = connect(&mut network, psk_client(&[]), Some(&ticket));
    assert!(!has_resumed(&mut network, fourth));
}

#[test]
fn a_session_ends_with_its_lifetime_and_with_its_key() {
    for (change, wait, resumes) in [
        (by_id as fn(&mut SessionSettings), LIFETIME - 2, true),
        (by_id, LIFETIME + 1, false),
        (by_ticket, LIFETIME - 2, true),
        (by_ticket, LIFETIME + 1, false),
        (by_ticket, 3 * LIFETIME, false),
    ] {
        let credits = Credits::new();
        let mut network = Network::new(credits.server(None));
        remember(&mut network, change);
        let first = connect(&mut network, credits.client(), None);
        let session = session_of(&network, first).unwrap();
        network.now += Duration::from_secs(wait);
        let second = connect(&mut network, credits.client(), Some(&session));
        assert_eq!(has_resumed(&mut network, second), resumes, "{wait}");
    }
}

#[test]
fn a_server_whose_time_for_sessions_has_become_shorter_resumes_none_that_is_older() {
    for (wait, resumes) in [(99, true), (100, false)] {
        let mut network = Network::new(psk_server());
        let share = |settings: &mut SessionSettings| settings.ticket_keys = TicketKeys::parse(&[7; 48]);
        remember(&mut network, share);
        let clock = clock(&network);
        let first = network.connect(&psk_client(&[]).resuming(clock, None));
        network.settle();
        let session = session_of(&network, first).unwrap();
        network.now += Duration::from_secs(wait);
        network.restart_server(psk_server());
        remember(&mut network, |settings| {
            share(settings);
            (settings.lifetime, settings.clock) = (Duration::from_secs(100), clock);
        });
        let second = network.connect(&psk_client(&[]).resuming(clock, Some(&session)));
        network.settle();
        assert_eq!(has_resumed(&mut network, second), resumes, "{wait}");
    }
}

#[test]
fn keys_of_tickets_change_by_themselves_and_the_former_one_opens_for_as_long_again() {
    let mut network = Network::new(psk_server());
    remember(&mut network, by_ticket);
    let keys = |network: &mut Network| network.server.endpoint.ticket_keys(network.now).unwrap().to_bytes().to_vec();
    let first = keys(&mut network);
    assert_eq!(first.len(), 48);
    network.now += Duration::from_secs(LIFETIME);
    let second = keys(&mut network);
    assert_eq!(second.len(), 96);
    assert_eq!(second[48..], first);
    network.now += Duration::from_secs(LIFETIME - 1);
    assert_eq!(keys(&mut network), second);
    network.now -= Duration::from_secs(LIFETIME - 1);
    network.now += Duration::from_secs(2 * LIFETIME);
    let third = keys(&mut network);
    assert!(third.len() == 48 && third[..48] != second[..48]);
    // Those of the application stay until it changes them.
    assert!(network.server.endpoint.set_ticket_keys(TicketKeys::parse(&[7; 96]).unwrap()));
    network.now += Duration::from_secs(100 * LIFETIME);
    assert_eq!(keys(&mut network), [7; 96]);
}

#[test]
fn processes_that_share_keys_and_configuration_resume_each_others_sessions_and_no_others() {
    let credits = Credits::new();
    let shared = |settings: &mut SessionSettings| settings.ticket_keys = TicketKeys::parse(&[7; 48]);
    let mut first = Network::new(credits.server(Some(credits.authority())));
    remember(&mut first, shared);
    let client = connect(&mut first, credits.client(), None);
    let session = session_of(&first, client).unwrap();
    let device = last(&first.server).certificate.unwrap().to_vec();
    let resumes = |server: ServerConfig, keys: [u8; 96]| {
        let mut second = Network::new(server);
        remember(&mut second, |settings| settings.ticket_keys = TicketKeys::parse(&keys));
        let client = connect(&mut second, credits.client(), Some(&session));
        let resumed = has_resumed(&mut second, client);
        assert!(!resumed || last(&second.server).certificate == Some(&device[..]));
        resumed
    };
    let keys = |first: u8, second: u8| [[first; 48], [second; 48]].concat().try_into().unwrap();
    assert!(resumes(credits.server(Some(credits.authority())), keys(7, 8)));
    assert!(resumes(credits.server(Some(credits.authority())), keys(8, 7)));
    assert!(!resumes(credits.server(Some(credits.authority())), keys(8, 9)));
    // Who asks for more, or for less, has not seen what the session says.
    assert!(!resumes(credits.server(None), keys(7, 8)));
    assert!(!resumes(credits.server(Some(PeerAuthentication { required: false, ..credits.authority() })), keys(7, 8)));
    let other = Arc::new(TrustAnchors::parse(&[issuer().pem(), credits.issuer.pem()]).unwrap());
    let others = PeerAuthentication { trust_anchors: Some(other), ..credits.authority() };
    assert!(!resumes(credits.server(Some(others)), keys(7, 8)));
}

#[test]
fn a_session_is_good_for_one_context_and_one_name() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    // The same name is answered by another context.
    let other = KeyPair::generate().unwrap();
    let cert = leaf(NAME).signed_by(&other, &credits.issuer).unwrap().pem();
    let own = Credentials::parse(other.serialize_pem().as_bytes(), None, &[cert]).ok();
    let context = ServerConfig::new(&settings(&[]), own, true, None).unwrap();
    network.server.endpoint.add_context(NamePattern::new(NAME), context);
    let second = connect(&mut network, credits.client(), Some(&session));
    assert!(!has_resumed(&mut network, second));
}

#[test]
fn a_name_that_is_not_verified_belongs_to_the_session_too() {
    let named = |name: &str| psk_client(&[]).sending_name(name);
    for kept in [by_ticket, by_id] {
        let mut network = Network::new(psk_server());
        remember(&mut network, kept);
        let first = connect(&mut network, named("a.test"), None);
        let session = session_of(&network, first).unwrap();
        let second = connect(&mut network, named("a.test"), Some(&session));
        assert!(has_resumed(&mut network, second));
        for other in [named("b.test"), psk_client(&[])] {
            let client = connect(&mut network, other, Some(&session));
            assert!(!has_resumed(&mut network, client));
        }
        // A client that says that the session was another name's.
        let at = session.windows(6).position(|window| window == b"a.test").unwrap();
        let mut lie = session.clone();
        lie[at] = b'b';
        let client = connect(&mut network, named("b.test"), Some(&lie));
        assert!(!has_resumed(&mut network, client));
    }
}

#[test]
fn a_client_does_not_offer_a_session_of_another_name_other_rules_or_another_identity() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    let offers = |network: &mut Network, config: ClientConfig, session: &[u8]| {
        let client = network.connect(&config.resuming(clock_at_start(network), Some(session)));
        let address = network.clients[client].address;
        let hello = network.wire.iter().rev().find(|(from, ..)| *from == address).unwrap();
        // The length of its session id.
        hello.2[13 + 12 + 2 + 32] == 32
    };
    let suites = settings(&["ECDHE-ECDSA-AES128-CCM8"]);
    assert!(offers(&mut network, credits.client(), &session));
    assert!(!offers(&mut network, credits.client_with(&suites, |_| {}), &session));
    for change in [
        (|server| server.servername = Some("other.test".to_owned())) as fn(&mut PeerAuthentication),
        |server| server.required = false,
        |server| server.asks = true,
        |server| server.trust_anchors = Some(Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap())),
    ] {
        assert!(!offers(&mut network, credits.client_with(&settings(&[]), change), &session));
    }
    assert!(!offers(&mut network, psk_client(&[]), &session));
    let with_key = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, with_key).unwrap();
    assert!(offers(&mut network, psk_client(&[]), &session));
    assert!(!offers(&mut network, psk_client_with(&[], b"device-2", KEY), &session));
    for nonsense in [&[][..], &[1, 2, 3], &[0; 5000], &session[..session.len() - 1]] {
        assert!(!offers(&mut network, psk_client(&[]), nonsense));
    }
}

#[test]
fn the_application_protocol_is_the_sessions_or_the_handshake_is_full() {
    let credits = Credits::new();
    let with = |protocols: &[&str]| {
        let mut settings = settings(&[]);
        settings.wishes.protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        settings
    };
    let mut network = Network::new(credits.server_with(&with(&["a", "b"]), None));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, credits.client_with(&with(&["a", "b"]), |_| {}), None);
    assert_eq!(last(&network.server).terms.protocol.as_deref(), Some(&b"a"[..]));
    let session = session_of(&network, first).unwrap();
    for (offer, resumes) in [(&["b", "a"][..], true), (&["a"], true), (&["b"], false), (&[], false)] {
        let client = connect(&mut network, credits.client_with(&with(offer), |_| {}), Some(&session));
        assert_eq!(has_resumed(&mut network, client), resumes, "{offer:?}");
        let expected = offer.contains(&"a").then_some(&b"a"[..]).or(offer.first().map(|name| name.as_bytes()));
        assert_eq!(last(&network.server).terms.protocol.as_deref(), expected);
    }
    // The server prefers another one now.
    network.server.endpoint.replace_config(credits.server_with(&with(&["b", "a"]), None));
    let client = connect(&mut network, credits.client_with(&with(&["a", "b"]), |_| {}), Some(&session));
    assert!(!has_resumed(&mut network, client));
}

#[test]
fn a_peer_that_has_not_authenticated_itself_leaves_no_session_behind() {
    let credits = Credits::new();
    // A server that lets in whom it does not know.
    let mut stranger = PeerAuthentication { required: false, ..credits.authority() };
    stranger.trust_anchors = Some(Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap()));
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        let server = credits.server(Some(PeerAuthentication {
            trust_anchors: stranger.trust_anchors.clone(),
            ..PeerAuthentication { required: false, ..credits.authority() }
        }));
        let mut network = Network::new(server);
        remember(&mut network, change);
        let first = connect(&mut network, credits.client(), None);
        assert!(matches!(last(&network.server).terms.authorization, Authorization::Refused(_)));
        assert_eq!(network.server.endpoint.sessions(), 0);
        if let Some(session) = session_of(&network, first) {
            let second = connect(&mut network, credits.client(), Some(&session));
            assert!(!has_resumed(&mut network, second));
        }
    }
    // A client that does not care who its server is.
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_ticket);
    let careless = credits.client_with(&settings(&[]), |server| {
        server.required = false;
        server.trust_anchors = stranger.trust_anchors.clone();
    });
    let client = connect(&mut network, careless, None);
    assert_eq!(session_of(&network, client), None);
}

#[test]
fn without_the_extended_master_secret_there_is_no_session_and_a_session_with_it_is_not_resumed_without() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, |_| {});
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    // Somebody takes the extension out of hellos; the session's owner would notice by the transcript, but later.
    network.rewrite = Some((vec![0, 22, 0, 0, 0, 23, 0, 0], vec![0, 22, 0, 0, 0xfa, 0xfa, 0, 0]));
    let config = credits.client().resuming(clock_at_start(&network), Some(&session));
    let handshakes = network.server.secured().len();
    network.connect(&config);
    network.settle();
    assert_eq!(network.server.secured().len(), handshakes);
    assert_eq!(network.server.error_kinds(), [ErrorKind::NoExtendedMasterSecret]);
    // Nor is there a ticket to be had that way.
    let tickets = |network: &Network| network.wire.iter().filter(|(.., bytes)| bytes.get(13) == Some(&4)).count();
    let before = tickets(&network);
    network.connect(&credits.client());
    network.settle();
    assert_eq!(tickets(&network), before);
    assert_eq!(network.server.endpoint.sessions(), 0);
}

#[test]
fn a_saved_connection_is_resumed_with_the_properties_that_it_had_and_otherwise_not() {
    for (extended_master_secret, encrypt_then_mac, resumes) in [
        (Some(true), Some(true), true),
        (Some(true), None, true),
        (Some(false), Some(true), false),
        (None, Some(true), false),
        (Some(true), Some(false), false),
    ] {
        let mut network = Network::new(psk_server());
        let handshakes = HandshakeAsks { for_sessions: true, ..HandshakeAsks::default() };
        network.server.endpoint.ask(Asks { handshakes, ..Asks::default() });
        let client = || psk_client(&["PSK-AES128-CBC-SHA256"]);
        let first = connect(&mut network, client(), None);
        let session = session_of(&network, first).unwrap();
        let saved = network.server.endpoint.save(network.server.secured()[0]);
        let Some(SavedConnection::Dtls12(saved)) = saved else { panic!() };
        let second = connect(&mut network, client(), Some(&session));
        let question = questions(&mut network)[0].0;
        let (suite, master_secret) = (saved.suite, saved.master_secret.clone());
        let known = ResumableSession { suite, master_secret, encrypt_then_mac, extended_master_secret };
        let answer = HandshakeAnswer::Session(Some(KnownSession::Saved(&known)));
        reply(&mut network.server.endpoint, network.now, question, answer);
        network.settle();
        let had = (extended_master_secret, encrypt_then_mac);
        assert_eq!(has_resumed(&mut network, second), resumes, "{had:?}");
    }
}

#[test]
fn a_stolen_ticket_or_id_is_worth_nothing_without_the_master_secret() {
    for change in [by_ticket as fn(&mut SessionSettings), by_id] {
        let mut network = Network::new(psk_server());
        remember(&mut network, change);
        let first = connect(&mut network, psk_client(&[]), None);
        let mut session = session_of(&network, first).unwrap();
        // The thief has seen the ticket and the id, and makes the secret up.
        session[33..33 + 48].fill(0xaa);
        let config = psk_client(&[]).resuming(clock_at_start(&network), Some(&session));
        let thief = network.connect(&config);
        network.run_for(Duration::from_secs(130));
        assert!(network.clients[thief].secured().is_empty());
        assert_eq!(network.server.secured().len(), 1);
        // The owner is none the worse for it.
        let session = session_of(&network, first).unwrap();
        let owner = connect(&mut network, psk_client(&[]), Some(&session));
        assert!(has_resumed(&mut network, owner));
    }
}

#[test]
fn forged_cut_and_changed_tickets_lead_to_a_full_handshake() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    // Its id is empty; behind that stands the ticket.
    let length = usize::from(u16::from_be_bytes(session[83..85].try_into().unwrap()));
    for at in [0, 15, 16, 31, 32, length - 1] {
        let mut forged = session.clone();
        forged[85 + at] ^= 1;
        let client = connect(&mut network, credits.client(), Some(&forged));
        assert!(!has_resumed(&mut network, client), "{at}");
    }
    for keep in [1, 40, length - 1] {
        let mut cut = session.clone();
        cut.drain(85 + keep..85 + length);
        cut[83..85].copy_from_slice(&(keep as u16).to_be_bytes());
        let client = connect(&mut network, credits.client(), Some(&cut));
        assert!(!has_resumed(&mut network, client), "{keep}");
    }
    assert!(network.server.error_kinds().is_empty());
}

#[test]
fn nothing_is_kept_before_the_cookie_and_nothing_of_a_handshake_that_fails() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_id);
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    assert_eq!(network.server.endpoint.sessions(), 1);
    let before = network.server.endpoint.footprint();
    network.connect(&credits.client().resuming(clock_at_start(&network), Some(&session)));
    let (from, to, hello) = network.wire.last().unwrap().clone();
    network.drop_in_flight();
    network.inject(from, to, &hello);
    assert_eq!(network.server.endpoint.footprint(), before);
    // A client that does not trust the server.
    let other = Arc::new(TrustAnchors::parse(&[issuer().pem()]).unwrap());
    let wary = credits.client_with(&settings(&[]), |server| server.trust_anchors = Some(other));
    network.connect(&wary);
    network.settle();
    assert_eq!(network.server.endpoint.sessions(), 1);
}

#[test]
fn the_application_has_its_say_about_the_peer_of_a_resumed_session() {
    let credits = Credits::new();
    let asking = || PeerAuthentication { asks: true, ..credits.authority() };
    let mut network = Network::new(credits.server(Some(asking())));
    remember(&mut network, by_ticket);
    let answer_last = |network: &mut Network, accepted: bool| {
        let (asked, question, presented) = network.open_verifications.pop().unwrap();
        assert!(presented.certificate.is_some());
        network.answer_peer(asked, question, accepted);
        network.settle();
    };
    let first = connect(&mut network, credits.client(), None);
    answer_last(&mut network, true);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, credits.client(), Some(&session));
    answer_last(&mut network, true);
    assert!(has_resumed(&mut network, second));
    connect(&mut network, credits.client(), Some(&session));
    answer_last(&mut network, false);
    assert_eq!(network.server.error_kinds(), [ErrorKind::PeerRefused]);
    assert_eq!(network.server.secured().len(), 2);
}

#[test]
fn a_client_is_asked_about_the_server_of_a_resumed_session() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(None));
    remember(&mut network, by_ticket);
    let asking = || credits.client_with(&settings(&[]), |server| server.asks = true);
    let answer_last = |network: &mut Network, accepted: bool| {
        let (asked, question, _) = network.open_verifications.pop().unwrap();
        network.answer_peer(asked, question, accepted);
        network.settle();
    };
    let first = connect(&mut network, asking(), None);
    answer_last(&mut network, true);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, asking(), Some(&session));
    answer_last(&mut network, true);
    assert!(has_resumed(&mut network, second));
    let third = connect(&mut network, asking(), Some(&session));
    answer_last(&mut network, false);
    assert_eq!(network.clients[third].error_kinds(), [ErrorKind::PeerRefused]);
}

#[test]
fn a_store_is_asked_for_the_session_while_the_handshake_waits() {
    let (mut network, session, (id, kept)) = with_store();
    network.connect(&psk_client(&[]).resuming(clock_at_start(&network), Some(&session)));
    network.run_for(Duration::from_secs(20));
    let asked = questions(&mut network);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1, id);
    assert!(answer(&mut network, asked[0].0, Some(&kept)));
    // Twice, and late.
    assert!(!answer(&mut network, asked[0].0, Some(&kept)));
    network.run_for(Duration::from_secs(20));
    assert!(has_resumed(&mut network, 1));
    assert_eq!(last(&network.server).psk_identity, Some(IDENTITY));
    assert_eq!(new_sessions(&network).len(), 1);
}

#[test]
fn a_store_that_has_nothing_lies_or_is_damaged_leads_to_a_full_handshake() {
    let (mut network, session, (_, kept)) = with_store();
    connect(&mut network, psk_client_with(&[], b"device-1", KEY), None);
    let (other_id, others) = new_sessions(&network).pop().unwrap();
    assert_ne!(kept, others);
    let mut without_id = kept.clone();
    without_id.drain(83..115);
    without_id[82] = 0;
    let answers: [Option<&[u8]>; 7] =
        [None, Some(&others), Some(&[]), Some(&kept[1..]), Some(&session), Some(&other_id), Some(&without_id)];
    for lie in answers {
        let client = connect(&mut network, psk_client(&[]), Some(&session));
        let asked = questions(&mut network);
        assert!(answer(&mut network, asked[0].0, lie));
        assert!(!has_resumed(&mut network, client));
    }
    assert!(network.server.error_kinds().is_empty());
}

// CVE-2026-135390: a client and a server that use one store.
#[test]
fn what_one_side_has_kept_is_no_session_of_the_other_side() {
    let (mut network, session, (_, kept)) = with_store();
    let client = connect(&mut network, psk_client(&[]), Some(&kept));
    assert!(questions(&mut network).is_empty(), "the client has offered nothing");
    assert!(!has_resumed(&mut network, client));
    let client = connect(&mut network, psk_client(&[]), Some(&session));
    let asked = questions(&mut network);
    assert!(answer(&mut network, asked[0].0, Some(&session)));
    assert!(!has_resumed(&mut network, client));
}

#[test]
fn a_store_that_fails_costs_one_handshake_and_one_that_answers_too_late_nothing() {
    let (mut network, session, (_, kept)) = with_store();
    connect(&mut network, psk_client(&[]), Some(&session));
    let question = questions(&mut network)[0].0;
    network.run_for(Duration::from_secs(130));
    assert!(!answer(&mut network, question, Some(&kept)));
    assert_eq!(network.server.error_kinds(), [ErrorKind::HandshakeTimeout]);
}

#[test]
fn a_connection_that_fails_takes_its_session_with_it() {
    let mut network = Network::new(psk_server());
    remember(&mut network, by_id);
    let first = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, first).unwrap();
    assert_eq!(network.server.endpoint.sessions(), 1);
    // A goodbye takes nothing.
    let handle: ConnectionHandle = network.client_handle(first);
    network.clients[first].endpoint.close(network.now, handle);
    network.settle();
    assert_eq!(network.server.endpoint.sessions(), 1);
    let second = connect(&mut network, psk_client(&[]), Some(&session));
    assert!(has_resumed(&mut network, second));
    // It is still known after the connection has slept.
    for _ in 0..2 {
        network.run_for(Duration::from_secs(6));
        assert_eq!(network.server.endpoint.sleepers(), 1);
        network.send_from_client(second, b"awake");
        network.settle();
        assert_eq!(network.server.endpoint.sleepers(), 0);
    }
    let handle = network.client_handle(second);
    let alert = network.clients[second].endpoint.fatal_alert(network.now, handle, 80);
    let from = network.clients[second].address;
    network.inject(from, SERVER, &alert);
    assert_eq!(network.server.error_kinds(), [ErrorKind::AlertReceived]);
    assert_eq!(network.server.endpoint.sessions(), 0);
}

#[test]
fn a_store_is_told_of_a_session_whose_connection_fails_and_of_no_other() {
    let (mut network, _, (id, _)) = with_store();
    let ended = |network: &Network| {
        let of = |event: &Event| match event {
            Event::SessionEnded { id } => Some(id.as_bytes().to_vec()),
            _ => None,
        };
        network.server.log.iter().filter_map(of).collect::<Vec<_>>()
    };
    let goodbye = connect(&mut network, psk_client(&[]), None);
    let handle = network.client_handle(goodbye);
    network.clients[goodbye].endpoint.close(network.now, handle);
    network.settle();
    assert_eq!(ended(&network), [[0; 0]; 0]);
    let handle = network.client_handle(0);
    let alert = network.clients[0].endpoint.fatal_alert(network.now, handle, 80);
    network.inject(network.clients[0].address, SERVER, &alert);
    assert_eq!(ended(&network), [id]);
}

#[test]
fn a_hello_with_a_ticket_has_room_in_a_datagram() {
    let credits = Credits::new();
    let mut network = Network::new(credits.server(Some(credits.authority())));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, credits.client(), None);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, credits.client(), Some(&session));
    assert!(has_resumed(&mut network, second));
    let longest = network.wire.iter().map(|(.., datagram)| datagram.len()).max().unwrap();
    assert!(longest <= 1200, "{longest}");
}

#[test]
fn a_ticket_without_room_for_a_chain_has_the_peers_own_certificate() {
    let credits = Credits::new();
    let (key, cert) = &credits.client;
    let chain = [&cert[..], &credits.issuer.pem(), &credits.issuer.pem()].concat();
    let long = Credits { client: (key.clone(), chain), ..credits };
    let mut network = Network::new(long.server(Some(long.authority())));
    remember(&mut network, by_ticket);
    let first = connect(&mut network, long.client(), None);
    assert_eq!(last(&network.server).terms.issuers.len(), 2);
    let device = last(&network.server).certificate.unwrap().to_vec();
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, long.client(), Some(&session));
    assert!(has_resumed(&mut network, second));
    assert_eq!(last(&network.server).certificate, Some(&device[..]));
    assert_eq!(last(&network.server).terms.issuers.len(), 0);
}

#[test]
fn one_whose_ticket_would_be_too_long_is_found_by_its_id() {
    let credits = Credits::new();
    let mut device = leaf("device.test");
    device.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let names = (0..30).map(|number| rcgen::SanType::DnsName(format!("device-{number}.test").try_into().unwrap()));
    device.subject_alt_names.extend(names);
    let key = KeyPair::generate().unwrap();
    let cert = device.signed_by(&key, &credits.issuer).unwrap().pem();
    let long = Credits { client: (key.serialize_pem(), cert), ..credits };
    let mut network = Network::new(long.server(Some(long.authority())));
    remember(&mut network, |_| {});
    let first = connect(&mut network, long.client(), None);
    assert_eq!(network.server.endpoint.sessions(), 1);
    let session = session_of(&network, first).unwrap();
    let second = connect(&mut network, long.client(), Some(&session));
    assert!(has_resumed(&mut network, second));
}

#[test]
fn connection_ids_are_agreed_on_anew_when_a_session_is_resumed() {
    let mut network = Network::new(psk_server());
    remember(&mut network, by_ticket);
    let first = connect(&mut network, psk_client(&[]), None);
    let session = session_of(&network, first).unwrap();
    network.server.endpoint.use_connection_ids(Some(8));
    network.client_ids = Some(6);
    let second = connect(&mut network, psk_client(&[]), Some(&session));
    assert!(has_resumed(&mut network, second));
    let handle = *network.server.secured().last().unwrap();
    assert!(network.server.endpoint.connection_ids(handle).is_some());
    // The client moves, and is found by its ID.
    let datagram = network.seal(second, b"from elsewhere");
    network.inject("203.0.113.9:4444".parse().unwrap(), SERVER, &datagram);
    assert_eq!(network.server.received.last().unwrap(), &(handle, b"from elsewhere".to_vec()));
}
