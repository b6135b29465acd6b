//! Values by number.

/// Slots that are kept when nothing is left in them.
const KEPT: usize = 64;

/// Values side by side. The number of one that was taken is used again.
pub(super) struct Slab<Value> {
    slots: Vec<Option<Value>>,
    vacant: Vec<usize>,
}

impl<Value> Slab<Value> {
    pub(super) fn new() -> Slab<Value> {
        Slab { slots: Vec::new(), vacant: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    pub(super) fn put(&mut self, value: Value) -> usize {
        if let Some(number) = self.vacant.pop()
            && let Some(slot) = self.slots.get_mut(number)
        {
            *slot = Some(value);
            return number;
        }
        self.slots.push(Some(value));
        self.slots.len() - 1
    }

    pub(super) fn take(&mut self, number: usize) -> Option<Value> {
        let value = self.slots.get_mut(number)?.take()?;
        self.vacant.push(number);
        if self.len() == 0 && self.slots.len() > KEPT {
            *self = Slab::new();
        }
        Some(value)
    }

    pub(super) fn get(&self, number: usize) -> Option<&Value> {
        self.slots.get(number)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Value> {
        self.slots.get_mut(number)?.as_mut()
    }
}
