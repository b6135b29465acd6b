//! Values by connection, side by side in memory. One by one they would lie between what handshakes leave behind, each on a
//! page of its own that can never be given back.

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Names a connection for as long as its endpoint lives; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionHandle(pub(crate) u32);

/// Connections in one piece of memory, some 40 KB.
const CHUNK: usize = 64;

/// What an endpoint has for each connection.
pub(super) struct Table<Value> {
    /// Handles are ours: nobody can choose them so that they collide.
    places: FxHashMap<ConnectionHandle, Place>,
    chunks: Vec<Chunk<Value>>,
    /// Chunks with room; the first is filled first, so that the last become empty.
    with_room: BTreeSet<usize>,
}

/// A slot, counted over all chunks. In four bytes, because each datagram looks for one, and there are as many as connections.
#[derive(Clone, Copy)]
struct Place(u32);

impl Place {
    fn new(chunk: usize, slot: usize) -> Place {
        // Handles have 32 bits, and each connection takes one place: the number fits.
        Place((chunk * CHUNK + slot) as u32)
    }

    fn chunk(self) -> usize {
        self.0 as usize / CHUNK
    }

    fn slot(self) -> usize {
        self.0 as usize % CHUNK
    }
}

struct Chunk<Value> {
    slots: Vec<Option<Value>>,
    vacant: Vec<usize>,
}

impl<Value> Table<Value> {
    pub(super) fn new() -> Table<Value> {
        Table { places: FxHashMap::default(), chunks: Vec::new(), with_room: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn contains_key(&self, handle: &ConnectionHandle) -> bool {
        self.places.contains_key(handle)
    }

    pub(super) fn get(&self, handle: &ConnectionHandle) -> Option<&Value> {
        let place = self.places.get(handle)?;
        self.chunks.get(place.chunk())?.slots.get(place.slot())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, handle: &ConnectionHandle) -> Option<&mut Value> {
        let place = self.places.get(handle)?;
        self.chunks.get_mut(place.chunk())?.slots.get_mut(place.slot())?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionHandle, &Value)> {
        self.places.keys().filter_map(|handle| Some((*handle, self.get(handle)?)))
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.chunks.iter().flat_map(|chunk| chunk.slots.iter().flatten())
    }

    /// The handle must be a new one.
    pub(super) fn insert(&mut self, handle: ConnectionHandle, value: Value) {
        let index = self.with_room.first().copied().unwrap_or_else(|| {
            self.chunks.push(Chunk::new());
            self.with_room.insert(self.chunks.len() - 1);
            self.chunks.len() - 1
        });
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        let slot = chunk.put(value);
        if chunk.is_full() {
            self.with_room.remove(&index);
        }
        self.places.insert(handle, Place::new(index, slot));
    }

    pub(super) fn remove(&mut self, handle: &ConnectionHandle) -> Option<Value> {
        let place = self.places.remove(handle)?;
        let (index, slot) = (place.chunk(), place.slot());
        let chunk = self.chunks.get_mut(index)?;
        let value = chunk.slots.get_mut(slot)?.take();
        chunk.vacant.push(slot);
        self.with_room.insert(index);
        // The first stays: many endpoints have one connection after the other.
        if index > 0 && chunk.vacant.len() == chunk.slots.len() {
            *chunk = Chunk::new();
        }
        value
    }
}

impl<Value> Chunk<Value> {
    fn new() -> Chunk<Value> {
        Chunk { slots: Vec::new(), vacant: Vec::new() }
    }

    /// Answers the slot. There must be room.
    fn put(&mut self, value: Value) -> usize {
        if let Some(slot) = self.vacant.pop()
            && let Some(vacant) = self.slots.get_mut(slot)
        {
            *vacant = Some(value);
            return slot;
        }
        if self.slots.is_empty() {
            // Vec would begin with four, and a client has one connection.
            self.slots.reserve_exact(1);
        }
        self.slots.push(Some(value));
        self.slots.len() - 1
    }

    fn is_full(&self) -> bool {
        self.vacant.is_empty() && self.slots.len() >= CHUNK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: std::ops::RangeInclusive<u32> = 1..=1000;

    #[test]
    fn every_value_is_found_by_its_connection_whatever_came_and_went() {
        let mut table = Table::new();
        for number in EVERY {
            table.insert(ConnectionHandle(number), number);
        }
        for number in EVERY.filter(|number| number % 3 != 0) {
            assert_eq!(table.remove(&ConnectionHandle(number)), Some(number));
            assert_eq!(table.remove(&ConnectionHandle(number)), None);
        }
        for number in 1001..=1500 {
            table.insert(ConnectionHandle(number), number);
        }
        let expected = (1..=1500).filter(|number| number % 3 == 0 || *number > 1000);
        assert_eq!(table.len(), expected.clone().count());
        for number in expected {
            assert_eq!(table.get(&ConnectionHandle(number)), Some(&number));
            assert_eq!(table.get_mut(&ConnectionHandle(number)).copied(), Some(number));
        }
    }

    #[test]
    fn a_piece_of_memory_has_as_many_connections_as_it_is_meant_for() {
        let mut table = Table::new();
        for number in 0..CHUNK {
            table.insert(ConnectionHandle(number as u32), ());
        }
        assert_eq!(table.chunks.len(), 1);
        table.insert(ConnectionHandle(CHUNK as u32), ());
        assert_eq!(table.chunks.len(), 2);
    }

    #[test]
    fn places_are_used_again_and_empty_chunks_given_back() {
        let mut table = Table::new();
        for round in 0..10 {
            for number in EVERY {
                table.insert(ConnectionHandle(round * 1000 + number), ());
            }
            assert_eq!(table.chunks.len(), 1000_usize.div_ceil(CHUNK));
            for number in EVERY {
                table.remove(&ConnectionHandle(round * 1000 + number));
            }
        }
        assert_eq!(table.len(), 0);
        assert!(table.chunks.iter().skip(1).all(|chunk| chunk.slots.capacity() == 0));
    }
}
