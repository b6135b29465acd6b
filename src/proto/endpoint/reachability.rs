//! Whether a peer receives at the address that it seems to have (RFC 9853).

use super::Endpoint;
use crate::proto::connection::Scratch;
use crate::proto::table::ConnectionHandle;
use crate::wire::RoutabilityCheck;
use std::net::SocketAddr;
use std::time::Instant;

impl Endpoint {
    /// A message of a return routability check has come from this address.
    pub(super) fn handle_check(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        remote: SocketAddr,
        message: RoutabilityCheck,
    ) {
        match message {
            // RFC 9853 section 5.4: exactly one answer, at once, to where the challenge came from. We have one path, and
            // prefer it.
            RoutabilityCheck::Challenge(cookie) => {
                self.send_check(now, handle, remote, RoutabilityCheck::Response(cookie));
            }
            RoutabilityCheck::Response(_) | RoutabilityCheck::Drop(_) => {}
        }
    }

    fn send_check(&mut self, now: Instant, handle: ConnectionHandle, remote: SocketAddr, message: RoutabilityCheck) {
        let Some(entry) = self.connections.get_mut(&handle) else { return };
        let Scratch { outbox, .. } = &mut self.scratch;
        if entry.connection.send_check(now, message, outbox) {
            let count = self.outputs.push_transmits(remote, outbox.datagrams());
            self.counters.datagrams_sent += count as u64;
        }
        outbox.clear();
    }
}
