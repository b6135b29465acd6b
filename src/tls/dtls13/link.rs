//! What is below the messages of an association: records of all epochs, fragments, acknowledgments, retransmission (RFC 9147
//! sections 4, 5 and 7).

mod copies;
mod epochs;
pub(super) mod kind;
mod sleep;

pub(super) use sleep::Rest;

use super::acknowledgments::{self, Acknowledgments};
use super::flight::{Flight, Pace};
use super::incoming::{Incoming, Message, Place};
use super::numbers::{PLAINTEXT_EPOCH, RecordNumber};
use super::protection::{OVERHEAD, Opened, Opener, Sealer};
use super::reservation::Reservation;
use crate::tls::connection_ids::ConnectionIds;
use crate::tls::error::Error;
use crate::tls::ffi::Refused;
use crate::tls::inbound::DropReason;
use crate::tls::outbox::Outbox;
use crate::wire::handshake::{HandshakeFragment, MESSAGE_LIMIT};
use crate::wire::{ConnectionId, OwnedRecord, RECORD_HEADER_LENGTH, Record};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records that came before their keys, at most, and their bytes.
const EARLY_LIMIT: usize = 8;
const EARLY_BYTES_LIMIT: usize = 16 * 1024;

/// What is wrong with the content of a handshake record, or of an ACK.
#[derive(Debug)]
pub(super) enum Fault {
    Malformed,
    /// It belongs to a message of so many bytes, which is longer than there is room for.
    TooLong(usize),
}

/// What a protected record was.
pub(super) enum Ciphertext {
    Opened(Opened),
    /// Its keys are not known yet.
    Kept,
    /// As if it had never come.
    Dropped(DropReason),
}

/// One side's records.
pub(super) struct Link {
    pace: Arc<Pace>,
    /// What the hellos have agreed on about connection IDs.
    ids: Option<ConnectionIds>,
    /// Number of the next plaintext record.
    plaintext_next: u64,
    /// By epoch; the last one is the newest.
    sealers: Vec<Sealer>,
    openers: Vec<Opener>,
    /// message_seq of the next message.
    next_sequence: u16,
    incoming: Incoming,
    flight: Flight,
    acknowledgments: Acknowledgments,
    early: VecDeque<OwnedRecord>,
    is_open: bool,
    /// The newest record that was authentic.
    newest: RecordNumber,
    /// The newest epochs of both sides whose secrets have been logged.
    logged: [u64; 2],
    /// Which numbers are ours, where there are copies.
    reservation: Option<Box<Reservation>>,
}

impl Link {
    /// `own` and `peer`: message_seq of the next message that either side sends.
    pub(super) fn new(pace: &Arc<Pace>, own: u16, peer: u16) -> Link {
        Link {
            pace: Arc::clone(pace),
            ids: None,
            plaintext_next: 0,
            sealers: Vec::new(),
            openers: Vec::new(),
            next_sequence: own,
            incoming: Incoming::new(peer),
            flight: Flight::new(pace),
            acknowledgments: Acknowledgments::default(),
            early: VecDeque::new(),
            is_open: false,
            newest: RecordNumber { epoch: PLAINTEXT_EPOCH, number: 0 },
            logged: [PLAINTEXT_EPOCH; 2],
            reservation: None,
        }
    }

    /// The number of our next plaintext record, where others came before this link.
    pub(super) fn number_from(&mut self, plaintext_next: u64) {
        self.plaintext_next = plaintext_next;
    }

    /// After a ClientHello that another engine has sent, as message 0.
    pub(super) fn go_on_from(&mut self, plaintext_next: u64) {
        self.number_from(plaintext_next);
        self.next_sequence = 1;
    }

    /// The newest record that was authentic, by its place among all of the peer's.
    pub(super) fn newest_heard(&self) -> u64 {
        self.newest.rank()
    }

    /// What the hellos have agreed on about connection IDs. All protected records have them (RFC 9147 section 9).
    pub(super) fn use_ids(&mut self, ids: Option<ConnectionIds>) {
        self.ids = ids;
    }

    pub(super) fn ids(&self) -> Option<&ConnectionIds> {
        self.ids.as_ref()
    }

    /// From now on the peer wants to see this one.
    pub(super) fn change_peer_id(&mut self, peer: &ConnectionId) {
        if let Some(ids) = &self.ids
            && let Some(own) = ConnectionId::new(ids.own())
        {
            self.ids = Some(ConnectionIds::new(&own, peer, ids.checks_routability()));
        }
    }

    // --- out ---------------------------------------------------------------------------------------------------------

    /// Appends one record in this epoch.
    fn seal(&mut self, epoch: u64, kind: u8, content: &[u8], out: &mut Vec<u8>) -> Result<RecordNumber, Refused> {
        if let Some(sealer) = self.sealers.iter_mut().find(|sealer| sealer.epoch() == epoch) {
            let id = self.ids.as_ref().map_or(&[][..], ConnectionIds::peer);
            return sealer.seal(id, kind, content, out);
        }
        if epoch != PLAINTEXT_EPOCH {
            return Err(Refused);
        }
        let number = self.plaintext_next;
        let length = u16::try_from(content.len()).map_err(|_| Refused)?;
        let [_, _, digits @ ..] = number.to_be_bytes();
        self.plaintext_next += 1;
        out.extend([kind, 254, 253, 0, 0]);
        out.extend(digits);
        out.extend(length.to_be_bytes());
        out.extend(content);
        Ok(RecordNumber { epoch, number })
    }

    /// Bytes of the longest datagram of a handshake.
    pub(super) fn mtu(&self) -> usize {
        self.pace.mtu.into()
    }

    /// Bytes that a protected record has beyond its content.
    fn overhead(&self) -> usize {
        OVERHEAD + self.ids.as_ref().map_or(0, |ids| ids.peer().len())
    }

    fn overhead_in(&self, epoch: u64) -> usize {
        if epoch == PLAINTEXT_EPOCH { RECORD_HEADER_LENGTH } else { self.overhead() }
    }

    /// Sends one record by itself, in the newest epoch.
    pub(super) fn send(&mut self, kind: u8, content: &[u8], out: &mut Outbox) -> Result<(), Error> {
        self.send_in(self.epoch(), kind, content, out)
    }

    pub(super) fn send_in(&mut self, epoch: u64, kind: u8, content: &[u8], out: &mut Outbox) -> Result<(), Error> {
        if !self.has_number() {
            // As if it were lost.
            return Ok(());
        }
        out.append(|datagram| self.seal(epoch, kind, content, datagram))?;
        Ok(())
    }

    fn epoch(&self) -> u64 {
        self.sealers.last().map_or(PLAINTEXT_EPOCH, Sealer::epoch)
    }

    /// Begins a flight. The peer's has come: what follows tells it so (RFC 9147 section 7.1), and ours before it has arrived.
    pub(super) fn begin_flight(&mut self) {
        self.flight = Flight::new(&self.pace);
        self.acknowledgments.clear();
    }

    /// Adds a message to the flight.
    pub(super) fn push(&mut self, epoch: u64, kind: u8, body: &[u8]) {
        let room = self.mtu().saturating_sub(self.overhead_in(epoch));
        self.flight.push(kind, self.next_sequence, epoch, body, room);
        self.next_sequence = self.next_sequence.wrapping_add(1);
    }

    /// A message of its own, in the newest epoch.
    pub(super) fn send_message(&mut self, now: Instant, kind: u8, body: &[u8], out: &mut Outbox) -> Result<(), Error> {
        self.begin_flight();
        self.push(self.epoch(), kind, body);
        self.transmit(now, out)
    }

    /// Sends whatever of the flight has not been acknowledged, as many records to a datagram as fit.
    pub(super) fn transmit(&mut self, now: Instant, out: &mut Outbox) -> Result<(), Error> {
        let mut flight = std::mem::replace(&mut self.flight, Flight::new(&self.pace));
        let sent = self.send_fragments(&mut flight, out);
        flight.was_sent(now);
        self.flight = flight;
        Ok(sent?)
    }

    /// RFC 9147 section 5.5: fragments of one flight and epoch share a record, which costs fewer bytes and less work than one for each.
    fn send_fragments(&mut self, flight: &mut Flight, out: &mut Outbox) -> Result<(), Refused> {
        let mtu = self.mtu();
        let mut missing = flight.missing().peekable();
        let mut datagram = Vec::with_capacity(mtu);
        let (mut content, mut together) = (Vec::new(), Vec::new());
        while let Some(first) = missing.next() {
            if !self.has_number() {
                // As if it were lost: it is repeated later.
                break;
            }
            let (epoch, overhead) = (first.epoch, self.overhead_in(first.epoch));
            if !datagram.is_empty() && datagram.len() + overhead + first.bytes.len() > mtu {
                out.push(&datagram);
                datagram.clear();
            }
            let room = mtu.saturating_sub(datagram.len() + overhead);
            content.clear();
            content.extend_from_slice(&first.bytes);
            together.push(first);
            while let Some(next) =
                missing.next_if(|next| next.epoch == epoch && content.len() + next.bytes.len() <= room)
            {
                content.extend_from_slice(&next.bytes);
                together.push(next);
            }
            let number = self.seal(epoch, kind::HANDSHAKE, &content, &mut datagram)?;
            together.drain(..).for_each(|fragment| fragment.was_sent(number));
        }
        if !datagram.is_empty() {
            out.push(&datagram);
        }
        Ok(())
    }

    /// Tells the peer which of its records have come.
    pub(super) fn acknowledge(&mut self, out: &mut Outbox) -> Result<(), Error> {
        let content = self.acknowledgments.content();
        if self.is_open {
            self.acknowledgments.clear();
        }
        self.send(kind::ACK, &content, out)
    }

    /// Messages that have been written, other than again.
    pub(super) fn messages_written(&self) -> u32 {
        self.next_sequence.into()
    }

    /// Whether there is a number for a message of its own. The last one stays unused: other implementations do not read what has it.
    pub(super) fn has_message_number(&self) -> bool {
        self.next_sequence < u16::MAX
    }

    /// Whether a flight of ours has not arrived.
    pub(super) fn is_sending(&self) -> bool {
        self.flight.is_under_way()
    }

    /// What the peer has sent could only follow our flight.
    pub(super) fn end_flight(&mut self) {
        self.flight = Flight::new(&self.pace);
        self.forget_old_sealers();
    }

    // --- time --------------------------------------------------------------------------------------------------------

    /// What is to be repeated is repeated so much later.
    pub(super) fn postpone(&mut self, delay: Duration) {
        self.flight.postpone(delay);
    }

    /// When the peer is to be told which records have come.
    pub(super) fn acknowledgment_deadline(&self) -> Option<Instant> {
        self.acknowledgments.deadline()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.flight.deadline().into_iter().chain(self.acknowledgments.deadline()).min()
    }

    /// Says which records have come, if that is due.
    pub(super) fn tell(&mut self, now: Instant, out: &mut Outbox) -> Result<(), Error> {
        if self.acknowledgments.take_due(now) { self.acknowledge(out) } else { Ok(()) }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> Result<(), Error> {
        self.tell(now, out)?;
        if self.flight.is_due(now, self.is_open, &self.pace) {
            if self.sealers.is_empty() {
                // Whoever has said in plaintext that a part of a hello has come may be a stranger.
                self.flight.take_back();
            }
            self.transmit(now, out)?;
        } else if self.flight.is_in_vain() {
            self.end_flight();
        }
        Ok(())
    }

    // --- in ----------------------------------------------------------------------------------------------------------

    /// Opens a ciphertext in `room`, which must be as long.
    pub(super) fn read(&mut self, now: Instant, record: &Record<'_>, room: &mut [u8]) -> Ciphertext {
        let Some(room) = room.get_mut(..record.bytes.len()) else { return Ciphertext::Dropped(DropReason::Malformed) };
        let bits = u64::from(record.epoch);
        let id_length = record.connection_id().map_or(0, <[u8]>::len);
        let Some(opener) = self.openers.iter_mut().rev().find(|opener| opener.epoch() & 3 == bits) else {
            return self.keep_early(now, record);
        };
        room.copy_from_slice(record.bytes);
        match opener.open(id_length, room) {
            Ok(opened) => {
                self.newest = self.newest.max(opened.number);
                Ciphertext::Opened(opened)
            }
            Err(reason) => Ciphertext::Dropped(reason),
        }
    }

    /// Keeps a record of a handshake whose keys are not known yet.
    fn keep_early(&mut self, now: Instant, record: &Record<'_>) -> Ciphertext {
        let bytes: usize = self.early.iter().map(|early| early.bytes.len()).sum();
        if self.is_open {
            return Ciphertext::Dropped(DropReason::Unexpected);
        }
        if self.early.len() == EARLY_LIMIT || bytes + record.bytes.len() > EARLY_BYTES_LIMIT {
            return Ciphertext::Dropped(DropReason::Limit);
        }
        self.early.push_back(record.keep());
        // RFC 9147 section 7.1: soon say that nothing can be read, so that the peer repeats what is missing.
        self.acknowledgments.tell_at(now + self.pace.first_interval / 4);
        Ciphertext::Kept
    }

    /// Records that came before their keys.
    pub(super) fn take_early(&mut self) -> VecDeque<OwnedRecord> {
        std::mem::take(&mut self.early)
    }

    /// Takes the content of a handshake record. What is whole of it is in [`Link::next_message`]. Whether our flight was repeated.
    pub(super) fn take_handshake(
        &mut self,
        now: Instant,
        number: RecordNumber,
        mut content: &[u8],
        out: &mut Outbox,
    ) -> Result<bool, Fault> {
        let (mut is_old, mut is_kept, mut is_dropped) = (false, false, content.is_empty());
        while !content.is_empty() {
            let (fragment, rest) = HandshakeFragment::split(content).ok_or_else(|| fault_of(content))?;
            let place = match number.epoch {
                PLAINTEXT_EPOCH => self.incoming.put_hello(self.sealers.is_empty(), &fragment),
                epoch => self.incoming.put(epoch, &fragment),
            };
            match place {
                Place::Old => is_old = true,
                Place::Kept => is_kept = true,
                Place::Dropped => is_dropped = true,
            }
            content = rest;
        }
        if is_old && !is_kept && self.flight.is_of_handshake() {
            // RFC 9147 section 5.8.1: the peer repeats what we have answered, so our answer was lost. It tells more than an ACK.
            let repeats = self.flight.has_rested(now);
            if repeats {
                self.transmit(now, out).map_err(|_| Fault::Malformed)?;
            }
            return Ok(repeats);
        }
        if !is_dropped && (is_kept || number.epoch != PLAINTEXT_EPOCH) {
            // RFC 9147 section 7: only what was taken, or had been before. Nobody hears in plaintext what came twice.
            self.acknowledgments.push(number);
            let delay = if self.is_open { Duration::ZERO } else { self.pace.first_interval / 4 };
            self.acknowledgments.tell_at(now + delay);
        }
        Ok(false)
    }

    /// Whether the next so many messages are whole.
    pub(super) fn has_messages(&self, count: usize) -> bool {
        self.incoming.has_whole(count)
    }

    /// The next message that is whole.
    pub(super) fn next_message(&mut self) -> Option<Message> {
        self.incoming.next()
    }

    /// Takes the content of an ACK record. Whether the whole flight has arrived with it.
    pub(super) fn take_acknowledgment(
        &mut self,
        now: Instant,
        epoch: u64,
        content: &[u8],
        out: &mut Outbox,
    ) -> Result<bool, Fault> {
        let mut numbers = acknowledgments::parse(content).ok_or(Fault::Malformed)?.peekable();
        if !self.flight.is_under_way() {
            return Ok(false);
        }
        // "Nothing of it could be read": the flight is repeated, but not as often as anybody says so.
        let mut is_news = numbers.peek().is_none() && self.flight.has_rested(now);
        // A peer that has a ServerHello has keys to say so: whoever says it in plaintext is somebody else.
        let counts = epoch != PLAINTEXT_EPOCH || self.sealers.is_empty();
        for number in numbers.filter(|_| counts) {
            is_news |= self.flight.acknowledge(number, epoch);
        }
        if self.flight.is_delivered() {
            // What is said in plaintext may be a stranger's word. It ends no repetitions: only the answer to a hello does.
            if epoch == PLAINTEXT_EPOCH {
                self.flight.take_back();
                return Ok(false);
            }
            self.end_flight();
            return Ok(true);
        }
        if is_news && (epoch != PLAINTEXT_EPOCH || self.flight.has_rested(now)) {
            // RFC 9147 section 7.2: the rest at once.
            self.transmit(now, out).map_err(|_| Fault::Malformed)?;
        }
        Ok(false)
    }
}

/// Why no fragment of a handshake message could be read.
fn fault_of(content: &[u8]) -> Fault {
    match HandshakeFragment::parse(content).map(|fragment| fragment.length) {
        Some(length) if length > MESSAGE_LIMIT => Fault::TooLong(length),
        _ => Fault::Malformed,
    }
}

#[cfg(test)]
mod tests;
