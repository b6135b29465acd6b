//! The heap: giving memory back to the system, and for tests, how much is in use.

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

/// Bytes of the heap that are in use, by C as well.
#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) fn allocated() -> usize {
    /// glibc's `struct mallinfo2`, as far as it is looked at.
    #[repr(C)]
    struct Usage {
        _before: [usize; 4],
        /// Mapped by themselves.
        mapped: usize,
        _between: [usize; 2],
        in_use: usize,
        _after: [usize; 2],
    }
    unsafe extern "C" {
        fn mallinfo2() -> Usage;
    }
    // SAFETY: may be called at any time, from any thread; it returns ten numbers of this size.
    let usage = unsafe { mallinfo2() };
    usage.mapped + usage.in_use
}
