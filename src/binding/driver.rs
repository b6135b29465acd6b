//! What the two native classes share: an endpoint, the clock, and the way of datagrams in and out.

use super::address;
use super::answer::{Value, about, answered};
use super::brief::BriefEvents;
use super::error::{CodedError, export_error, internal, no_address, send_error};
use super::event::{NativeDrop, NativeEvent, NativeTransmit};
use super::intake::{Backlog, with_arrival};
use super::parcels::{self, NativeParcel, Parcels, Purpose, Relays};
use super::registers::{self, BATCH_LIMIT, Registers};
use super::saved::{NativeConnectionIds, NativeFinished, NativeSavedConnection};
use super::stats::{NativeStats, tally_bytes};
use super::travel;
use super::udp::{Datagrams, Sharing, Udp};
use super::waker::Waker;
use super::wall_clock::unix_time;
use super::workers::JobQueue;
use crate::proto::{ConnectionHandle, Endpoint, QuestionId, Route};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An endpoint as JavaScript sees it.
pub(super) struct Driver {
    endpoint: Endpoint,
    /// Other threads for heavy steps of handshakes.
    jobs: Option<JobQueue>,
    /// Where datagrams are received and sent without Node.
    udp: Option<Udp>,
    backlog: Backlog,
    /// The route of a datagram that has been handed out, and comes back.
    shown: Option<Route>,
    /// Time after which a batch is handed over, as handshakes take theirs.
    batch_time: Duration,
    /// Datagrams wait in Node's own queue, and none may overtake them.
    is_congested: bool,
    /// Datagrams for other nodes.
    parcels: Parcels,
    /// Peers that are answered through other nodes.
    relays: Relays,
    /// Datagrams of the present batch, on their way out.
    sealed: Datagrams,
    registers: Registers,
    brief: BriefEvents,
    /// Payloads of the present batch, end to end.
    payloads: Vec<u8>,
    count: usize,
    /// Zero of the native clock.
    epoch: Instant,
}

impl Driver {
    pub(super) fn new(
        mut endpoint: Endpoint,
        jobs: Option<JobQueue>,
        registers: Buffer,
        brief: Buffer,
        epoch: Instant,
    ) -> Result<Driver, CodedError> {
        endpoint.offer_jobs(jobs.as_ref().map_or(0, JobQueue::limit));
        Ok(Driver {
            endpoint,
            jobs,
            udp: None,
            backlog: Backlog::default(),
            shown: None,
            batch_time: Duration::ZERO,
            is_congested: false,
            parcels: Parcels::default(),
            relays: Relays::default(),
            sealed: Datagrams::default(),
            registers: Registers::new(registers)?,
            brief: BriefEvents::new(brief)?,
            payloads: Vec::new(),
            count: 0,
            epoch,
        })
    }

    /// Gives `act` the endpoint and the time, then says in the registers what is waiting.
    pub(super) fn with<R>(&mut self, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let now = Instant::now();
        let result = act(&mut self.endpoint, now);
        self.publish(now);
        result
    }

    fn publish(&mut self, now: Instant) {
        if let Some(jobs) = &mut self.jobs {
            jobs.hand_over(now, &mut self.endpoint);
            let has_jobs = jobs.has_jobs();
            self.registers.set_jobs(has_jobs);
        }
        self.transmit();
        let mut waiting = 0;
        if self.endpoint.has_transmit() {
            waiting |= registers::TRANSMITS;
        }
        if self.endpoint.has_event() {
            self.brief.take_from(&mut self.endpoint);
        }
        if self.endpoint.has_event() {
            waiting |= registers::EVENTS;
        }
        if self.endpoint.has_trace() {
            waiting |= registers::TRACE;
        }
        if self.endpoint.has_drop() {
            waiting |= registers::DROPS;
        }
        if self.parcels.has_some() {
            waiting |= registers::PARCELS;
        }
        let on_clock = |at: Instant| at.saturating_duration_since(self.epoch).as_secs_f64() * 1000.0;
        let due = self.endpoint.poll_timeout().map_or(f64::INFINITY, on_clock);
        let now = on_clock(now);
        self.registers.set_waiting(waiting);
        self.registers.set_clock(now, due);
    }

    fn transmit(&mut self) {
        divert(&mut self.endpoint, &self.relays, &mut self.parcels);
        if let Some(udp) = &self.udp {
            transmit(&mut self.endpoint, udp, self.is_congested);
        }
    }

    // --- the UDP socket ----------------------------------------------------------------------------------------------

    /// Binds a UDP socket of our own; answers the descriptor that Node is to own, `None` where Node has to make one.
    pub(super) fn bind_udp(&mut self, address: &str, port: u16, sharing: Sharing, batch_time: f64) -> Option<i32> {
        let (udp, descriptor) = Udp::bind(address::parse(address, port)?, sharing).ok()?;
        self.udp = Some(udp);
        self.batch_time = Duration::try_from_secs_f64(batch_time / 1000.0).unwrap_or_default();
        self.is_congested = false;
        Some(descriptor)
    }

    pub(super) fn note_connected_udp(&mut self) {
        if let Some(udp) = &mut self.udp {
            udp.note_connected();
        }
    }

    pub(super) fn udp_descriptor(&self) -> Option<i32> {
        self.udp.as_ref().map(Udp::descriptor)
    }

    /// Everything arrives at Node's socket from now on, and what has arrived elsewhere waits for its turn.
    pub(super) fn leave_aside(&mut self) {
        let Driver { udp: Some(udp), backlog, .. } = self else { return };
        with_arrival(|arrival| udp.leave_aside(arrival, |route, datagram| backlog.push(route, datagram)));
        self.registers.set_batch(0, !self.backlog.is_empty());
    }

    /// Has answers leave from the address that was asked; false where the system does not tell which that is.
    pub(super) fn tell_addresses_apart(&mut self, waker: &Waker, number: u32) -> bool {
        self.udp.as_mut().is_some_and(|udp| udp.tell_addresses_apart(waker, number))
    }

    pub(super) fn release_udp(&mut self) {
        self.udp = None;
        self.backlog.clear();
    }

    pub(super) fn set_congested(&mut self, is_congested: bool) {
        self.is_congested = is_congested;
    }

    // --- in ----------------------------------------------------------------------------------------------------------

    pub(super) fn receive<'env>(
        &mut self,
        env: &'env Env,
        datagram: &[u8],
        from: &str,
        port: u16,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let remote = address::parse(from, port).ok_or_else(|| no_address(from))?;
        let now = self.begin_batch();
        let route = match (self.shown.take(), &mut self.udp) {
            (Some(shown), _) if shown.remote == remote => shown,
            (_, Some(udp)) => udp.route_at_node(remote),
            (_, None) => remote.into(),
        };
        if self.backlog.is_empty() {
            self.handle_arrival(now, route, datagram);
        } else {
            self.backlog.push(route, datagram);
        }
        let has_more = if drains { self.drain(now, BATCH_LIMIT - 1, true) } else { self.relieve_backlog(now) };
        self.hand_over(env, now, has_more)
    }

    pub(super) fn receive_more<'env>(
        &mut self,
        env: &'env Env,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let now = self.begin_batch();
        let has_more = self.drain(now, BATCH_LIMIT, drains);
        self.hand_over(env, now, has_more)
    }

    /// Takes what has arrived from the socket, for later, so that Node finds nothing there, and turns to others.
    pub(super) fn hold(&mut self) {
        if let Some(udp) = &mut self.udp {
            self.backlog.fill_from(udp);
        }
        self.registers.set_batch(0, true);
    }

    /// A datagram that has arrived where Node does not look, for all listeners to see; ours hands it in.
    pub(super) fn show(&mut self) -> Option<NativeTransmit> {
        let udp = self.udp.as_mut()?;
        let (route, datagram) = with_arrival(|arrival| {
            let (length, route) = udp.receive_aside(arrival)?;
            Some((route, arrival.get(..length)?.to_vec()))
        })?;
        self.shown = Some(route);
        Some(NativeTransmit::new(route, datagram))
    }

    fn begin_batch(&mut self) -> Instant {
        self.payloads.clear();
        self.count = 0;
        self.endpoint.note_unseen_events(self.brief.has_unread());
        Instant::now()
    }

    /// Handles one datagram that waits when too many do. Answers whether there are more.
    fn relieve_backlog(&mut self, now: Instant) -> bool {
        if self.backlog.is_over_full()
            && let Some((route, datagram)) = self.backlog.pop()
        {
            self.handle_arrival(now, route, &datagram);
        }
        !self.backlog.is_empty()
    }

    fn hand_over<'env>(
        &mut self,
        env: &'env Env,
        now: Instant,
        has_more: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        self.publish(now);
        self.registers.set_batch(self.count, has_more);
        if self.count == 0 {
            return Ok(Either::B(()));
        }
        BufferSlice::copy_from(env, &self.payloads).map(Either::A).map_err(internal)
    }

    /// Handles what has come from the network.
    fn handle_arrival(&mut self, now: Instant, route: Route, datagram: &[u8]) {
        if let Some(node) = self.endpoint.node_of(datagram) {
            self.parcels.put(node, Purpose::Forward, route.remote, datagram);
            return;
        }
        if self.handle_datagram(now, route, datagram) {
            self.relays.forget(route.remote);
        }
    }

    /// Answers whether the datagram was of use.
    fn handle_datagram(&mut self, now: Instant, route: Route, datagram: &[u8]) -> bool {
        let dropped = self.endpoint.counters().datagrams_dropped;
        if let Some(received) = self.endpoint.handle_datagram(now, route, datagram) {
            self.payloads.extend_from_slice(received.payload);
            self.registers.set_payload(self.count, received.connection, self.payloads.len(), datagram.len());
            self.count += 1;
        }
        self.endpoint.counters().datagrams_dropped == dropped
    }

    /// Takes what has been held, then what else has arrived if `drains`, and answers whether there may be more. A payload
    /// behind an event has to be an event itself, which costs more: the first of those ends the batch.
    fn drain(&mut self, now: Instant, limit: usize, drains: bool) -> bool {
        let Some(mut udp) = self.udp.take() else {
            return false;
        };
        let has_more = with_arrival(|arrival| {
            for _ in 0..limit {
                if self.endpoint.has_waiting_payload() {
                    return true;
                }
                let count = self.count;
                if let Some((route, datagram)) = self.backlog.pop() {
                    self.handle_arrival(now, route, &datagram);
                } else if drains && let Some((length, route)) = udp.receive(arrival) {
                    self.handle_arrival(now, route, arrival.get(..length).unwrap_or_default());
                } else {
                    return false;
                }
                divert(&mut self.endpoint, &self.relays, &mut self.parcels);
                // At once: the peer goes on while others have their turn.
                transmit(&mut self.endpoint, &udp, self.is_congested);
                // A payload takes no time worth a look at the clock.
                if self.count == count && now.elapsed() > self.batch_time {
                    return true;
                }
            }
            true
        });
        self.udp = Some(udp);
        has_more
    }

    // --- other nodes -------------------------------------------------------------------------------------------------

    /// Handles datagrams that have come through another node, as many as a batch has. Answers go through the `relay`.
    pub(super) fn inject<'env, 'a>(
        &mut self,
        env: &'env Env,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
        relay: Option<u8>,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let has_more = self.registers.has_more();
        let now = self.begin_batch();
        for (remote, datagram) in datagrams.take(BATCH_LIMIT) {
            self.endpoint.note_injected();
            let was_used = self.handle_datagram(now, remote.into(), datagram);
            match relay {
                Some(node) if was_used && parcels::has_id(datagram) => self.relays.note(remote, node),
                _ => {}
            }
        }
        self.hand_over(env, now, has_more)
    }

    pub(super) fn limit_parcels(&mut self, bytes: usize) {
        self.parcels.limit(bytes);
    }

    pub(super) fn poll_parcel(&mut self) -> Option<NativeParcel> {
        let parcel = self.parcels.poll();
        if parcel.is_none() {
            self.with(|_, _| ());
        }
        parcel
    }

    /// Sends another node's datagrams as they are, as far as the system takes them. Answers false where Node has to.
    pub(super) fn send_parcel(&mut self, parcel: &[u8]) -> bool {
        let Some(udp) = &self.udp else {
            return false;
        };
        for (remote, datagram) in parcels::unpack(parcel) {
            udp.send(remote.into(), datagram);
        }
        true
    }

    // --- out ---------------------------------------------------------------------------------------------------------

    /// Answers the length of the datagram when it was sent, the datagram when Node has to.
    pub(super) fn send<'env>(
        &mut self,
        env: &'env Env,
        connection: u32,
        payload: &[u8],
    ) -> Result<Either<u32, BufferSlice<'env>>, CodedError> {
        let now = Instant::now();
        let udp = self.udp.as_ref().filter(|_| !self.is_congested);
        let sealed = self.endpoint.send(now, ConnectionHandle(connection), payload).map_err(send_error);
        let (relays, parcels) = (&self.relays, &mut self.parcels);
        let sent = sealed.and_then(|sealed| match udp {
            _ if sealed.route.is_none() => Ok(Either::A(sealed.datagram.len() as u32)),
            _ if sealed.route.is_some_and(|route| relays.take(parcels, route.remote, sealed.datagram)) => {
                Ok(Either::A(sealed.datagram.len() as u32))
            }
            Some(udp) if sealed.route.is_some_and(|route| udp.send(route, sealed.datagram)) => {
                Ok(Either::A(sealed.datagram.len() as u32))
            }
            _ if sealed.route.is_some_and(|route| !is_for_node(self.udp.as_ref(), route)) => {
                Ok(Either::A(sealed.datagram.len() as u32))
            }
            _ => BufferSlice::copy_from(env, sealed.datagram).map(Either::B).map_err(internal),
        });
        self.publish(now);
        sent
    }

    /// Seals `count` payloads that lie end to end, and sends them; `entries` says whose each is, and where it ends. What
    /// cannot be sealed is discarded, for its connection has just ended (RFC 5246 section 7.2.1).
    pub(super) fn send_batch(&mut self, payloads: &[u8], entries: &[u32], count: usize) {
        let now = Instant::now();
        let mut start = 0;
        for entry in entries.chunks_exact(2).take(count) {
            let &[connection, end] = entry else {
                continue;
            };
            let end = end as usize;
            let payload = payloads.get(start..end).unwrap_or_default();
            start = end;
            if let Ok(sealed) = self.endpoint.send(now, ConnectionHandle(connection), payload)
                && let Some(route) = sealed.route
                && !self.relays.take(&mut self.parcels, route.remote, sealed.datagram)
            {
                self.sealed.push(route, sealed.datagram);
            }
        }
        let udp = self.udp.as_ref().filter(|_| !self.is_congested);
        let taken = udp.map_or(0, |udp| udp.send_all(&self.sealed));
        for (route, datagram) in self.sealed.iter().skip(taken) {
            self.endpoint.put_back(route, datagram.to_vec());
        }
        self.sealed.clear();
        self.publish(now);
    }

    pub(super) fn payload_limit(&self, connection: u32) -> u32 {
        let limit = self.endpoint.payload_limit(ConnectionHandle(connection)).unwrap_or(0);
        u32::try_from(limit).unwrap_or(u32::MAX)
    }

    // --- everything else ---------------------------------------------------------------------------------------------

    pub(super) fn handle_timeout(&mut self) {
        self.with(|endpoint, now| endpoint.handle_timeout(now));
    }

    pub(super) fn handle_jobs(&mut self) {
        let now = Instant::now();
        if let Some(jobs) = &mut self.jobs {
            jobs.collect(now, &mut self.endpoint);
        }
        self.publish(now);
    }

    pub(super) fn close(&mut self, connection: u32) {
        self.with(|endpoint, now| endpoint.close(now, ConnectionHandle(connection)));
    }

    pub(super) fn abort(&mut self, connection: u32) {
        self.with(|endpoint, _| endpoint.abort(ConnectionHandle(connection)));
    }

    /// Takes the answer to a question, in the form that its subject asks for. Answers 0 when it has led to nothing, the
    /// connection that goes on where it restores one, and 1 in all other cases.
    pub(super) fn answer(&mut self, question: u32, value: Value<'_>) -> Result<u32, CodedError> {
        let question = QuestionId(question);
        let Some(subject) = self.endpoint.subject(question) else {
            return Ok(0);
        };
        let value = about(subject, value)?;
        let answer = value.answer();
        Ok(answered(self.with(|endpoint, now| endpoint.handle_answer(now, question, answer))))
    }

    pub(super) fn fail(&mut self, question: u32, message: &str) -> bool {
        answered(self.with(|endpoint, now| endpoint.fail(now, QuestionId(question), message))) != 0
    }

    /// What Node would send from another address than the one that was asked is lost, as in a network that has no room.
    pub(super) fn poll_transmit(&mut self) -> Option<NativeTransmit> {
        loop {
            let transmit = self.with(|endpoint, _| endpoint.poll_transmit())?;
            if is_for_node(self.udp.as_ref(), transmit.route) {
                return Some(NativeTransmit::new(transmit.route, transmit.datagram));
            }
        }
    }

    pub(super) fn poll_trace(&mut self) -> Option<String> {
        self.with(|endpoint, _| endpoint.poll_trace())
    }

    /// Only when all brief ones have been read; `None` when there are new ones to read, or nothing.
    pub(super) fn poll_event(&mut self) -> Option<NativeEvent> {
        if self.brief.take_from(&mut self.endpoint) {
            return None;
        }
        self.with(|endpoint, _| endpoint.poll_event()).map(Into::into)
    }

    pub(super) fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
        let saved = self.endpoint.save(ConnectionHandle(connection))?;
        NativeSavedConnection::new(saved, unix_time())
    }

    pub(super) fn take_out(&mut self, connections: &[u32]) -> Buffer {
        let take_out = |endpoint: &mut Endpoint| {
            travel::pack(connections.iter().map(|&connection| endpoint.take_out(ConnectionHandle(connection))))
        };
        self.with(|endpoint, _| take_out(endpoint))
    }

    pub(super) fn hand_over_connections(&mut self, connections: &[u32]) -> Buffer {
        let hand_over = |endpoint: &mut Endpoint| {
            travel::pack(connections.iter().map(|&connection| endpoint.hand_over(ConnectionHandle(connection))))
        };
        self.with(|endpoint, _| hand_over(endpoint))
    }

    pub(super) fn copy_of(&self, connection: u32) -> Buffer {
        travel::pack(std::iter::once(self.endpoint.copy_of(ConnectionHandle(connection))))
    }

    pub(super) fn session(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.session(ConnectionHandle(connection)).map(|session| session.to_vec().into())
    }

    pub(super) fn finished(&self, connection: u32) -> Option<NativeFinished> {
        let finished = self.endpoint.finished(ConnectionHandle(connection))?;
        Some(NativeFinished { own: finished.own.into(), peer: finished.peer.into() })
    }

    pub(super) fn connection_ids(&self, connection: u32) -> Option<NativeConnectionIds> {
        self.endpoint.connection_ids(ConnectionHandle(connection)).as_ref().map(NativeConnectionIds::new)
    }

    pub(super) fn own_certificate(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.own_certificate(ConnectionHandle(connection)).map(Into::into)
    }

    pub(super) fn confirm_address(&mut self, connection: u32) -> bool {
        self.with(|endpoint, _| endpoint.confirm_address(ConnectionHandle(connection)))
    }

    pub(super) fn is_address_confirmed(&self, connection: u32) -> bool {
        self.endpoint.is_address_confirmed(ConnectionHandle(connection))
    }

    pub(super) fn log_keys(&mut self, logs_keys: bool) {
        self.with(|endpoint, _| endpoint.log_keys(logs_keys));
    }

    pub(super) fn export_keying_material(
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

    pub(super) fn tally(&self, connection: u32) -> Option<Buffer> {
        self.endpoint.tally(ConnectionHandle(connection)).map(|tally| tally_bytes(&tally).as_slice().into())
    }

    pub(super) fn watch_drops(&mut self, watches: bool) {
        self.with(|endpoint, _| endpoint.watch_drops(watches));
    }

    pub(super) fn poll_drop(&mut self) -> Option<NativeDrop> {
        self.with(|endpoint, _| endpoint.poll_drop()).map(Into::into)
    }

    pub(super) fn stats(&self) -> NativeStats {
        NativeStats::of(&self.endpoint)
    }
}

/// Takes out what goes to peers through other nodes.
fn divert(endpoint: &mut Endpoint, relays: &Relays, parcels: &mut Parcels) {
    if !relays.is_empty() {
        endpoint.divert_transmits(|transmit| relays.take(parcels, transmit.route.remote, &transmit.datagram));
    }
}

/// Whether Node can send this as it has to be sent.
fn is_for_node(udp: Option<&Udp>, route: Route) -> bool {
    udp.is_none_or(|udp| udp.is_for_node(route))
}

/// Sends what waits, as far as the system takes it; the rest is for Node, and so is any error.
fn transmit(endpoint: &mut Endpoint, udp: &Udp, is_congested: bool) {
    while !is_congested
        && let Some(transmit) = endpoint.peek_transmit()
        && udp.send(transmit.route, &transmit.datagram)
    {
        endpoint.poll_transmit();
    }
}
