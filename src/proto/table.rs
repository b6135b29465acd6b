//! Connections by handle, side by side in memory. One by one they would lie between what handshakes leave behind, each on
//! a page of its own that can never be given back.

use super::connection::ConnectionHandle;
use std::collections::{BTreeSet, HashMap};

/// Connections in one piece of memory, some 40 KB.
const CHUNK: usize = 64;

/// All connections of an endpoint.
pub(super) struct Table<Connection> {
    places: HashMap<ConnectionHandle, Place>,
    chunks: Vec<Chunk<Connection>>,
    /// Chunks with room; the first is filled first, so that the last become empty.
    with_room: BTreeSet<usize>,
}

#[derive(Clone, Copy)]
struct Place {
    chunk: usize,
    slot: usize,
}

struct Chunk<Connection> {
    slots: Vec<Option<Connection>>,
    vacant: Vec<usize>,
}

impl<Connection> Default for Table<Connection> {
    fn default() -> Self {
        Table { places: HashMap::new(), chunks: Vec::new(), with_room: BTreeSet::new() }
    }
}

impl<Connection> Table<Connection> {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn contains_key(&self, handle: &ConnectionHandle) -> bool {
        self.places.contains_key(handle)
    }

    pub(super) fn get(&self, handle: &ConnectionHandle) -> Option<&Connection> {
        let place = self.places.get(handle)?;
        self.chunks.get(place.chunk)?.slots.get(place.slot)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, handle: &ConnectionHandle) -> Option<&mut Connection> {
        let place = self.places.get(handle)?;
        self.chunks.get_mut(place.chunk)?.slots.get_mut(place.slot)?.as_mut()
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &Connection> {
        self.chunks.iter().flat_map(|chunk| chunk.slots.iter().flatten())
    }

    /// The handle must be a new one.
    pub(super) fn insert(&mut self, handle: ConnectionHandle, connection: Connection) {
        let index = self.with_room.first().copied().unwrap_or_else(|| {
            self.chunks.push(Chunk::new());
            self.with_room.insert(self.chunks.len() - 1);
            self.chunks.len() - 1
        });
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        let slot = chunk.put(connection);
        if chunk.is_full() {
            self.with_room.remove(&index);
        }
        self.places.insert(handle, Place { chunk: index, slot });
    }

    pub(super) fn remove(&mut self, handle: &ConnectionHandle) -> Option<Connection> {
        let Place { chunk: index, slot } = self.places.remove(handle)?;
        let chunk = self.chunks.get_mut(index)?;
        let connection = chunk.slots.get_mut(slot)?.take();
        chunk.vacant.push(slot);
        self.with_room.insert(index);
        // The first stays: many endpoints have one connection after the other.
        if index > 0 && chunk.vacant.len() == chunk.slots.len() {
            *chunk = Chunk::new();
        }
        connection
    }
}

impl<Connection> Chunk<Connection> {
    fn new() -> Self {
        Chunk { slots: Vec::new(), vacant: Vec::new() }
    }

    /// Answers the slot. There must be room.
    fn put(&mut self, connection: Connection) -> usize {
        if let Some(slot) = self.vacant.pop()
            && let Some(vacant) = self.slots.get_mut(slot)
        {
            *vacant = Some(connection);
            return slot;
        }
        self.slots.push(Some(connection));
        self.slots.len() - 1
    }

    fn is_full(&self) -> bool {
        self.vacant.is_empty() && self.slots.len() >= CHUNK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_is_found_by_its_handle_whatever_came_and_went() {
        let mut table = Table::default();
        for number in 1..=1000 {
            table.insert(ConnectionHandle(number), number);
        }
        for number in (1..=1000).filter(|number| number % 3 != 0) {
            assert_eq!(table.remove(&ConnectionHandle(number)), Some(number));
            assert!(table.remove(&ConnectionHandle(number)).is_none());
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
    fn places_are_used_again_and_empty_chunks_given_back() {
        let mut table = Table::default();
        for round in 0..10 {
            for number in 1..=1000 {
                table.insert(ConnectionHandle(round * 1000 + number), ());
            }
            assert_eq!(table.chunks.len(), 1000_usize.div_ceil(CHUNK));
            for number in 1..=1000 {
                table.remove(&ConnectionHandle(round * 1000 + number));
            }
        }
        assert_eq!(table.len(), 0);
        assert!(table.chunks.iter().skip(1).all(|chunk| chunk.slots.capacity() == 0));
    }
}
