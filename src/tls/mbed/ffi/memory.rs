//! Giving memory back to the system.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    /// glibc: gives whole free pages of the heap back; keeps `pad` bytes at its top.
    fn malloc_trim(pad: usize) -> super::c_int;
}

/// Gives free pages of the heap back to the system, where the allocator does not do so by itself. Takes some
/// milliseconds with a heap of hundreds of megabytes.
pub(crate) fn release_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, from any thread.
    unsafe {
        malloc_trim(0);
    }
}
