//! The methods that both native classes have. What is called for every datagram is in `frequent.rs`.

/// For a class with a `driver`.
macro_rules! endpoint_methods {
    ($class:ident) => {
        #[napi]
        impl $class {
            /// Binds a UDP socket for Node to poll and own; answers its descriptor, or null where Node has to make its own.
            /// `by_peer`: other processes may have the same address, and each peer is given to one of them. `batch_time`:
            /// milliseconds after which `receive` hands over what it has.
            #[napi(catch_unwind)]
            pub fn bind_udp(
                &mut self,
                address: String,
                port: u16,
                ipv6_only: bool,
                by_peer: bool,
                batch_time: f64,
            ) -> Option<i32> {
                self.driver.get().bind_udp(&address, port, Sharing { ipv6_only, by_peer }, batch_time)
            }

            /// Node has connected the UDP socket to its one peer.
            #[napi(catch_unwind)]
            pub fn note_connected_udp(&mut self) {
                self.driver.get().note_connected_udp();
            }

            /// Node has closed its descriptor, or is about to.
            #[napi(catch_unwind)]
            pub fn release_udp(&mut self) {
                self.driver.get().release_udp();
            }

            /// Whether datagrams wait in Node's queue: until they have left, all others have to go that way.
            #[napi(catch_unwind)]
            pub fn set_congested(&mut self, is_congested: bool) {
                self.driver.get().set_congested(is_congested);
            }

            /// Takes what has arrived from the UDP socket, 1024 datagrams or 1 MiB at most, for the next `receiveMore`.
            #[napi(catch_unwind)]
            pub fn hold(&mut self) {
                self.driver.get().hold();
            }

            /// Gives up what waits for the answer to this question.
            #[napi(catch_unwind)]
            pub fn fail(&mut self, question: u32, message: String) {
                self.driver.get().fail(question, &message);
            }

            /// The next line of the trace.
            #[napi(catch_unwind)]
            pub fn poll_trace(&mut self) -> Option<String> {
                self.driver.get().poll_trace()
            }

            /// What a connection needs to go on elsewhere; null while it has a handshake, or when there is none.
            #[napi(catch_unwind)]
            pub fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
                self.driver.get().save(connection)
            }

            /// Takes connections out, which go on elsewhere: each its length, and what it needs for that. A length of 0 stands
            /// for one that stays. Those that leave get no event.
            #[napi(catch_unwind)]
            pub fn take_out(&mut self, connections: &[u32]) -> Buffer {
                self.driver.get().take_out(connections)
            }

            /// A copy of one that stays, for a store; null for one that no store can have.
            #[napi(catch_unwind)]
            pub fn copy_for_store(&mut self, connection: u32) -> Option<NativeStoreCopy> {
                self.driver.get().copy_for_store(connection)
            }

            /// The store has the copy with this bound now, as that of the same owner.
            #[napi(catch_unwind)]
            pub fn confirm_copy(&mut self, connection: u32, bound: String) {
                self.driver.get().confirm_copy(connection, &bound);
            }

            /// How many connections these are, which were taken out; an error unless all of them are as they should be.
            #[napi(catch_unwind)]
            pub fn count_travellers(&self, travellers: &[u8]) -> Result<u32, CodedError> {
                travel::unpack(travellers).map(|travellers| travellers.len() as u32)
            }

            /// The two Finished messages; null before, and for a restored connection.
            #[napi(catch_unwind)]
            pub fn finished(&self, connection: u32) -> Option<NativeFinished> {
                self.driver.get().finished(connection)
            }

            /// What the hellos have agreed on (RFC 9146); null without connection IDs, and while there is a handshake.
            #[napi(catch_unwind)]
            pub fn connection_ids(&self, connection: u32) -> Option<NativeConnectionIds> {
                self.driver.get().connection_ids(connection)
            }

            /// Our own certificate, DER; null without one, and before the handshake is over.
            #[napi(catch_unwind)]
            pub fn own_certificate(&self, connection: u32) -> Option<Buffer> {
                self.driver.get().own_certificate(connection)
            }

            /// The IP address of ours that the peer has asked; null where there is one alone, and where the system does not tell.
            #[napi(catch_unwind)]
            pub fn local_address(&self, connection: u32) -> Option<String> {
                self.driver.get().local_address(connection)
            }

            /// What its handshake has agreed on beside the suite; null while there is one.
            #[napi(catch_unwind)]
            pub fn algorithms(&self, connection: u32) -> Option<NativeAlgorithms> {
                self.driver.get().algorithms(connection)
            }

            /// Has the application make connection IDs: the registers say when fewer than `low` are left.
            #[napi(catch_unwind)]
            pub fn expect_connection_ids(&mut self, low: u32) {
                self.driver.get().expect_connection_ids(low);
            }

            /// IDs for connections to come, end to end, where the application makes them. Answers how many of them are good.
            #[napi(catch_unwind)]
            pub fn supply_connection_ids(&mut self, ids: &[u8]) -> u32 {
                self.driver.get().supply_connection_ids(ids)
            }

            /// Traces what happens with this peer, until its connection is over.
            #[napi(catch_unwind)]
            pub fn trace_peer(&mut self, address: String, port: u16) -> Result<(), CodedError> {
                self.driver.get().trace_peer(&address, port)
            }

            /// The application knows that the peer receives at its address. Answers whether that was in doubt.
            #[napi(catch_unwind)]
            pub fn confirm_address(&mut self, connection: u32) -> bool {
                self.driver.get().confirm_address(connection)
            }

            /// Whether it has been shown that the peer receives at its address.
            #[napi(catch_unwind)]
            pub fn is_address_confirmed(&self, connection: u32) -> bool {
                self.driver.get().is_address_confirmed(connection)
            }

            /// Whether to say what the keys of handshakes are: events `keylog`.
            #[napi(catch_unwind)]
            pub fn log_keys(&mut self, logs_keys: bool) {
                self.driver.get().log_keys(logs_keys);
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
                self.driver.get().export_keying_material(connection, length, label, context)
            }

            /// What has happened on a connection, as `Layout` describes it; null when there is none.
            #[napi(catch_unwind)]
            pub fn tally(&self, connection: u32) -> Option<Buffer> {
                self.driver.get().tally(connection)
            }

            /// Whether `pollDrop` is to say what is dropped.
            #[napi(catch_unwind)]
            pub fn watch_drops(&mut self, watches: bool) {
                self.driver.get().watch_drops(watches);
            }

            /// The next thing that was dropped.
            #[napi(catch_unwind)]
            pub fn poll_drop(&mut self) -> Option<NativeDrop> {
                self.driver.get().poll_drop()
            }

            /// What has happened, and what is there now.
            #[napi(catch_unwind)]
            pub fn stats(&self) -> NativeStats {
                self.driver.get().stats()
            }
        }
    };
}

pub(super) use endpoint_methods;
