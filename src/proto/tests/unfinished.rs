//! Which of many unfinished handshakes gives way, beside a model that keeps no order.

use super::network::base_time;
use crate::proto::handshakes::{Handshakes, Places, RESOLUTION, Unfinished};
use crate::proto::prefix::Prefix;
use crate::proto::table::ConnectionHandle;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PLACES: Places = Places { in_all: 7, each: 4 };

/// The same as the words at the top of `handshakes.rs` have it.
#[derive(Default)]
struct Model(Vec<Member>);

#[derive(Clone, Copy)]
struct Member {
    handshake: Unfinished,
    prefix: Prefix,
    progress: Instant,
    is_guest: bool,
}

impl Model {
    fn count(&self, prefix: Prefix, guests: bool) -> usize {
        self.0.iter().filter(|member| member.prefix == prefix && member.is_guest >= guests).count()
    }

    fn begin(&mut self, now: Instant, handshake: Unfinished, prefix: Prefix) {
        self.0.retain(|member| member.handshake != handshake);
        let residents = || self.0.iter().filter(|member| !member.is_guest);
        let beside = residents().filter(|member| member.prefix == prefix).count();
        let is_guest = 2 * residents().count() >= PLACES.in_all || 2 * beside >= PLACES.each;
        self.0.push(Member { handshake, prefix, progress: now, is_guest });
    }

    fn advance(&mut self, now: Instant, handshake: Unfinished) {
        if let Some(member) = self.0.iter_mut().find(|member| member.handshake == handshake)
            && now >= member.progress + RESOLUTION
        {
            member.progress = now;
        }
    }

    /// Of the heaviest prefix, the one longest without progress.
    fn lightest_claim(&self, guests: bool) -> Option<Unfinished> {
        let all = self.0.iter().filter(|member| member.is_guest >= guests);
        let claim = |member: &&Member| {
            (std::cmp::Reverse(self.count(member.prefix, guests)), member.progress, member.handshake)
        };
        all.min_by_key(claim).map(|member| member.handshake)
    }

    fn least_claim_beside(&self, prefix: Prefix) -> Option<Unfinished> {
        let beside = self.0.iter().filter(|member| member.is_guest && member.prefix == prefix);
        beside.min_by_key(|member| (member.progress, member.handshake)).map(|member| member.handshake)
    }

    fn least_claim(&self, newcomer: Prefix) -> Option<Unfinished> {
        let own = self.count(newcomer, false);
        let heaviest = self.0.iter().map(|member| self.count(member.prefix, false)).max().unwrap_or(0);
        match heaviest {
            _ if heaviest > own + 1 => self.lightest_claim(false),
            _ if heaviest == own => self.least_claim_beside(newcomer),
            _ => self.lightest_claim(true),
        }
    }

    fn stalled(&self, now: Instant, timeout: Duration) -> Option<Unfinished> {
        let longest = self.0.iter().min_by_key(|member| (member.progress, member.handshake))?;
        (longest.progress + timeout <= now).then_some(longest.handshake)
    }
}

#[test]
fn who_gives_way_is_who_has_the_least_claim_whatever_has_happened_before() {
    let start = base_time();
    for seed in 1..40 {
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
        let mut roll = |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) % sides
        };
        let (mut handshakes, mut model, mut now) = (Handshakes::default(), Model::default(), start);
        for _ in 0..200 {
            now += Duration::from_millis(10 * roll(8));
            let remote = SocketAddr::from(([198, 51, 100, roll(4) as u8], roll(3) as u16));
            let prefix = Prefix::of(remote.ip());
            let number = ConnectionHandle(u32::from(remote.port()) + 10 * u32::from(roll(2) as u8));
            let known = model.0.get(roll(8) as usize).map(|member| member.handshake);
            let fresh = if roll(2) == 0 { Unfinished::Hello(remote) } else { Unfinished::Connection(number) };
            match roll(5) {
                0 | 1 => {
                    handshakes.begin(now, remote, fresh, PLACES);
                    model.begin(now, fresh, prefix);
                }
                2 | 3 => {
                    handshakes.advance(now, known.unwrap_or(fresh));
                    model.advance(now, known.unwrap_or(fresh));
                }
                _ => {
                    handshakes.end(known.unwrap_or(fresh));
                    model.0.retain(|member| member.handshake != known.unwrap_or(fresh));
                }
            }
            assert_eq!(handshakes.len(), model.0.len());
            assert_eq!(handshakes.count_from(remote), model.count(prefix, false));
            assert_eq!(handshakes.least_claim(remote), model.least_claim(prefix));
            assert_eq!(handshakes.least_claim_beside(remote), model.least_claim_beside(prefix));
            let timeout = Duration::from_millis(10 * roll(30));
            assert_eq!(handshakes.stalled(now, timeout), model.stalled(now, timeout));
            let next = model.0.iter().map(|member| member.progress + timeout).min();
            assert_eq!(handshakes.next_stalled(timeout), next);
        }
        while let Some(member) = model.0.pop() {
            handshakes.end(member.handshake);
        }
        assert_eq!(handshakes.footprint(), 0);
    }
}
