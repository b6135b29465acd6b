//! What JavaScript calls for datagrams, handshakes and payloads: functions, because they take half the time of methods of an
//! object. `lib/transport/native-endpoint.js` makes methods of them.

use super::answer::Value;
use super::error::CodedError;
use super::event::{NativeEvent, NativeTransmit};
use super::numbered::with;
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;

/// Never made: its static methods are all of it. Each takes the number of an endpoint, which stands in its registers.
#[napi]
pub struct Frequent {}

#[napi]
impl Frequent {
    /// Takes one datagram of the UDP socket, and what else has arrived there if `drains`. Answers the payloads end
    /// to end; the registers say whose they are.
    #[napi(catch_unwind)]
    pub fn receive<'env>(
        env: &'env Env,
        number: u32,
        datagram: &[u8],
        address: String,
        port: u16,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        with(number, |driver| driver.receive(env, datagram, &address, port, drains))?
    }

    /// As `receive`, of what has been held, and of what has arrived behind that if `drains`.
    #[napi(catch_unwind)]
    pub fn receive_more<'env>(
        env: &'env Env,
        number: u32,
        drains: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        with(number, |driver| driver.receive_more(env, drains))?
    }

    /// Call when the register of the next timeout is due.
    #[napi(catch_unwind)]
    pub fn handle_timeout(number: u32) -> Result<(), CodedError> {
        with(number, |driver| driver.handle_timeout())
    }

    /// Call when the waker has named this endpoint.
    #[napi(catch_unwind)]
    pub fn handle_jobs(number: u32) -> Result<(), CodedError> {
        with(number, |driver| driver.handle_jobs())
    }

    /// Seals one payload and sends it: answers the length of the datagram. Or answers the datagram, for Node to send
    /// to the connection's peer.
    #[napi(catch_unwind)]
    pub fn send<'env>(
        env: &'env Env,
        number: u32,
        connection: u32,
        payload: &[u8],
    ) -> Result<Either<u32, BufferSlice<'env>>, CodedError> {
        with(number, |driver| driver.send(env, connection, payload))?
    }

    /// Seals and sends so many payloads, which lie end to end. Two numbers for each: its connection, and its end.
    #[napi(catch_unwind)]
    pub fn send_batch(number: u32, payloads: &[u8], entries: &[u32], count: u32) -> Result<(), CodedError> {
        with(number, |driver| driver.send_batch(payloads, entries, count as usize))
    }

    /// The longest payload that a connection can send, in bytes; 0 when there is none.
    #[napi(catch_unwind)]
    pub fn payload_limit(number: u32, connection: u32) -> Result<u32, CodedError> {
        with(number, |driver| driver.payload_limit(connection))
    }

    /// Says goodbye, and ends the connection.
    #[napi(catch_unwind)]
    pub fn close(number: u32, connection: u32) -> Result<(), CodedError> {
        with(number, |driver| driver.close(connection))
    }

    /// Ends the connection without a word to the peer.
    #[napi(catch_unwind)]
    pub fn abort(number: u32, connection: u32) -> Result<(), CodedError> {
        with(number, |driver| driver.abort(connection))
    }

    /// Answers a question, with a value of the kind that it asks for; null when there is none. Answers the connection
    /// that goes on where it restores one, 1 where it has had another effect, and 0 where it has had none.
    #[napi(catch_unwind)]
    pub fn answer(number: u32, question: u32, value: Value<'_>) -> Result<u32, CodedError> {
        with(number, |driver| driver.answer(question, value))?
    }

    /// The next datagram to send.
    #[napi(catch_unwind)]
    pub fn poll_transmit(number: u32) -> Result<Option<NativeTransmit>, CodedError> {
        with(number, |driver| driver.poll_transmit())
    }

    /// The next event that needs an object; null when there is none, or when brief ones come before it: see
    /// `lib/transport/brief.js`.
    #[napi(catch_unwind)]
    pub fn poll_event(number: u32) -> Result<Option<NativeEvent>, CodedError> {
        with(number, |driver| driver.poll_event())
    }
}
