//! Datagrams on their way in: from the sockets, and through other nodes.

use super::Driver;
use crate::binding::address;
use crate::binding::error::{CodedError, internal, no_address};
use crate::binding::event::NativeTransmit;
use crate::binding::intake::with_arrival;
use crate::binding::parcels::{self, NativeParcel, Purpose};
use crate::binding::registers::BATCH_LIMIT;
use crate::proto::Route;
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Either};
use std::time::Instant;

/// How many datagrams are handled before what answers them leaves.
const ANSWERED_TOGETHER: usize = 8;

impl Driver {
    pub(in crate::binding) fn receive<'env>(
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

    pub(in crate::binding) fn receive_more<'env>(
        &mut self,
        env: &'env Env,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let now = self.begin_batch();
        let has_more = self.drain(now, BATCH_LIMIT, drains);
        self.hand_over(env, now, has_more)
    }

    /// Takes what has arrived from the socket, for later, so that Node finds nothing there, and turns to others.
    pub(in crate::binding) fn hold(&mut self) {
        if let Some(udp) = &mut self.udp {
            self.backlog.fill_from(udp);
        }
        self.registers.set_batch(0, true);
    }

    /// A datagram that has arrived where Node does not look, for all listeners to see; ours hands it in.
    pub(in crate::binding) fn show(&mut self) -> Option<NativeTransmit> {
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
        if self.backlog.is_over_full() {
            let mut backlog = std::mem::take(&mut self.backlog);
            if let Some((route, datagram)) = backlog.pop() {
                self.handle_arrival(now, route, datagram);
            }
            self.backlog = backlog;
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
        if let Some(node) = self.endpoint.node_of(route.remote, datagram) {
            self.parcels.put(node, Purpose::Forward, route, datagram);
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
    /// behind an event has to be an event itself, which costs more: the first of those ends the batch. What answers leaves
    /// for several of them together: by turns, the code that handles a datagram and the system's that sends one would drive each other
    /// out of the processor's cache. It does not wait for all of the batch, because the peers go on meanwhile.
    ///
    /// An empty socket is looked at once more after a batch of several, because the peers go on while listeners run: Node would hand
    /// over only one of the datagrams that have come by then, and takes as long for it as we do for several.
    fn drain(&mut self, now: Instant, limit: usize, drains: bool) -> bool {
        let Some(mut udp) = self.udp.take() else {
            return false;
        };
        let mut backlog = std::mem::take(&mut self.backlog);
        let has_more = with_arrival(|arrival| {
            for handled in 0..limit {
                if self.endpoint.has_waiting_payload() {
                    return true;
                }
                let count = self.count;
                if let Some((route, datagram)) = backlog.pop() {
                    self.handle_arrival(now, route, datagram);
                } else if drains && let Some((length, route)) = udp.receive(arrival) {
                    self.handle_arrival(now, route, arrival.get(..length).unwrap_or_default());
                } else {
                    return handled > 1;
                }
                if handled % ANSWERED_TOGETHER == ANSWERED_TOGETHER - 1 {
                    self.transmit_on(Some(&udp));
                }
                // A payload takes no time worth a look at the clock.
                if self.count == count && now.elapsed() > self.batch_time {
                    return true;
                }
            }
            true
        });
        (self.udp, self.backlog) = (Some(udp), backlog);
        has_more
    }

    // --- other nodes -------------------------------------------------------------------------------------------------

    /// Handles datagrams that have come through another node, as many as a batch has. Answers go through the `relay`; without one,
    /// they leave from the address that was asked, if it is ours as well.
    pub(in crate::binding) fn inject<'env, 'a>(
        &mut self,
        env: &'env Env,
        datagrams: impl Iterator<Item = (Route, &'a [u8])>,
        relay: Option<u8>,
        is_same_machine: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let has_more = self.registers.has_more();
        let now = self.begin_batch();
        for (route, datagram) in datagrams.take(BATCH_LIMIT) {
            self.endpoint.note_injected();
            let own = if is_same_machine { route } else { route.remote.into() };
            let was_used = self.handle_datagram(now, own, datagram);
            match relay {
                Some(node) if was_used && parcels::has_id(datagram) => self.relays.note(route, node),
                _ => {}
            }
        }
        self.hand_over(env, now, has_more)
    }

    pub(in crate::binding) fn limit_parcels(&mut self, bytes: usize) {
        self.parcels.limit(bytes);
    }

    pub(in crate::binding) fn poll_parcel(&mut self) -> Option<NativeParcel> {
        let parcel = self.parcels.poll();
        if parcel.is_none() {
            self.with(|_, _| ());
        }
        parcel
    }

    /// Sends another node's datagrams as they are, as far as the system takes them. Answers false where Node has to.
    pub(in crate::binding) fn send_parcel(&mut self, parcel: &[u8]) -> bool {
        let Some(udp) = &self.udp else {
            return false;
        };
        for (route, datagram) in parcels::unpack(parcel) {
            udp.send(route, datagram);
        }
        true
    }
}
