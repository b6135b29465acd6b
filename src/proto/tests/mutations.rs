//! Dice that fall the same way every time, and datagrams that they spoil.

/// xorshift64*: small, and the same everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

pub(super) fn mutate(dice: &mut Dice, mut datagram: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(datagram.len().max(1));
        match dice.roll(8) {
            0 => datagram.truncate(at),
            1 => datagram.extend((0..dice.roll(40)).map(|value| value as u8)),
            2 | 3 if !datagram.is_empty() => datagram[at] ^= 1 << dice.roll(8),
            4 if !datagram.is_empty() => datagram[at] = dice.roll(256) as u8,
            // A number or a length in one of the headers.
            5 if datagram.len() > 25 => datagram[3 + dice.roll(22)] = dice.roll(256) as u8,
            6 => datagram = [datagram, other.to_vec()].concat(),
            7 if !other.is_empty() => {
                datagram.truncate(at);
                datagram.extend_from_slice(&other[dice.roll(other.len())..]);
            }
            _ => {}
        }
    }
    datagram
}
