//! What the two native classes share: an endpoint, the clock, and the way of datagrams in and out.

mod inbound;
mod outbound;
mod requests;

use super::address;
use super::brief::BriefEvents;
use super::error::CodedError;
use super::intake::{Backlog, with_arrival};
use super::parcels::{Parcels, Relays};
use super::registers::{self, Registers};
use super::udp::{Datagrams, Sharing, Udp};
use super::waker::Waker;
use super::workers::JobQueue;
use crate::proto::{Endpoint, Route};
use napi::bindgen_prelude::Buffer;
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

    /// Says in the registers by which number this is found.
    pub(super) fn note_number(&mut self, number: u32) {
        self.registers.set_number(number);
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
        if self.endpoint.wants_connection_ids() {
            waiting |= registers::CONNECTION_IDS;
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
        let udp = self.udp.take();
        self.transmit_on(udp.as_ref());
        self.udp = udp;
    }

    /// Sends what waits, as far as the system takes it; the rest is for Node, and so is any error. What goes to peers through other
    /// nodes is taken out before.
    fn transmit_on(&mut self, udp: Option<&Udp>) {
        let Driver { endpoint, relays, parcels, .. } = self;
        if !relays.is_empty() {
            endpoint.divert_transmits(|transmit| relays.take(parcels, transmit.route.remote, &transmit.datagram));
        }
        while let Some(udp) = udp
            && !self.is_congested
            && let Some(transmit) = self.endpoint.peek_transmit()
            && udp.send(transmit.route, &transmit.datagram)
        {
            self.endpoint.poll_transmit();
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
        let wakes = waker.wakes();
        let wake = Box::new(move || wakes.wake(number));
        self.udp.as_mut().is_some_and(|udp| udp.tell_addresses_apart(wake))
    }

    pub(super) fn release_udp(&mut self) {
        self.udp = None;
        self.backlog.clear();
    }

    pub(super) fn set_congested(&mut self, is_congested: bool) {
        self.is_congested = is_congested;
    }
}

/// Whether Node can send this as it has to be sent.
fn is_for_node(udp: Option<&Udp>, route: Route) -> bool {
    udp.is_none_or(|udp| udp.is_for_node(route))
}
