//! Epochs, and numbers of records in them: which have come already, and which one is meant where only its last bytes are known.

/// Epoch of the hellos, which are in plaintext (RFC 9147 section 6.1).
pub(super) const PLAINTEXT_EPOCH: u64 = 0;

/// Epoch of the handshake's other messages. There is no early data, which would have epoch 1.
pub(super) const HANDSHAKE_EPOCH: u64 = 2;

/// First epoch of application data.
pub(super) const DATA_EPOCH: u64 = 3;

/// No key protects so many records that their numbers had more bits.
const NUMBER_BITS: u32 = 48;

/// A record, by its epoch and its number in it (RFC 9147 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordNumber {
    pub(super) epoch: u64,
    pub(super) number: u64,
}

impl RecordNumber {
    /// The place among all records of its sender.
    pub(super) fn rank(self) -> u64 {
        self.epoch << NUMBER_BITS | self.number
    }
}

/// Records below the newest whose repetitions are recognised.
const WIDTH: u64 = 64;

/// Which records of an epoch have come (RFC 9147 section 4.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplayWindow {
    /// One more than the highest number that was authenticated.
    next: u64,
    /// Bit n: `next - 1 - n` was seen.
    seen: u64,
}

impl ReplayWindow {
    /// One more than the highest number, and a bit for each of those below.
    pub(super) fn parts(&self) -> (u64, u64) {
        (self.next, self.seen)
    }

    pub(super) fn from_parts(next: u64, seen: u64) -> ReplayWindow {
        ReplayWindow { next, seen }
    }

    /// Whether this record is neither a repetition nor too old to tell.
    pub(super) fn is_new(&self, number: u64) -> bool {
        match self.next.checked_sub(number) {
            None | Some(0) => true,
            Some(age) => age <= WIDTH && self.seen >> (age - 1) & 1 == 0,
        }
    }

    /// An authentic record has come.
    pub(super) fn mark(&mut self, number: u64) {
        match self.next.checked_sub(number) {
            None | Some(0) => {
                let step = u32::try_from(number - self.next + 1).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(step).unwrap_or_default() | 1;
                self.next = number + 1;
            }
            Some(age) if age <= WIDTH => self.seen |= 1 << (age - 1),
            Some(_) => {}
        }
    }

    /// The number with these low bits that is the nearest to the one expected next (RFC 9147 section 4.2.2); of two that are as near, the
    /// later one, because the earlier one is too old to tell.
    pub(super) fn reconstruct(&self, low: u64, bits: u32) -> u64 {
        let span = 1_u64 << bits;
        let least = self.next.saturating_sub(span / 2 - 1);
        least.saturating_add(low.wrapping_sub(least) & (span - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_twice_and_nothing_that_is_too_old() {
        let mut window = ReplayWindow::default();
        for number in [0, 5, 3, 70, 69] {
            assert!(window.is_new(number), "{number}");
            window.mark(number);
            assert!(!window.is_new(number), "{number}");
        }
        assert!(!window.is_new(5) && !window.is_new(6) && window.is_new(7) && window.is_new(68) && window.is_new(71));
        window.mark(1000);
        assert!(!window.is_new(70) && window.is_new(1000 - 63) && !window.is_new(1000 - 64));
    }

    #[test]
    fn numbers_are_reconstructed_over_gaps_and_boundaries() {
        let mut window = ReplayWindow::default();
        assert_eq!(window.reconstruct(0xff, 8), 0xff);
        assert_eq!(window.reconstruct(0xffff, 16), 0xffff);
        for newest in [255, 1000, 0xffff, 0x1_0000, 0x12_3456] {
            window.mark(newest);
            for number in [newest.saturating_sub(100), newest, newest + 1, newest + 100] {
                assert_eq!(window.reconstruct(number & 0xff, 8), number, "{newest} {number}");
                assert_eq!(window.reconstruct(number & 0xffff, 16), number, "{newest} {number}");
            }
        }
    }

    /// The window over a long walk, beside a set of all that has come.
    #[test]
    fn whatever_comes_the_window_answers_as_a_list_of_all_records_would() {
        let mut window = ReplayWindow::default();
        let mut seen = std::collections::HashSet::new();
        let (mut highest, mut dice) = (None, 0x9e37_79b9_7f4a_7c15_u64);
        for _ in 0..3_000 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let newest: u64 = highest.unwrap_or(0);
            // Mostly near the newest; now and then a jump of just a window, or beyond it.
            let number = match dice % 32 {
                0 => newest + 63,
                1 => newest + 64,
                2 => newest + 65,
                3 => newest + 200,
                _ => (newest + 5).saturating_sub((dice >> 32) % 72),
            };
            let is_new = |number: u64| {
                highest
                    .is_none_or(|highest: u64| number > highest || highest - number < WIDTH && !seen.contains(&number))
            };
            for other in newest.saturating_sub(70)..newest + 3 {
                assert_eq!(window.is_new(other), is_new(other), "{other} of {newest}");
            }
            window.mark(number);
            seen.insert(number);
            highest = highest.max(Some(number));
            assert_eq!(window.parts().0, highest.unwrap() + 1);
        }
    }

    #[test]
    fn the_number_that_is_meant_is_the_nearest_one_and_of_two_the_later() {
        for next in 0..600 {
            let window = ReplayWindow::from_parts(next, 0);
            for low in 0..256 {
                let with_bits = (0..5).map(|high| high << 8 | low);
                let nearest = with_bits.min_by_key(|&number: &u64| (number.abs_diff(next), number < next)).unwrap();
                assert_eq!(window.reconstruct(low, 8), nearest, "{next} {low}");
            }
        }
        for (next, low, number) in
            [(0x1_8000, 0, 0x2_0000), (0x1_8000, 1, 0x1_0001), (0x1_7fff, 0xffff, 0x1_ffff), (0x1_7fff, 0, 0x1_0000)]
        {
            assert_eq!(ReplayWindow::from_parts(next, 0).reconstruct(low, 16), number, "{next:#x} {low:#x}");
        }
    }

    #[test]
    fn the_last_numbers_do_not_overflow() {
        let window = ReplayWindow { next: u64::MAX, seen: 1 };
        assert_eq!(window.reconstruct(0xfffe, 16), u64::MAX - 1);
        assert_eq!(window.reconstruct(0, 16), u64::MAX);
    }
}
