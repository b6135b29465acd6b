//! What the two native classes share: an endpoint, the clock, and the registers that JavaScript reads after each call.

use super::address;
use super::brief::BriefEvents;
use super::error::{CodedError, export_error, internal, no_address, send_error};
use super::event::{NativeEvent, NativeFinished, NativeSavedConnection, NativeStats, NativeTransmit};
use super::pool::Foreman;
use super::udp::{Datagrams, Udp};
use crate::proto::{ConnectionHandle, Endpoint, Event, LookupId};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

// The registers: doubles that JavaScript reads after each call, see `lib/endpoint.js`.
const WAITING: usize = 0;
const TIMEOUT: usize = 1;
const NOW: usize = 2;
/// Payloads of the last batch; from `PAYLOADS` on, three registers for each: connection, end of the payload in the
/// batch's bytes, length of the datagram that it came in.
const COUNT: usize = 3;
/// 1 when more datagrams may have arrived than the last batch has taken.
const MORE: usize = 4;
/// 1 as long as other threads have steps of this endpoint's handshakes: the bell will ring for it.
const JOBS: usize = 5;
const PAYLOADS: usize = 6;

/// Payloads of one batch.
const BATCH_LIMIT: usize = 64;

const REGISTERS_LENGTH: usize = (PAYLOADS + 3 * BATCH_LIMIT) * size_of::<f64>();

const WAITING_TRANSMITS: u8 = 1;
const WAITING_EVENTS: u8 = 2;

/// After so long a batch is handed over, for handshakes take their time.
const BATCH_TIME: Duration = Duration::from_millis(1);

/// Datagrams, and bytes of them, that are taken from the socket before their turn comes.
const BACKLOG_LIMIT: usize = 256;
const BACKLOG_BYTES: usize = 1024 * 1024;

/// The longest datagram that UDP has.
const DATAGRAM_LIMIT: usize = 65_535;

thread_local! {
    /// Where datagrams arrive, one at a time: of all endpoints of the thread.
    static ARRIVAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An endpoint as JavaScript sees it.
pub(super) struct Driver {
    endpoint: Endpoint,
    /// Other threads for heavy steps of handshakes.
    foreman: Option<Foreman>,
    /// Where datagrams are received and sent without Node.
    udp: Option<Udp>,
    /// What has been taken from the socket, and must be handled before anything else that comes from there.
    backlog: VecDeque<(SocketAddr, Box<[u8]>)>,
    /// Datagrams wait in Node's own queue, and none may overtake them.
    is_congested: bool,
    /// Of the present batch, on their way out.
    sealed: Datagrams,
    registers: Buffer,
    /// Where events are written that need no object.
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
        foreman: Option<Foreman>,
        registers: Buffer,
        brief: Buffer,
        epoch: Instant,
    ) -> Result<Driver, CodedError> {
        if registers.len() != REGISTERS_LENGTH {
            return Err(internal(format!("{} bytes of registers are not {REGISTERS_LENGTH}", registers.len())));
        }
        let brief = BriefEvents::new(brief)?;
        endpoint.offer_jobs(foreman.as_ref().map_or(0, Foreman::job_limit));
        Ok(Driver {
            endpoint,
            foreman,
            udp: None,
            backlog: VecDeque::new(),
            is_congested: false,
            sealed: Datagrams::default(),
            registers,
            brief,
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
        if let Some(foreman) = &mut self.foreman {
            foreman.dispatch(now, &mut self.endpoint);
            let has_jobs = foreman.has_jobs();
            self.set_register(JOBS, u8::from(has_jobs).into());
        }
        self.transmit();
        let mut waiting = 0;
        if self.endpoint.has_transmit() {
            waiting |= WAITING_TRANSMITS;
        }
        if self.endpoint.has_event() {
            self.brief.take_from(&mut self.endpoint);
        }
        if self.endpoint.has_event() {
            waiting |= WAITING_EVENTS;
        }
        let on_clock = |at: Instant| at.saturating_duration_since(self.epoch).as_secs_f64() * 1000.0;
        let timeout = self.endpoint.poll_timeout().map_or(f64::INFINITY, on_clock);
        let now = on_clock(now);
        self.set_register(WAITING, waiting.into());
        self.set_register(TIMEOUT, timeout);
        self.set_register(NOW, now);
    }

    fn transmit(&mut self) {
        if let Some(udp) = &self.udp {
            transmit(&mut self.endpoint, udp, self.is_congested);
        }
    }

    fn set_register(&mut self, index: usize, value: f64) {
        let at = index * size_of::<f64>();
        if let Some(register) = self.registers.get_mut(at..at + size_of::<f64>()) {
            register.copy_from_slice(&value.to_ne_bytes());
        }
    }

    /// Binds a UDP socket of our own; answers the descriptor that Node is to own, `None` where Node has to make one.
    pub(super) fn bind_udp(&mut self, address: &str, port: u16, ipv6_only: bool) -> Option<i32> {
        let (udp, descriptor) = Udp::bind(address::parse(address, port)?, ipv6_only).ok()?;
        self.udp = Some(udp);
        self.is_congested = false;
        Some(descriptor)
    }

    pub(super) fn release_udp(&mut self) {
        self.udp = None;
        self.backlog.clear();
    }

    pub(super) fn set_congested(&mut self, is_congested: bool) {
        self.is_congested = is_congested;
    }

    pub(super) fn receive<'env>(
        &mut self,
        env: &'env Env,
        datagram: &[u8],
        from: &str,
        port: u16,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let remote = address::parse(from, port).ok_or_else(|| no_address(from))?;
        let now = Instant::now();
        self.payloads.clear();
        self.count = 0;
        if self.backlog.is_empty() {
            self.handle_datagram(now, remote, datagram);
        } else {
            self.backlog.push_back((remote, datagram.into()));
        }
        let has_more = if drains { self.drain(now, BATCH_LIMIT - 1, true) } else { self.relieve_backlog(now) };
        self.hand_over(env, now, has_more)
    }

    pub(super) fn receive_more<'env>(
        &mut self,
        env: &'env Env,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let now = Instant::now();
        self.payloads.clear();
        self.count = 0;
        let has_more = self.drain(now, BATCH_LIMIT, drains);
        self.hand_over(env, now, has_more)
    }

    /// Takes what has arrived from the socket, for later, so that Node finds nothing there, and turns to others.
    pub(super) fn hold(&mut self) {
        if let Some(udp) = &self.udp {
            let mut bytes: usize = self.backlog.iter().map(|(_, datagram)| datagram.len()).sum();
            ARRIVAL.with_borrow_mut(|arrival| {
                arrival.resize(DATAGRAM_LIMIT, 0);
                while self.backlog.len() < BACKLOG_LIMIT
                    && bytes < BACKLOG_BYTES
                    && let Some((length, remote)) = udp.receive(arrival)
                {
                    bytes += length;
                    self.backlog.push_back((remote, arrival.get(..length).unwrap_or_default().into()));
                }
            });
        }
        self.set_register(MORE, 1.0);
    }

    /// Handles one that waits when too many do. Answers whether there are more.
    fn relieve_backlog(&mut self, now: Instant) -> bool {
        if self.backlog.len() > BACKLOG_LIMIT
            && let Some((remote, datagram)) = self.backlog.pop_front()
        {
            self.handle_datagram(now, remote, &datagram);
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
        self.set_register(COUNT, self.count as f64);
        self.set_register(MORE, u8::from(has_more).into());
        if self.count == 0 {
            return Ok(Either::B(()));
        }
        BufferSlice::copy_from(env, &self.payloads).map(Either::A).map_err(internal)
    }

    fn handle_datagram(&mut self, now: Instant, remote: SocketAddr, datagram: &[u8]) {
        let Some(received) = self.endpoint.handle_datagram(now, remote, datagram) else {
            return;
        };
        if self.brief.has_unread() {
            let event = Event::Data { connection: received.connection, payload: received.payload.to_vec() };
            self.endpoint.push_event(event);
            return;
        }
        self.payloads.extend_from_slice(received.payload);
        let connection = received.connection;
        let entry = PAYLOADS + 3 * self.count;
        self.count += 1;
        self.set_register(entry, connection.0.into());
        self.set_register(entry + 1, self.payloads.len() as f64);
        self.set_register(entry + 2, datagram.len() as f64);
    }

    /// Takes what has been held, then what else has arrived if `drains`, and answers whether there may be more. A payload
    /// behind an event has to be an event itself, which costs more: the first of those ends the batch.
    fn drain(&mut self, now: Instant, limit: usize, drains: bool) -> bool {
        let Some(udp) = self.udp.take() else {
            return false;
        };
        let has_more = ARRIVAL.with_borrow_mut(|arrival| {
            arrival.resize(DATAGRAM_LIMIT, 0);
            for _ in 0..limit {
                if self.endpoint.has_waiting_payload() {
                    return true;
                }
                let count = self.count;
                if let Some((remote, datagram)) = self.backlog.pop_front() {
                    self.handle_datagram(now, remote, &datagram);
                } else if drains && let Some((length, remote)) = udp.receive(arrival) {
                    self.handle_datagram(now, remote, arrival.get(..length).unwrap_or_default());
                } else {
                    return false;
                }
                // At once: the peer goes on while others have their turn.
                transmit(&mut self.endpoint, &udp, self.is_congested);
                // A payload takes no time worth a look at the clock.
                if self.count == count && now.elapsed() > BATCH_TIME {
                    return true;
                }
            }
            true
        });
        self.udp = Some(udp);
        has_more
    }

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
        let sent = sealed.and_then(|sealed| match udp {
            Some(udp) if udp.send(sealed.remote, sealed.datagram) => Ok(Either::A(sealed.datagram.len() as u32)),
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
            if let Ok(sealed) = self.endpoint.send(now, ConnectionHandle(connection), payload) {
                self.sealed.push(sealed.remote, sealed.datagram);
            }
        }
        let udp = self.udp.as_ref().filter(|_| !self.is_congested);
        let taken = udp.map_or(0, |udp| udp.send_all(&self.sealed));
        for (remote, datagram) in self.sealed.iter().skip(taken) {
            self.endpoint.put_back(remote, datagram.to_vec());
        }
        self.sealed.clear();
        self.publish(now);
    }

    pub(super) fn payload_limit(&self, connection: u32) -> u32 {
        let limit = self.endpoint.payload_limit(ConnectionHandle(connection)).unwrap_or(0);
        u32::try_from(limit).unwrap_or(u32::MAX)
    }

    pub(super) fn handle_timeout(&mut self) {
        self.with(|endpoint, now| endpoint.handle_timeout(now));
    }

    pub(super) fn handle_jobs(&mut self) {
        let now = Instant::now();
        if let Some(foreman) = &mut self.foreman {
            foreman.collect(now, &mut self.endpoint);
        }
        self.publish(now);
    }

    pub(super) fn close(&mut self, connection: u32) {
        self.with(|endpoint, now| endpoint.close(now, ConnectionHandle(connection)));
    }

    pub(super) fn abort(&mut self, connection: u32) {
        self.with(|endpoint, _| endpoint.abort(ConnectionHandle(connection)));
    }

    pub(super) fn answer_psk(&mut self, lookup: u32, key: Option<&[u8]>) -> bool {
        self.with(|endpoint, now| endpoint.answer_psk(now, LookupId(lookup), key))
    }

    pub(super) fn answer_peer(&mut self, lookup: u32, accepted: bool) -> bool {
        self.with(|endpoint, now| endpoint.answer_peer(now, LookupId(lookup), accepted))
    }

    pub(super) fn fail_lookup(&mut self, lookup: u32, message: &str) -> bool {
        self.with(|endpoint, now| endpoint.fail_lookup(now, LookupId(lookup), message))
    }

    pub(super) fn poll_transmit(&mut self) -> Option<NativeTransmit> {
        self.with(|endpoint, _| endpoint.poll_transmit()).map(|transmit| NativeTransmit {
            address: address::format(&transmit.remote),
            port: transmit.remote.port(),
            datagram: transmit.datagram.into(),
        })
    }

    /// Only when all brief ones have been read; `None` when there are new ones to read, or nothing.
    pub(super) fn poll_event(&mut self) -> Option<NativeEvent> {
        if self.brief.take_from(&mut self.endpoint) {
            return None;
        }
        self.with(|endpoint, _| endpoint.poll_event()).map(Into::into)
    }

    pub(super) fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
        self.endpoint.save(ConnectionHandle(connection)).map(Into::into)
    }

    pub(super) fn finished(&self, connection: u32) -> Option<NativeFinished> {
        let finished = self.endpoint.finished(ConnectionHandle(connection))?;
        Some(NativeFinished { own: finished.own.to_vec().into(), peer: finished.peer.to_vec().into() })
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

    pub(super) fn stats(&self) -> NativeStats {
        NativeStats::of(&self.endpoint)
    }
}

/// Sends what waits, as far as the system takes it; the rest is for Node, and so is any error.
fn transmit(endpoint: &mut Endpoint, udp: &Udp, is_congested: bool) {
    while !is_congested
        && let Some(transmit) = endpoint.peek_transmit()
        && udp.send(transmit.remote, &transmit.datagram)
    {
        endpoint.poll_transmit();
    }
}

/// The methods that both native classes have.
macro_rules! endpoint_methods {
    ($class:ident) => {
        #[napi]
        impl $class {
            /// Binds a UDP socket for Node to poll and own; answers its descriptor, or null where Node has to make its own.
            #[napi(catch_unwind)]
            pub fn bind_udp(&mut self, address: String, port: u16, ipv6_only: bool) -> Option<i32> {
                self.driver.bind_udp(&address, port, ipv6_only)
            }

            /// Node has closed its descriptor, or is about to.
            #[napi(catch_unwind)]
            pub fn release_udp(&mut self) {
                self.driver.release_udp();
            }

            /// Whether datagrams wait in Node's queue: until they have left, all others have to go that way.
            #[napi(catch_unwind)]
            pub fn set_congested(&mut self, is_congested: bool) {
                self.driver.set_congested(is_congested);
            }

            /// Takes one datagram of the UDP socket, and what else has arrived there if `drains`. Answers the payloads end
            /// to end; the registers say whose they are.
            #[napi(catch_unwind)]
            pub fn receive<'env>(
                &mut self,
                env: &'env Env,
                datagram: &[u8],
                address: String,
                port: u16,
                drains: bool,
            ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
                self.driver.receive(env, datagram, &address, port, drains)
            }

            /// As `receive`, of what has been held, and of what has arrived behind that if `drains`.
            #[napi(catch_unwind)]
            pub fn receive_more<'env>(
                &mut self,
                env: &'env Env,
                drains: bool,
            ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
                self.driver.receive_more(env, drains)
            }

            /// Takes what has arrived from the UDP socket, a few hundred datagrams at most, for the next `receiveMore`.
            #[napi(catch_unwind)]
            pub fn hold(&mut self) {
                self.driver.hold();
            }

            /// Call when the register of the next timeout is due.
            #[napi(catch_unwind)]
            pub fn handle_timeout(&mut self) {
                self.driver.handle_timeout();
            }

            /// Call when the bell has rung for this endpoint.
            #[napi(catch_unwind)]
            pub fn handle_jobs(&mut self) {
                self.driver.handle_jobs();
            }

            /// Seals one payload and sends it: answers the length of the datagram. Or answers the datagram, for Node to send
            /// to the connection's peer.
            #[napi(catch_unwind)]
            pub fn send<'env>(
                &mut self,
                env: &'env Env,
                connection: u32,
                payload: &[u8],
            ) -> Result<Either<u32, BufferSlice<'env>>, CodedError> {
                self.driver.send(env, connection, payload)
            }

            /// Seals and sends so many payloads, which lie end to end. Two numbers for each: its connection, and its end.
            #[napi(catch_unwind)]
            pub fn send_batch(&mut self, payloads: &[u8], entries: &[u32], count: u32) {
                self.driver.send_batch(payloads, entries, count as usize);
            }

            /// The longest payload that a connection can send, in bytes; 0 when there is none.
            #[napi(catch_unwind)]
            pub fn payload_limit(&self, connection: u32) -> u32 {
                self.driver.payload_limit(connection)
            }

            /// Says goodbye, and ends the connection.
            #[napi(catch_unwind)]
            pub fn close(&mut self, connection: u32) {
                self.driver.close(connection);
            }

            /// Ends the connection without a word to the peer.
            #[napi(catch_unwind)]
            pub fn abort(&mut self, connection: u32) {
                self.driver.abort(connection);
            }

            /// Answers a look-up; null when the identity is unknown.
            #[napi(catch_unwind)]
            pub fn answer_psk(&mut self, lookup: u32, key: Option<&[u8]>) -> bool {
                self.driver.answer_psk(lookup, key)
            }

            /// Answers whether a peer is accepted.
            #[napi(catch_unwind)]
            pub fn answer_peer(&mut self, lookup: u32, accepted: bool) -> bool {
                self.driver.answer_peer(lookup, accepted)
            }

            /// Gives up the handshake that waits for this look-up.
            #[napi(catch_unwind)]
            pub fn fail_lookup(&mut self, lookup: u32, message: String) -> bool {
                self.driver.fail_lookup(lookup, &message)
            }

            /// The next datagram to send.
            #[napi(catch_unwind)]
            pub fn poll_transmit(&mut self) -> Option<NativeTransmit> {
                self.driver.poll_transmit()
            }

            /// The next event that needs an object; null when there is none, or when brief ones come before it: see
            /// `lib/brief.js`.
            #[napi(catch_unwind)]
            pub fn poll_event(&mut self) -> Option<NativeEvent> {
                self.driver.poll_event()
            }

            /// What a connection needs to go on elsewhere; null while it has a handshake, or when there is none.
            #[napi(catch_unwind)]
            pub fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
                self.driver.save(connection)
            }

            /// The two Finished messages; null before, and for a restored connection.
            #[napi(catch_unwind)]
            pub fn finished(&self, connection: u32) -> Option<NativeFinished> {
                self.driver.finished(connection)
            }

            /// Keying material for another protocol (RFC 5705).
            #[napi(catch_unwind)]
            pub fn export_keying_material(
                &self,
                connection: u32,
                length: u32,
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<Buffer, CodedError> {
                self.driver.export_keying_material(connection, length, label, context)
            }

            /// What has happened, and what is there now.
            #[napi(catch_unwind)]
            pub fn stats(&self) -> NativeStats {
                self.driver.stats()
            }
        }
    };
}

pub(super) use endpoint_methods;
