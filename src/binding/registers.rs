//! Doubles in memory of JavaScript's, which every native call rewrites before it returns: what waits, and until when.

use super::error::{CodedError, internal};
use crate::proto::ConnectionHandle;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// Payloads of one batch.
pub(super) const BATCH_LIMIT: usize = 64;

// Bits of `WAITING`.
pub(super) const TRANSMITS: u8 = 1;
/// Only events that need an object; for the others see `brief.rs`.
pub(super) const EVENTS: u8 = 2;
pub(super) const TRACE: u8 = 4;
pub(super) const DROPS: u8 = 8;
pub(super) const PARCELS: u8 = 16;
pub(super) const CONNECTION_IDS: u8 = 32;

const WAITING: usize = 0;
const DUE: usize = 1;
const NOW: usize = 2;
const COUNT: usize = 3;
const MORE: usize = 4;
const JOBS: usize = 5;
const NUMBER: usize = 6;
const PAYLOADS: usize = 7;

// Registers of a payload.
const PAYLOAD_CONNECTION: usize = 0;
const PAYLOAD_END: usize = 1;
const PAYLOAD_DATAGRAM: usize = 2;
const PAYLOAD_LENGTH: usize = 3;

const LENGTH: usize = PAYLOADS + PAYLOAD_LENGTH * BATCH_LIMIT;

/// Where what stands. JavaScript reads it once, and keeps no copy of its own.
#[napi(object, object_from_js = false)]
pub struct NativeRegisterLayout {
    /// Registers in all.
    pub length: u32,
    /// What can be polled: a sum of `transmits`, `events`, `trace`, `drops`, `parcels` and `connection_ids`.
    pub waiting: u32,
    /// Bit of `waiting`: datagrams that Node has to send.
    pub transmits: u32,
    /// Bit of `waiting`: events that need an object.
    pub events: u32,
    /// Bit of `waiting`: lines of the trace.
    pub trace: u32,
    /// Bit of `waiting`: what was dropped.
    pub drops: u32,
    /// Bit of `waiting`: datagrams for other nodes.
    pub parcels: u32,
    /// Bit of `waiting`: the application is to make connection IDs.
    pub connection_ids: u32,
    /// When `handleTimeout` is due, on the clock of `now`; infinite for never.
    pub due: u32,
    /// Milliseconds since the endpoint was made.
    pub now: u32,
    /// Payloads of the last batch.
    pub count: u32,
    /// 1 when more datagrams may have arrived than the last batch has taken.
    pub more: u32,
    /// 1 as long as other threads have steps of handshakes: the waker will call.
    pub jobs: u32,
    /// By which `Frequent` finds the endpoint, from its first moment on. The waker has another number for it.
    pub number: u32,
    /// The first register of the first payload.
    pub payloads: u32,
    /// Registers of one payload.
    pub payload_length: u32,
    /// Of a payload: its connection.
    pub payload_connection: u32,
    /// Of a payload: where it ends in the bytes of the batch. It begins where the one before it ends.
    pub payload_end: u32,
    /// Of a payload: the length of the datagram that it came in.
    pub payload_datagram: u32,
}

pub(super) fn layout() -> NativeRegisterLayout {
    NativeRegisterLayout {
        length: LENGTH as u32,
        waiting: WAITING as u32,
        transmits: TRANSMITS.into(),
        events: EVENTS.into(),
        trace: TRACE.into(),
        drops: DROPS.into(),
        parcels: PARCELS.into(),
        connection_ids: CONNECTION_IDS.into(),
        due: DUE as u32,
        now: NOW as u32,
        count: COUNT as u32,
        more: MORE as u32,
        jobs: JOBS as u32,
        number: NUMBER as u32,
        payloads: PAYLOADS as u32,
        payload_length: PAYLOAD_LENGTH as u32,
        payload_connection: PAYLOAD_CONNECTION as u32,
        payload_end: PAYLOAD_END as u32,
        payload_datagram: PAYLOAD_DATAGRAM as u32,
    }
}

/// The registers of one endpoint.
pub(super) struct Registers {
    memory: Buffer,
}

impl Registers {
    pub(super) fn new(memory: Buffer) -> Result<Registers, CodedError> {
        let length = LENGTH * size_of::<f64>();
        if memory.len() != length {
            return Err(internal(format!("{} bytes of registers are not {length}", memory.len())));
        }
        Ok(Registers { memory })
    }

    pub(super) fn set_waiting(&mut self, bits: u8) {
        self.set(WAITING, bits.into());
    }

    /// Both in milliseconds on the endpoint's clock.
    pub(super) fn set_clock(&mut self, now: f64, due: f64) {
        self.set(NOW, now);
        self.set(DUE, due);
    }

    pub(super) fn set_jobs(&mut self, has_jobs: bool) {
        self.set(JOBS, u8::from(has_jobs).into());
    }

    pub(super) fn set_number(&mut self, number: u32) {
        self.set(NUMBER, number.into());
    }

    pub(super) fn set_batch(&mut self, count: usize, has_more: bool) {
        self.set(COUNT, count as f64);
        self.set(MORE, u8::from(has_more).into());
    }

    pub(super) fn has_more(&self) -> bool {
        let at = MORE * size_of::<f64>();
        self.memory.get(at..at + size_of::<f64>()).is_some_and(|register| register == 1_f64.to_ne_bytes())
    }

    pub(super) fn set_payload(&mut self, index: usize, connection: ConnectionHandle, end: usize, datagram: usize) {
        let entry = PAYLOADS + PAYLOAD_LENGTH * index;
        self.set(entry + PAYLOAD_CONNECTION, connection.0.into());
        self.set(entry + PAYLOAD_END, end as f64);
        self.set(entry + PAYLOAD_DATAGRAM, datagram as f64);
    }

    fn set(&mut self, index: usize, value: f64) {
        let at = index * size_of::<f64>();
        if let Some(register) = self.memory.get_mut(at..at + size_of::<f64>()) {
            register.copy_from_slice(&value.to_ne_bytes());
        }
    }
}
