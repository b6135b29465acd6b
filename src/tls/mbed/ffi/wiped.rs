//! Bytes that are wiped when they are dropped, a word at a time: hashes use hundreds of them in a handshake.

use std::ops::{Deref, DerefMut};
use std::slice;
use zeroize::Zeroize;

/// `LENGTH` bytes, aligned as words are.
#[repr(align(8))]
pub(crate) struct Wiped<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Wiped<LENGTH> {
    pub(super) fn zeros() -> Wiped<LENGTH> {
        Wiped([0; LENGTH])
    }
}

impl<const LENGTH: usize> Deref for Wiped<LENGTH> {
    type Target = [u8; LENGTH];

    fn deref(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl<const LENGTH: usize> DerefMut for Wiped<LENGTH> {
    fn deref_mut(&mut self) -> &mut [u8; LENGTH] {
        &mut self.0
    }
}

impl<const LENGTH: usize> Drop for Wiped<LENGTH> {
    fn drop(&mut self) {
        const { assert!(LENGTH.is_multiple_of(size_of::<u64>())) };
        // SAFETY: that many whole words, aligned by the type, and every word is a valid one.
        let words = unsafe { slice::from_raw_parts_mut(self.0.as_mut_ptr().cast::<u64>(), LENGTH / size_of::<u64>()) };
        words.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::Wiped;
    use std::mem::ManuallyDrop;
    use std::ptr;

    #[test]
    fn nothing_is_left_of_what_was_dropped() {
        let mut wiped = ManuallyDrop::new(Wiped::<64>::zeros());
        wiped.fill(0xa5);
        assert_eq!(**wiped, [0xa5; 64]);
        // SAFETY: dropped once, here; the memory stays, and holds bytes alone.
        let left = unsafe {
            ManuallyDrop::drop(&mut wiped);
            ptr::read_volatile((&raw const wiped).cast::<[u8; 64]>())
        };
        assert_eq!(left, [0; 64]);
    }
}
