//! Payloads on their way out.

use super::{Driver, is_for_node};
use crate::binding::error::{CodedError, internal, send_error};
use crate::proto::ConnectionHandle;
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Either};
use std::time::Instant;

impl Driver {
    /// Answers the length of the datagram when it was sent, the datagram when Node has to.
    pub(in crate::binding) fn send<'env>(
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
    pub(in crate::binding) fn send_batch(&mut self, payloads: &[u8], entries: &[u32], count: usize) {
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

    pub(in crate::binding) fn payload_limit(&self, connection: u32) -> u32 {
        let limit = self.endpoint.payload_limit(ConnectionHandle(connection)).unwrap_or(0);
        u32::try_from(limit).unwrap_or(u32::MAX)
    }
}
