//! libFuzzer's entry: one target at a time, which the environment names.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The name of the target, from the environment.
const NAME: &str = "FUZZ_TARGET";

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var(NAME).unwrap_or_default();
    let names: Vec<_> = mbed_dtls::fuzzing::targets().map(|(name, _)| name).collect();
    let target = mbed_dtls::fuzzing::targets().find(|(known, _)| *known == name);
    target.unwrap_or_else(|| panic!("{NAME} has to be one of {names:?}")).1
});

fuzz_target!(|input: &[u8]| {
    randomness::begin();
    TARGET(input);
});

/// Random numbers that are the same in every run of an input, in place of the operating system's.
mod randomness {
    use std::cell::Cell;

    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(SEED) };
    }

    pub(super) fn begin() {
        STATE.set(SEED);
    }

    /// xorshift64.
    fn next() -> u64 {
        let mut state = STATE.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        STATE.set(state);
        state
    }

    /// Named by the crate getrandom, which is told to call it by `--cfg getrandom_backend="custom"`.
    #[unsafe(no_mangle)]
    unsafe extern "Rust" fn __getrandom_v03_custom(
        destination: *mut u8,
        length: usize,
    ) -> Result<(), getrandom::Error> {
        // SAFETY: the caller's buffer is writable for its length, and may be uninitialised.
        (0..length).for_each(|at| unsafe { destination.add(at).write(next() as u8) });
        Ok(())
    }
}
