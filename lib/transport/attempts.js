'use strict';

// From the addresses of a name to the one that answers. Handshakes begin at one address after the other, as RFC 8305 has
// it for TCP: at the next when one is refused, or has been silent for a moment. The first that answers in DTLS has the
// connection, and the others are given up.
//
// Anybody can forge ICMP. It counts before the server has answered only, and only when it says the same again.

const net = require('node:net');

const { unreachable } = require('../errors');
const { Attempt } = require('./attempt');

/** Milliseconds until the next address has its turn beside one that is silent (RFC 8305 section 5). */
const ATTEMPT_DELAY = 250;

/** Milliseconds until an address that has been refused is tried again, each time. */
const RETRY_DELAYS = [100, 400];

/** How many addresses of one name are tried. */
const ADDRESS_LIMIT = 8;

/** What ICMP, or a look at the routes, says about a peer. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Errors of a system that has no room for a datagram now. */
const WITHOUT_ROOM = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM']);

class Attempts {
  /**
   * @param {object} client with _onBound(udp), _onAnswered(attempt), _onUdpClose(), and destroy(error)
   * @param {{ endpoint: object, makeEndpoint: () => object, open: (attempt: Attempt) => void }} means the endpoint of the
   *   first attempt, and how to make others
   */
  constructor(client, { endpoint, makeEndpoint, open }) {
    this.client = client;
    this._spare = endpoint;
    this._makeEndpoint = makeEndpoint;
    this._open = open;
    this._port = 0;
    /** Addresses that have not had their turn. */
    this._waiting = [];
    /** @type {Attempt[]} */
    this._running = [];
    this._timers = [];
    this._hasAnswer = false;
  }

  /** @param {string[]} addresses each in its one form, best first */
  begin(addresses, port) {
    this._port = port;
    this._waiting = addresses.length === 1 ? addresses : alternate([...new Set(addresses)]);
    this._beginNext();
  }

  setReferenced(isReferenced) {
    for (const attempt of this._running) attempt.setReferenced(isReferenced);
  }

  /** From now on the keys of handshakes are told. */
  logKeys() {
    this._spare?.logKeys(true);
    for (const { endpoint } of this._running) endpoint.logKeys(true);
  }

  /** The client is over. */
  close() {
    this._stop();
    for (const attempt of this._running) {
      if (this._hasAnswer) attempt.close();
      else attempt.abandon();
    }
    this._running.length = 0;
  }

  _beginNext() {
    if (this._waiting.length === 0) return;
    const address = this._waiting.shift();
    const endpoint = this._spare ?? this._makeEndpoint();
    this._spare = null;
    const attempt = new Attempt(this, endpoint, { address, port: this._port });
    this._running.push(attempt);
    this._open(attempt);
    if (this._waiting.length === 0) return;
    this._after(ATTEMPT_DELAY, () => {
      if (this._running.includes(attempt) && attempt.refusals === 0) this._beginNext();
    });
  }

  // What an attempt reports

  bound(attempt) {
    this.client._onBound(attempt);
  }

  answered(attempt) {
    this._hasAnswer = true;
    this._stop();
    for (const other of this._running) if (other !== attempt) other.abandon();
    this._running = [attempt];
    this.client._onAnswered(attempt);
  }

  failed(attempt, error) {
    const isRefusal = UNREACHABLE.has(error.code);
    if (this._hasAnswer) {
      if (!isRefusal) this.client.destroy(error);
      return;
    }
    if (isRefusal) {
      // The next address has its turn at once, but one at a time.
      if (attempt.refusals === 0) this._beginNext();
      const delay = RETRY_DELAYS[attempt.refusals++];
      if (delay !== undefined) {
        this._after(delay, () => {
          if (this._running.includes(attempt)) attempt.retry();
        });
        return;
      }
    }
    this._abandon(attempt);
    if (!isRefusal) this._beginNext();
    if (this._running.length === 0) this.client.destroy(isRefusal ? unreachable(error, attempt) : error);
  }

  /** Somebody else has closed its UDP socket. */
  closed(attempt) {
    if (this._running.length === 1) this.client._onUdpClose();
    else this._abandon(attempt);
  }

  /** An attempt's endpoint could not send. A datagram that found no room is lost, and so is any once the server has answered. */
  sendFailed(endpoint, error) {
    if (this._hasAnswer || WITHOUT_ROOM.has(error.code)) return;
    const attempt = this._running.find((running) => running.endpoint === endpoint);
    if (attempt !== undefined) this.failed(attempt, error);
  }

  _abandon(attempt) {
    this._running = this._running.filter((other) => other !== attempt);
    attempt.abandon();
  }

  /** No timer keeps the process alive: UDP sockets do that, as long as the client wants it. */
  _after(delay, act) {
    this._timers.push(setTimeout(act, delay).unref());
  }

  /** No other address has its turn, and what that took (keys among it) is forgotten. */
  _stop() {
    for (const timer of this._timers) clearTimeout(timer);
    this._timers.length = 0;
    this._waiting.length = 0;
    this._makeEndpoint = null;
    this._open = null;
  }
}

/** IPv6 and IPv4 in turns, beginning with the family of the first (RFC 8305 section 4). */
function alternate(addresses) {
  const family = net.isIP(addresses[0]);
  const first = addresses.filter((address) => net.isIP(address) === family);
  const second = addresses.filter((address) => net.isIP(address) !== family);
  const inTurns = first.flatMap((address, index) => (index < second.length ? [address, second[index]] : [address]));
  return [...inTurns, ...second.slice(first.length)].slice(0, ADDRESS_LIMIT);
}

module.exports = { Attempts };
