//! Endpoints by number. JavaScript has an object for each, and calls what it needs now and then as a method of that. napi notes
//! for the time of such a call who has borrowed the object, which takes longer than the call itself: what is called for every
//! datagram names the endpoint by its number instead.

use super::driver::Driver;
use super::error::{CodedError, internal};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

thread_local! {
    /// Those of this thread: of one environment, or of several that take turns in it.
    static DRIVERS: RefCell<FxHashMap<u32, Rc<RefCell<Driver>>>> = RefCell::default();
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// An endpoint that can be found by its number, for as long as this is there.
pub(super) struct Numbered {
    number: u32,
    driver: Rc<RefCell<Driver>>,
}

impl Numbered {
    pub(super) fn new(mut driver: Driver) -> Numbered {
        let number = LAST.get() + 1;
        LAST.set(number);
        driver.note_number(number);
        let driver = Rc::new(RefCell::new(driver));
        DRIVERS.with_borrow_mut(|drivers| drivers.insert(number, Rc::clone(&driver)));
        Numbered { number, driver }
    }

    /// No call into the endpoint runs JavaScript, so that nobody else has it.
    pub(super) fn get(&self) -> RefMut<'_, Driver> {
        self.driver.borrow_mut()
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        // When a thread ends, the table may be gone before the objects.
        let driver = DRIVERS.try_with(|drivers| drivers.borrow_mut().remove(&self.number));
        drop(driver);
    }
}

/// Lets the endpoint with this number act.
pub(super) fn with<R>(number: u32, act: impl FnOnce(&mut Driver) -> R) -> Result<R, CodedError> {
    let driver = DRIVERS.with_borrow(|drivers| drivers.get(&number).cloned());
    let driver = driver.ok_or_else(|| internal(format!("No endpoint has the number {number}")))?;
    let mut driver = driver.try_borrow_mut().map_err(internal)?;
    Ok(act(&mut driver))
}
