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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_all_is_taken_only_a_few_slots_are_kept() {
        for (most, kept) in [(KEPT, KEPT), (KEPT + 1, 0)] {
            let mut slab = Slab::new();
            for _ in 0..2 {
                let numbers: Vec<_> = (0..most).map(|value| slab.put(value)).collect();
                assert_eq!(slab.len(), most);
                for (value, number) in numbers.into_iter().enumerate() {
                    assert_eq!(slab.slots.len(), most);
                    assert_eq!(slab.take(number), Some(value));
                    assert_eq!(slab.take(number), None);
                }
                assert_eq!((slab.slots.len(), slab.vacant.len(), slab.len()), (kept, kept, 0));
            }
        }
    }
}
