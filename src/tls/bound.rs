//! How far the owner of an association may number its records, where a store has a copy of it.

use std::fmt;

/// Digits of an epoch, and of a number: both have 48 bits.
const DIGITS: usize = 15;

/// The first number that the owner of a copy may not use, and the epoch that it is of. Whoever takes the copy over begins there.
/// Each copy that takes the place of another has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bound {
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl Bound {
    /// What [`Bound`] is as text; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Bound> {
        let is_whole = text.len() == 2 * DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        let (epoch, number) = text.split_at_checked(DIGITS).filter(|_| is_whole)?;
        Some(Bound { epoch: epoch.parse().ok()?, number: number.parse().ok()? })
    }
}

/// Of two of them, the text that is the greater is of the one that is: a store compares them so.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$}{:0DIGITS$}", self.epoch, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_the_order_of_what_they_say() {
        let bounds = [(3, 0), (3, 9), (3, 10), (3, (1 << 48) - 1), (4, 0), (10, 5), ((1 << 48) - 1, 7)];
        let texts: Vec<_> = bounds.iter().map(|&(epoch, number)| Bound { epoch, number }.to_string()).collect();
        assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == 30), "{texts:?}");
        for (text, (epoch, number)) in texts.iter().zip(bounds) {
            assert_eq!(Bound::parse(text), Some(Bound { epoch, number }));
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let good = Bound { epoch: 3, number: 7 }.to_string();
        for text in ["", "3", &good[1..], &format!("{good}0"), &good.replace('7', "+"), &good.replace('7', "-"), "ö"] {
            assert_eq!(Bound::parse(text), None, "{text}");
        }
    }
}
