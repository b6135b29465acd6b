//! How often something has taken how long.

use std::time::Duration;

/// Milliseconds up to which the buckets reach, in tenths; the last bucket has no end.
const BOUNDS: [u32; 15] =
    [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 300_000, 600_000];

/// Durations by size. It has one size itself, whatever is recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let bucket = BOUNDS.partition_point(|&bound| Duration::from_micros(u64::from(bound) * 100) < duration);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(duration);
    }

    /// Upper bounds of the buckets but the last, in milliseconds.
    pub(crate) fn bounds() -> impl Iterator<Item = f64> {
        BOUNDS.iter().map(|&bound| f64::from(bound) / 10.0)
    }

    /// How often each bucket was hit.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub(crate) fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_it_does_not_exceed() {
        let mut histogram = Histogram::default();
        for micros in [0, 1_000, 1_001, 60_000_000, 60_000_001, 3_600_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.counts()[..2], [2, 1]);
        assert_eq!(histogram.counts()[14..], [1, 2]);
        assert_eq!(histogram.counts().iter().sum::<u64>(), 6);
        assert_eq!(histogram.sum(), Duration::from_micros(3_720_002_002));
        assert_eq!(Histogram::bounds().next(), Some(1.0));
        assert_eq!(Histogram::bounds().last(), Some(60_000.0));
    }
}
