//! Items by rank, of which any can be taken out.

/// A binary heap, the lowest rank first. An item is a number, which its owner chooses; its place changes with every
/// operation, and each tells its owner by `moved` which item stands where. A place that is used must be the item's own.
pub(super) struct Heap<Rank> {
    entries: Vec<(Rank, usize)>,
}

impl<Rank: Copy + Ord> Heap<Rank> {
    pub(super) fn new() -> Heap<Rank> {
        Heap { entries: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The lowest rank, and whose it is.
    pub(super) fn first(&self) -> Option<(Rank, usize)> {
        self.entries.first().copied()
    }

    /// Takes constant time for a rank that is higher than those that are there.
    pub(super) fn push(&mut self, rank: Rank, item: usize, moved: impl FnMut(usize, usize)) {
        self.entries.push((rank, item));
        self.rise(self.entries.len() - 1, moved);
    }

    pub(super) fn remove(&mut self, place: usize, moved: impl FnMut(usize, usize)) {
        if place >= self.entries.len() {
            return;
        }
        self.entries.swap_remove(place);
        if place < self.entries.len() {
            self.settle(place, moved);
        }
    }

    pub(super) fn change(&mut self, place: usize, rank: Rank, moved: impl FnMut(usize, usize)) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.0 = rank;
            self.settle(place, moved);
        }
    }

    /// Restores the order around an entry that has another rank than before.
    fn settle(&mut self, place: usize, mut moved: impl FnMut(usize, usize)) {
        let sunk_to = self.sink(place, &mut moved);
        if sunk_to == place {
            self.rise(place, moved);
        }
    }

    fn rise(&mut self, mut place: usize, mut moved: impl FnMut(usize, usize)) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.rank(parent) <= self.rank(place) {
                break;
            }
            self.swap(place, parent, &mut moved);
            place = parent;
        }
        self.tell(place, &mut moved);
    }

    /// Answers where it ends.
    fn sink(&mut self, mut place: usize, moved: &mut impl FnMut(usize, usize)) -> usize {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let lower = if self.rank(right).is_some() && self.rank(right) < self.rank(left) { right } else { left };
            if self.rank(lower).is_none() || self.rank(place) <= self.rank(lower) {
                break;
            }
            self.swap(place, lower, moved);
            place = lower;
        }
        self.tell(place, moved);
        place
    }

    fn rank(&self, place: usize) -> Option<Rank> {
        self.entries.get(place).map(|&(rank, _)| rank)
    }

    /// The one that goes to `there` is told; the one that comes from there goes on.
    fn swap(&mut self, here: usize, there: usize, moved: &mut impl FnMut(usize, usize)) {
        self.entries.swap(here, there);
        self.tell(here, moved);
    }

    fn tell(&self, place: usize, moved: &mut impl FnMut(usize, usize)) {
        if let Some(&(_, item)) = self.entries.get(place) {
            moved(item, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_changes_nothing() {
        let mut heap = Heap::new();
        heap.push(5, 0, |_, _| {});
        let never = |_, _| panic!("nobody moves");
        heap.remove(1, never);
        heap.change(1, 3, never);
        assert_eq!((heap.len(), heap.first()), (1, Some((5, 0))));
    }
}
