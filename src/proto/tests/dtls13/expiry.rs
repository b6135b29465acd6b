//! Sessions of peers whose certificates end before the time of the sessions does, in both versions.

use super::*;
use crate::proto::tests::resumption::*;
use crate::proto::{SessionSettings, WallClock};
use rcgen::date_time_ymd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds for which the certificates of one side, or of both, are good: chains are judged by this machine's clock.
const REST: u64 = 7200;
const SESSION: Duration = Duration::from_secs(86_400);

/// Whether a session is resumed so many seconds after it was made. `name`: of the side whose certificate ends.
fn resumes_after(versions: Versions, change: fn(&mut SessionSettings), name: &str, wait: u64) -> bool {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = date_time_ymd(1970, 1, 1) + unix + Duration::from_secs(REST);
    let credits = Credits::with(|params| {
        let is_meant = params.subject_alt_names.iter().any(|other| format!("{other:?}").contains(name));
        params.not_after = if is_meant { end } else { params.not_after };
    });
    let settings = settings_of(versions, &[], &[]);
    let mut network = Network::new(credits.server_with(&settings, Some(credits.authority())));
    let wall_clock = WallClock::new(network.now, unix);
    remember(&mut network, |settings| {
        change(settings);
        (settings.clock, settings.lifetime) = (wall_clock, SESSION);
    });
    let visit = |network: &mut Network, session: Option<&[u8]>| {
        let client = network.connect(&credits.client_with(&settings, |_| {}).resuming(wall_clock, session));
        network.settle();
        assert_eq!(network.clients[client].secured().len(), 1);
        client
    };
    let first = visit(&mut network, None);
    let session = session_of(&network, first).unwrap();
    network.now += Duration::from_secs(wait);
    let second = visit(&mut network, Some(&session));
    has_resumed(&mut network, second)
}

#[test]
fn a_session_ends_with_the_certificate_by_which_its_peer_was_known() {
    let older = Versions { oldest: Version::Dtls12, newest: Version::Dtls12 };
    for versions in [older, ONLY] {
        for change in [by_ticket as fn(&mut SessionSettings), by_id] {
            for name in ["device.test", NAME] {
                for (wait, expected) in [(REST - 60, true), (REST + 1, false)] {
                    assert_eq!(resumes_after(versions, change, name, wait), expected, "{versions:?} {name} {wait}");
                }
            }
            assert!(resumes_after(versions, change, "nobody", REST + 1));
        }
    }
}
