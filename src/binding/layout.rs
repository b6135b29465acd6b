//! The layouts of the memory that JavaScript and the native side share. They stand here alone.

use super::{brief, registers, stats};
use napi_derive::napi;

/// Both layouts.
#[napi(object, object_from_js = false)]
pub struct NativeLayout {
    /// What every native call leaves behind.
    pub registers: registers::NativeRegisterLayout,
    /// Events that need no object.
    pub brief: brief::NativeBriefLayout,
    /// Names of a connection's counters, in their order.
    pub tally: Vec<&'static str>,
}

/// Never made: its static method is all of it.
#[napi]
pub struct Layout {}

#[napi]
impl Layout {
    /// Asked once, when the package is loaded.
    #[napi(catch_unwind)]
    pub fn read() -> NativeLayout {
        NativeLayout { registers: registers::layout(), brief: brief::layout(), tally: stats::TALLY.to_vec() }
    }
}
