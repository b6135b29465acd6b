//! Connections by handle, side by side in memory. One by one they would lie between what handshakes leave behind, each on
//! a page of its own that can never be given back.

use super::connection::{Connection, ConnectionHandle};
use std::collections::{BTreeSet, HashMap};

/// Connections in one piece of memory, some 40 KB.
const CHUNK: usize = 64;

/// All connections of an endpoint.
#[derive(Default)]
pub(super) struct Table {
    places: HashMap<ConnectionHandle, Place>,
    chunks: Vec<Chunk>,
    /// Chunks with room; the first is filled first, so that the last become empty.
    with_room: BTreeSet<usize>,
}

#[derive(Clone, Copy)]
struct Place {
    chunk: usize,
    slot: usize,
}

#[derive(Default)]
struct Chunk {
    slots: Vec<Option<Connection>>,
    vacant: Vec<usize>,
}

impl Table {
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
            self.chunks.push(Chunk::default());
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
            *chunk = Chunk::default();
        }
        connection
    }
}

impl Chunk {
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
    use super::super::connection::{Activity, Phase};
    use super::*;
    use crate::proto::tests::base_time;
    use crate::tls::Context;

    fn connection(port: u16) -> Connection {
        Connection {
            remote: ([192, 0, 2, 1], port).into(),
            context: Context::gone(),
            phase: Phase::Established(Activity::begin(base_time())),
            client_random: None,
            restored: None,
            scheduled: None,
        }
    }

    #[test]
    fn every_connection_is_found_by_its_handle_whatever_came_and_went() {
        let mut table = Table::default();
        for number in 1..=1000 {
            table.insert(ConnectionHandle(number), connection(number as u16));
        }
        for number in (1..=1000).filter(|number| number % 3 != 0) {
            assert_eq!(table.remove(&ConnectionHandle(number)).unwrap().remote.port(), number as u16);
            assert!(table.remove(&ConnectionHandle(number)).is_none());
        }
        for number in 1001..=1500 {
            table.insert(ConnectionHandle(number), connection(number as u16));
        }
        let expected = (1..=1500).filter(|number| number % 3 == 0 || *number > 1000);
        assert_eq!(table.len(), expected.clone().count());
        for number in expected {
            assert_eq!(table.get(&ConnectionHandle(number)).unwrap().remote.port(), number as u16);
            assert_eq!(table.get_mut(&ConnectionHandle(number)).unwrap().remote.port(), number as u16);
        }
    }

    #[test]
    fn places_are_used_again_and_empty_chunks_given_back() {
        let mut table = Table::default();
        for round in 0..10 {
            for number in 1..=1000 {
                table.insert(ConnectionHandle(round * 1000 + number), connection(1));
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
