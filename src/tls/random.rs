//! Randomness: the operating system's generator, which survives forks, snapshots and threads.

/// The operating system gave no randomness.
#[derive(Debug)]
pub(crate) struct RngError;

/// Fills `bytes` with random bytes of the operating system.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), RngError> {
    getrandom::fill(bytes).map_err(|_| RngError)
}

/// So many random bytes of the operating system.
pub(crate) fn random_bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], RngError> {
    let mut bytes = [0; LENGTH];
    fill_random(&mut bytes).map(|()| bytes)
}
