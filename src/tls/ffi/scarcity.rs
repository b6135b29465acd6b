//! For tests: memory that an engine asks for and does not get.
//!
//! C code in the program of the tests finds `malloc` and `calloc` here, and Rust code does not: its allocator goes to glibc by other
//! names. Rust ends the process when it gets no memory, and C reports it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::c_void;

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_free(memory: *mut c_void);
}

thread_local! {
    /// How many allocations of C's this thread lets pass before one fails; `None` for all.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    /// Allocations of C's in this thread.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

/// Does something in the course of which allocation number `nth` of C's fails, the first being 0.
pub(crate) fn without_allocation<T>(nth: u64, act: impl FnOnce() -> T) -> T {
    LEFT.set(Some(nth));
    let result = act();
    LEFT.set(None);
    result
}

/// Does something, and counts what C allocates in its course.
pub(crate) fn allocations<T>(act: impl FnOnce() -> T) -> (u64, T) {
    let before = SEEN.get();
    let result = act();
    (SEEN.get() - before, result)
}

/// Does something for which there is memory, within what there is none for.
pub(crate) fn with_plenty<T>(act: impl FnOnce() -> T) -> T {
    let (left, seen) = (LEFT.take(), SEEN.get());
    let result = act();
    LEFT.set(left);
    SEEN.set(seen);
    result
}

fn fails() -> bool {
    SEEN.set(SEEN.get() + 1);
    let left = LEFT.get();
    LEFT.set(left.and_then(|left| left.checked_sub(1)));
    left == Some(0)
}

/// C's own, unless it is to fail.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: as the caller's call.
    if fails() { std::ptr::null_mut() } else { unsafe { __libc_malloc(size) } }
}

/// C's own, unless it is to fail.
#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: as the caller's call.
    if fails() { std::ptr::null_mut() } else { unsafe { __libc_calloc(count, size) } }
}

/// Rust's way past these two.
struct Abundant;

#[global_allocator]
static RUST: Abundant = Abundant;

/// What `malloc` aligns memory to.
const ALIGNMENT: usize = 16;

// SAFETY: glibc's own functions, as the allocator of the standard library calls them.
unsafe impl GlobalAlloc for Abundant {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: both take any size, and the second any power of two.
        let memory = unsafe {
            match layout.align() {
                ..=ALIGNMENT => __libc_malloc(layout.size()),
                alignment => __libc_memalign(alignment, layout.size()),
            }
        };
        memory.cast()
    }

    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        // SAFETY: it came from one of the functions here.
        unsafe { __libc_free(memory.cast()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            // SAFETY: it came from one of the functions here.
            return unsafe { __libc_realloc(memory.cast(), size) }.cast();
        }
        // SAFETY: the caller's promises about `memory`, `layout` and `size`.
        unsafe {
            let other = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !other.is_null() {
                std::ptr::copy_nonoverlapping(memory, other, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            other
        }
    }
}
