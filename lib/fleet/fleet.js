'use strict';

// A server as a node of a fleet. Each of its connections is in the store, sealed: written when it begins and when something
// about it changes, and not with each message. A record from an address without a connection leads to a look-up there. What
// the store has is believed only if that record is authentic under it. Then the connection is claimed, which one node alone
// can do, and goes on here. A former owner that lives hands over exactly what it has, and lets go.
//
// Without the store everything goes on but take-overs. What could not be written is written when the store is back.

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { messageOf } = require('../errors');
const { Arrivals, copyOf, takeOut } = require('../exports/travel');
const { addressKey } = require('../transport/addresses');

/** Milliseconds that a former owner has to let go, if it listens. */
const PATIENCE = 200;

/** Milliseconds between two looks at what is to be written. */
const TICK = 1000;

/** Connections that are written in one tick, at most. */
const WRITES = 512;

/** Milliseconds after which a connection is written again, so that the store does not forget it. */
const REFRESH = 600_000;

/** Milliseconds for which the store keeps a connection of a server without `idleTimeout`: 30 days. */
const LONGEST = 30 * 86_400_000;

class Fleet {
  /**
   * @param {object} server
   * @param {import('./redis-store').RedisStore} store
   * @param {number} idleTimeout ms, 0 for none
   */
  constructor(server, store, idleTimeout) {
    this._server = server;
    this._store = store.another();
    this._timeout = idleTimeout === 0 ? LONGEST : idleTimeout;
    this._refresh = Math.min(REFRESH, Math.ceil(this._timeout / 3));
    /** socket -> what the store has of its connection; those that are due first come first */
    this._owned = new Map();
    /** 'address:port' -> socket */
    this._byAddress = new Map();
    /** 'address:port' -> what to call when its former owner has let go */
    this._waiting = new Map();
    this._timer = null;
    this._isAway = false;
    this._hasWarned = false;
    // What a connection is that is about to begin, when it has been claimed.
    this._found = null;
    /** What has happened; see `server.fleetStats`. */
    this.stats = { writes: 0, lookups: 0, takeovers: 0, released: 0, lost: 0, failures: 0 };
  }

  open() {
    this._timer = setInterval(() => this._tick(), TICK);
    this._timer.unref();
    const heard = (...message) => this._onMessage(...message);
    this._attempt(this._store.listen(heard));
  }

  close() {
    clearInterval(this._timer);
    this._owned.clear();
    this._byAddress.clear();
    this._attempt(this._store.close());
  }

  // What happens to connections

  onSecure(socket) {
    const entry = {
      address: addressOf(socket),
      association: null,
      generation: this._found?.generation ?? null,
      due: 0,
      isBusy: false,
      isEnded: false,
      isRemoved: false,
    };
    this._found = null;
    this._owned.set(socket, entry);
    this._byAddress.set(entry.address, socket);
    // Behind the listeners, which may have something to say in `socket.data`.
    process.nextTick(() => {
      if (!entry.isEnded) this._write(socket, entry);
    });
  }

  onMoved(socket) {
    const old = this._owned.get(socket);
    if (old === undefined) return;
    this._forget(socket, old);
    this._remove(old);
    this.onSecure(socket);
  }

  /** @param {boolean} goesOn whether the connection may go on elsewhere */
  onClosed(socket, goesOn) {
    const entry = this._owned.get(socket);
    if (entry === undefined) return;
    this._forget(socket, entry);
    if (!goesOn) this._remove(entry);
  }

  _forget(socket, entry) {
    entry.isEnded = true;
    this._owned.delete(socket);
    if (this._byAddress.get(entry.address) === socket) this._byAddress.delete(entry.address);
  }

  // Connections of other nodes

  /**
   * The connection of an address that has sent something.
   *
   * @param {{ question: number, address: string, port: number }} event
   * @returns {Promise<object | null>} null when the store knows nothing that what has been sent proves
   */
  async find(event) {
    const address = addressKey(event);
    this.stats.lookups++;
    const sealed = await this._answer(this._store.peek(address));
    if (sealed === null) return null;
    const copy = this._read(sealed, address);
    // Anybody can send something from any address. Nobody loses a connection by that.
    if (copy === null || !this._server._endpoint.native.proves(event.question, copy.saved)) return null;
    const claimed = await this._claim(address);
    if (claimed === null) return null;
    const [, generation, , latest] = claimed;
    const found = latest === sealed ? copy : this._read(latest, address);
    if (found === null) return null;
    return { ...found, generation };
  }

  /** What was found goes on: `act` announces it. */
  goOn(found, act) {
    this.stats.takeovers++;
    this._found = found;
    try {
      act();
    } finally {
      this._found = null;
    }
  }

  /** What was found cannot go on here. The next record decides anew. */
  giveBack({ address, association, generation }) {
    const release = { generation, association, sealed: '', timeout: this._timeout, to: this._store.node };
    this._attempt(this._store.release(address, release));
  }

  /** @returns {Promise<string[] | null>} generation, association and sealed state behind the first; null if it is gone */
  async _claim(address) {
    const claim = (isForced) => this._answer(this._store.claim(address, { isForced, timeout: this._timeout }));
    // Its former owner may let go before we hear that it has been asked.
    const released = new Promise((resolve) => this._waiting.set(address, resolve));
    try {
      let answer = await claim(false);
      if (answer[0] === 'asked') {
        await Promise.race([released, sleep(PATIENCE)]);
        answer = await claim(true);
      }
      return answer[0] === 'taken' ? answer : null;
    } finally {
      this._waiting.delete(address);
    }
  }

  /** @returns {object | null} null for what is not this address's connection */
  _read(sealed, address) {
    const { native } = this._server._endpoint;
    try {
      const arrivals = new Arrivals([this._store.open(sealed)]);
      const [{ travellers, peers }] = arrivals.batches;
      const traveller = native.readTraveller(travellers, arrivals.savedAt);
      arrivals.wipe();
      if (addressKey(traveller) !== address) throw new Error('It is the connection of another address');
      const association = traveller.association.toString('hex');
      return { address, association, saved: traveller.saved, peer: peers[0] };
    } catch (error) {
      this._warn('What the store of connections has cannot be used', error, error.code);
      return null;
    }
  }

  // What other nodes say

  _onMessage(word, generation, node, address) {
    if (word === 'released') {
      this._waiting.get(address)?.();
      return;
    }
    const socket = this._byAddress.get(address);
    const entry = this._owned.get(socket);
    if (word === 'lost') {
      if (entry?.generation === generation) this._letGo(socket, entry);
    } else if (word === 'release') {
      this._release(address, socket, entry, generation, node);
    }
  }

  /** Another node has heard the peer. It gets exactly what there is here. */
  _release(address, socket, entry, generation, node) {
    const isOurs = entry !== undefined && entry.generation === generation;
    const sealed = isOurs ? this._letGo(socket, entry) : '';
    const association = entry?.association ?? '';
    const release = { generation, association, sealed, timeout: this._timeout, to: node };
    if (isOurs) this.stats.released++;
    this._attempt(this._store.release(address, release));
  }

  /** @returns {string} the connection as it is, sealed; it is no longer here */
  _letGo(socket, entry) {
    this._forget(socket, entry);
    let sealed = '';
    try {
      const { plaintext, left } = takeOut(socket._endpoint, [socket]);
      if (left.length > 0) sealed = this._store.seal(plaintext);
    } catch (error) {
      this._warn('The data of a socket', error);
    }
    if (!socket.connected) return sealed;
    socket._goElsewhere();
    socket.destroy();
    return sealed;
  }

  // What is written

  async _write(socket, entry) {
    if (entry.isBusy) return;
    const sealed = this._sealedCopy(socket, entry);
    if (sealed === null) {
      // It cannot go on elsewhere.
      this._forget(socket, entry);
      return;
    }
    entry.isBusy = true;
    const isOurs = await this._attempt(this._put(entry, sealed));
    entry.isBusy = false;
    if (entry.isEnded) {
      // It has ended while it was written.
      if (entry.isRemoved) this._remove(entry);
    } else if (isOurs === false) {
      this.stats.lost++;
      this._letGo(socket, entry);
    } else {
      entry.due = Date.now() + (isOurs === null ? 0 : this._refresh);
      // Behind those that are due before it.
      this._owned.delete(socket);
      this._owned.set(socket, entry);
    }
  }

  async _put(entry, sealed) {
    const { address, association, generation } = entry;
    const state = { generation, association, sealed, timeout: this._timeout };
    if (generation !== null) return this._store.update(address, state);
    entry.generation = await this._store.put(address, state);
    return true;
  }

  _sealedCopy(socket, entry) {
    try {
      const plaintext = copyOf(socket._endpoint, socket);
      if (plaintext === null) return null;
      entry.association ??= this._associationOf(plaintext);
      return this._store.seal(plaintext);
    } catch (error) {
      this._warn('The data of a socket', error);
      return null;
    }
  }

  /** The second of the pieces behind the time is for the native object. */
  _associationOf([, , traveller]) {
    return this._server._endpoint.native.readTraveller(traveller, 0).association.toString('hex');
  }

  _remove(entry) {
    entry.isRemoved = true;
    if (entry.generation !== null) this._attempt(this._store.remove(entry.address, entry));
  }

  /** Writes what is due. */
  _tick() {
    const now = Date.now();
    let count = 0;
    for (const [socket, entry] of this._owned) {
      if ((entry.due > now && !this._isAway) || ++count > WRITES) break;
      if (!entry.isBusy && entry.due <= now) this._write(socket, entry);
    }
  }

  // The store may be away

  /** @returns {Promise<unknown>} what the store answers; null when it does not */
  async _attempt(promise) {
    try {
      const answer = await this._answer(promise);
      this.stats.writes++;
      return answer === undefined ? true : answer;
    } catch {
      return null;
    }
  }

  async _answer(promise) {
    try {
      const answer = await promise;
      if (this._isAway) this._onBack();
      return answer;
    } catch (error) {
      this.stats.failures++;
      this._isAway = true;
      this._warn('The store of connections does not answer', error, 'ERR_DTLS_STORE_UNAVAILABLE');
      throw error;
    }
  }

  /** While it was away, others may have taken what is here. */
  _onBack() {
    this._isAway = false;
    this._hasWarned = false;
    for (const entry of this._owned.values()) entry.due = 0;
  }

  _warn(what, error, code = 'ERR_DTLS_LOOKUP_FAILED') {
    if (this._hasWarned) return;
    this._hasWarned = true;
    process.emitWarning(`${what}: ${messageOf(error)}`, { type: 'DtlsWarning', code });
  }
}

function addressOf({ remoteAddress: address, remotePort: port }) {
  return addressKey({ address, port });
}

module.exports = { Fleet };
