//! The secret that all keys of an association are made of (RFC 5246 section 8.1), and the memory where it is.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroize;

const LENGTH: usize = 48;

type Place = &'static mut [u8; LENGTH];

/// How many places are made at once, side by side.
const AT_ONCE: usize = 64;

/// Places without a secret. None is given back to the system, so there are as many as there have been secrets at a time. A secret is
/// made in the middle of a handshake and outlives it: memory that it asked for at that moment would keep a page alive that has held
/// nothing else but parts of handshakes.
static VACANT: Mutex<Vec<Place>> = Mutex::new(Vec::new());

/// It stays where it is until it is wiped: bytes that move with their value leave copies behind, on a stack that nobody wipes.
pub(crate) struct MasterSecret {
    /// `None` only while it is dropped.
    place: Option<Place>,
}

impl From<&[u8; LENGTH]> for MasterSecret {
    fn from(bytes: &[u8; LENGTH]) -> MasterSecret {
        let place = take_place();
        place.copy_from_slice(bytes);
        MasterSecret { place: Some(place) }
    }
}

impl Clone for MasterSecret {
    fn clone(&self) -> MasterSecret {
        MasterSecret::from(&**self)
    }
}

impl Deref for MasterSecret {
    type Target = [u8; LENGTH];

    fn deref(&self) -> &[u8; LENGTH] {
        self.place.as_deref().unwrap_or(&[0; LENGTH])
    }
}

impl Drop for MasterSecret {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            place.zeroize();
            vacant().push(place);
        }
    }
}

fn take_place() -> Place {
    let mut vacant = vacant();
    if let Some(place) = vacant.pop() {
        return place;
    }
    let (place, others) = Box::leak(Box::new(([0; LENGTH], [[0; LENGTH]; AT_ONCE - 1])));
    vacant.extend(others);
    place
}

fn vacant() -> MutexGuard<'static, Vec<Place>> {
    VACANT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_place_of_its_own_that_is_wiped_with_it() {
        let secrets: Vec<_> = (0..200).map(|byte| MasterSecret::from(&[byte; LENGTH])).collect();
        assert!(secrets.iter().zip(0..).all(|(secret, byte)| **secret == [byte; LENGTH]));
        assert_eq!(*secrets[7].clone(), [7; LENGTH]);
        // Other tests take places too, perhaps this one before it has been looked at.
        let is_wiped = |secret: MasterSecret| {
            let at = secret.as_ptr();
            drop(secret);
            vacant().iter().any(|place| place.as_ptr() == at && **place == [0; LENGTH])
        };
        assert!(secrets.into_iter().skip(1).any(is_wiped));
    }
}
