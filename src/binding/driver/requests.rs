//! What JavaScript asks of an endpoint, and of one of its connections.

use super::{Driver, is_for_node};
use crate::binding::address;
use crate::binding::answer::{Value, about, answered};
use crate::binding::error::{CodedError, export_error, no_address};
use crate::binding::event::{NativeDrop, NativeEvent, NativeTransmit};
use crate::binding::saved::{NativeAlgorithms, NativeConnectionIds, NativeFinished, NativeSavedConnection};
use crate::binding::stats::{NativeStats, tally_bytes};
use crate::binding::travel::{self, NativeStoreCopy};
use crate::binding::wall_clock::unix_time;
use crate::proto::{Bound, ConnectionHandle, Endpoint, QuestionId};
use napi::bindgen_prelude::Buffer;
use std::time::Instant;

impl Driver {
    pub(in crate::binding) fn handle_timeout(&mut self) {
        self.with(|endpoint, now| endpoint.handle_timeout(now));
    }

    pub(in crate::binding) fn handle_jobs(&mut self) {
        let now = Instant::now();
        if let Some(jobs) = &mut self.jobs {
            jobs.collect(now, &mut self.endpoint);
        }
        self.publish(now);
    }

    pub(in crate::binding) fn close(&mut self, connection: u32) {
        self.with(|endpoint, now| endpoint.close(now, ConnectionHandle(connection)));
    }

    pub(in crate::binding) fn abort(&mut self, connection: u32) {
        self.with(|endpoint, _| endpoint.abort(ConnectionHandle(connection)));
    }

    /// Takes the answer to a question, in the form that its subject asks for. Answers 0 when it has led to nothing, the
    /// connection that goes on where it restores one, and 1 in all other cases.
    pub(in crate::binding) fn answer(&mut self, question: u32, value: Value<'_>) -> Result<u32, CodedError> {
        let question = QuestionId(question);
        let Some(subject) = self.endpoint.subject(question) else {
            return Ok(0);
        };
        let value = about(subject, value)?;
        let answer = value.answer();
        Ok(answered(self.with(|endpoint, now| endpoint.handle_answer(now, question, answer))))
    }

    pub(in crate::binding) fn fail(&mut self, question: u32, message: &str) {
        // Whether it had an effect is nothing to whoever has failed.
        let _ = self.with(|endpoint, now| endpoint.fail(now, QuestionId(question), message));
    }

    /// What Node would send from another address than the one that was asked is lost, as in a network that has no room.
    pub(in crate::binding) fn poll_transmit(&mut self) -> Option<NativeTransmit> {
        loop {
            let transmit = self.with(|endpoint, _| endpoint.poll_transmit())?;
            if is_for_node(self.udp.as_ref(), transmit.route) {
                return Some(NativeTransmit::new(transmit.route, transmit.datagram));
            }
        }
    }

    pub(in crate::binding) fn poll_trace(&mut self) -> Option<String> {
        self.with(|endpoint, _| endpoint.poll_trace())
    }

    /// Only when all brief ones have been read; `None` when there are new ones to read, or nothing.
    pub(in crate::binding) fn poll_event(&mut self) -> Option<NativeEvent> {
        if self.brief.take_from(&mut self.endpoint) {
            return None;
        }
        self.with(|endpoint, _| endpoint.poll_event()).map(Into::into)
    }

    pub(in crate::binding) fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
        let saved = self.endpoint.save(ConnectionHandle(connection))?;
        NativeSavedConnection::new(saved, unix_time())
    }

    pub(in crate::binding) fn take_out(&mut self, connections: &[u32]) -> Buffer {
        let take_out = |endpoint: &mut Endpoint| {
            travel::pack(connections.iter().map(|&connection| endpoint.take_out(ConnectionHandle(connection))))
        };
        self.with(|endpoint, _| take_out(endpoint))
    }

    pub(in crate::binding) fn copy_for_store(&mut self, connection: u32) -> Option<NativeStoreCopy> {
        NativeStoreCopy::new(self.with(|endpoint, _| endpoint.copy_for_store(ConnectionHandle(connection))))
    }

    /// What is no bound confirms nothing.
    pub(in crate::binding) fn confirm_copy(&mut self, connection: u32, bound: &str) {
        if let Some(bound) = Bound::parse(bound) {
            self.with(|endpoint, _| endpoint.confirm_copy(ConnectionHandle(connection), bound));
        }
    }

    pub(in crate::binding) fn session(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.session(ConnectionHandle(connection)).map(|session| session.to_vec().into())
    }

    pub(in crate::binding) fn finished(&self, connection: u32) -> Option<NativeFinished> {
        let finished = self.endpoint.finished(ConnectionHandle(connection))?;
        Some(NativeFinished { own: finished.own.into(), peer: finished.peer.into() })
    }

    pub(in crate::binding) fn connection_ids(&self, connection: u32) -> Option<NativeConnectionIds> {
        self.endpoint.connection_ids(ConnectionHandle(connection)).as_ref().map(NativeConnectionIds::new)
    }

    pub(in crate::binding) fn own_certificate(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.own_certificate(ConnectionHandle(connection)).map(Into::into)
    }

    pub(in crate::binding) fn algorithms(&self, connection: u32) -> Option<NativeAlgorithms> {
        self.endpoint.algorithms(ConnectionHandle(connection)).map(NativeAlgorithms::new)
    }

    pub(in crate::binding) fn local_address(&self, connection: u32) -> Option<String> {
        self.endpoint.local_address(ConnectionHandle(connection)).map(|address| address.to_string())
    }

    pub(in crate::binding) fn expect_connection_ids(&mut self, low: u32) {
        self.endpoint.expect_connection_ids(low as usize);
    }

    pub(in crate::binding) fn supply_connection_ids(&mut self, ids: &[u8]) -> u32 {
        self.with(|endpoint, _| endpoint.supply_connection_ids(ids) as u32)
    }

    pub(in crate::binding) fn trace_peer(&mut self, address: &str, port: u16) -> Result<(), CodedError> {
        let remote = address::parse(address, port).ok_or_else(|| no_address(address))?;
        self.endpoint.trace_peer(remote);
        Ok(())
    }

    pub(in crate::binding) fn confirm_address(&mut self, connection: u32) -> bool {
        self.with(|endpoint, _| endpoint.confirm_address(ConnectionHandle(connection)))
    }

    pub(in crate::binding) fn is_address_confirmed(&self, connection: u32) -> bool {
        self.endpoint.is_address_confirmed(ConnectionHandle(connection))
    }

    pub(in crate::binding) fn log_keys(&mut self, logs_keys: bool) {
        self.with(|endpoint, _| endpoint.log_keys(logs_keys));
    }

    pub(in crate::binding) fn export_keying_material(
        &self,
        connection: u32,
        length: u32,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<Buffer, CodedError> {
        self.endpoint
            .export_keying_material(ConnectionHandle(connection), label, context, length as usize)
            .map(|material| material.to_vec().into())
            .map_err(export_error)
    }

    pub(in crate::binding) fn tally(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.tally(ConnectionHandle(connection)).map(|tally| tally_bytes(&tally).as_slice().into())
    }

    pub(in crate::binding) fn watch_drops(&mut self, watches: bool) {
        self.with(|endpoint, _| endpoint.watch_drops(watches));
    }

    pub(in crate::binding) fn poll_drop(&mut self) -> Option<NativeDrop> {
        self.with(|endpoint, _| endpoint.poll_drop()).map(Into::into)
    }

    pub(in crate::binding) fn stats(&self) -> NativeStats {
        NativeStats::of(&self.endpoint)
    }
}
