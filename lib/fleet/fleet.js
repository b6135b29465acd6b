'use strict';

// A server as a node of a fleet. Each of its connections is in the store, sealed: written when it begins and when something
// about it changes, and not with each message. It is there under its ID, if its peer's records have one, or else under the address
// of its peer. A record that no connection here can read leads to a look-up there. What
// the store has is believed only if that record is authentic under it. Then the connection is claimed, which one node alone
// can do, and goes on here. A former owner that lives hands over exactly what it has, and lets go.
//
// Without the store everything goes on but take-overs. What could not be written is written when the store is back.
//
// Where two owners of a connection could use one nonce twice, a copy says how far the record numbers of its owner reach, and
// the owner goes on beyond that when the store has confirmed another copy. Whoever takes over writes its own copy in the same
// moment. See docs/security.md.

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { messageOf } = require('../errors');
const { Arrivals, copyForStore, succeed, takeOut } = require('../exports/travel');
const { addressKey } = require('../transport/addresses');
const { Gate } = require('./gate');

/** Milliseconds that a former owner has to let go, if it listens. */
const PATIENCE = 200;

/** Milliseconds between two looks at what is to be written. */
const TICK = 100;

/** Connections that are written in one tick, at most: to write one takes as long as to answer ten messages. */
const WRITES = 32;

/** The same while as many peers as can are looked up: they come first, but nobody can hold up what is to be written for ever. */
const WRITES_BESIDE_LOOKUPS = 4;

/** Look-ups at a time. When a thousand peers of a dead node come at once, each would wait for all others, and time out. */
const LOOKUPS = 32;

/** How often a copy may change while it is being claimed. */
const ATTEMPTS = 3;

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
    /** name -> socket */
    this._byName = new Map();
    this._lookups = new Gate(LOOKUPS);
    /** Sockets that have changed since they were written, and can wait for their turn: peers have moved, or they were taken over. */
    this._changed = new Set();
    /** name -> what to call when its former owner has let go */
    this._waiting = new Map();
    this._timer = null;
    this._isAway = false;
    this._hasWarned = false;
    // What a connection is that is about to begin, when it has been claimed.
    this._found = null;
    /** What has happened; see `server.fleetStats`. */
    this.stats = { writes: 0, lookups: 0, takeovers: 0, released: 0, lost: 0, unstored: 0, failures: 0 };
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
    this._byName.clear();
    this._changed.clear();
    this._attempt(this._store.close());
  }

  // What happens to connections

  onSecure(socket) {
    const found = this._found;
    const entry = {
      name: nameOf(socket),
      association: found?.association ?? null,
      generation: found?.generation ?? null,
      due: 0,
      // Whether a copy may have left this process.
      isWritten: false,
      isBusy: false,
      // Whether something has changed while it was written.
      isOutdated: false,
      isEnded: false,
      isRemoved: false,
    };
    this._found = null;
    this._owned.set(socket, entry);
    this._byName.set(entry.name, socket);
    if (found !== null) {
      // The store has it. Those that are to be taken over come first.
      this._changed.add(socket);
      entry.due = performance.now() + this._refresh;
      return;
    }
    // Behind the listeners, which may have something to say in `socket.data`.
    process.nextTick(() => {
      if (!entry.isEnded) this._write(socket, entry);
    });
  }

  onMoved(socket) {
    const old = this._owned.get(socket);
    if (old === undefined) return;
    if (nameOf(socket) === old.name) {
      // It is found as before. What is written can wait until it is sure that its peer has moved.
      this._changed.add(socket);
      return;
    }
    this._forget(socket, old);
    this._remove(old);
    this.onSecure(socket);
  }

  /** The store needs another copy: record numbers come to an end, or keys have changed. */
  onCopyDue(socket) {
    const entry = this._owned.get(socket);
    if (entry === undefined) return;
    entry.isOutdated = true;
    this._write(socket, entry);
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
    this._changed.delete(socket);
    if (this._byName.get(entry.name) === socket) this._byName.delete(entry.name);
  }

  // Connections of other nodes

  /**
   * The connection whose peer has sent something.
   *
   * @param {{ question: number, address: string, port: number, ownId?: Buffer }} event
   * @returns {Promise<object | null>} null when the store knows nothing that what has been sent proves
   */
  find(event) {
    // Without the store nobody is found, and nobody has to wait for that.
    return this._isAway ? this._find(event) : this._lookups.pass(() => this._find(event));
  }

  async _find(event) {
    const name = nameFor(event.ownId, event);
    this.stats.lookups++;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const sealed = await this._answer(this._store.peek(name));
      if (sealed === null) return null;
      const copy = this._read(sealed, name);
      // Anybody can send something from any address. Nobody loses a connection by that.
      if (copy === null || !this._server._endpoint.native.proves(event.question, copy.stored)) return null;
      const successor = this._succeed(copy);
      if (successor === null) return null;
      const claimed = await this._claim(name, sealed, successor);
      if (claimed === 'changed') continue;
      if (claimed === null) return null;
      const found = claimed.sealed === sealed ? copy : this._read(claimed.sealed, name);
      return found?.association === copy.association ? { ...found, generation: claimed.generation } : null;
    }
    return null;
  }

  /** @returns {{ sealed: string, bound: string } | undefined | null} what takes the place of a copy with a bound; null if nothing can */
  _succeed(copy) {
    if (copy.bound === undefined) return undefined;
    try {
      const { plaintext, bound } = succeed(this._server._endpoint.native, copy);
      return { sealed: this._store.seal(copy.name, plaintext), bound };
    } catch (error) {
      this._warn('A connection in the store cannot go on any more', error, error.code);
      return null;
    }
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
  giveBack({ name, association, generation }) {
    const release = { generation, association, sealed: '', timeout: this._timeout, to: this._store.node };
    this._attempt(this._store.release(name, release));
  }

  /** @returns {Promise<{ generation: string, sealed: string } | 'changed' | null>} null if it is gone */
  async _claim(name, known, successor) {
    const how = { sealed: known, successor, timeout: this._timeout };
    const claim = (isForced) => this._answer(this._store.claim(name, { ...how, isForced }));
    // Its former owner may let go before we hear that it has been asked.
    const released = new Promise((resolve) => this._waiting.set(name, resolve));
    try {
      let answer = await claim(false);
      if (answer[0] === 'asked') {
        const handed = await Promise.race([released, sleep(PATIENCE, null)]);
        // What was handed over before is in use already, if it comes late, or twice.
        if (handed?.generation === answer[1]) return handed;
        answer = await claim(true);
      }
      const [word, generation, sealed] = answer;
      if (word === 'changed') return word;
      return word === 'taken' ? { generation, sealed } : null;
    } finally {
      this._waiting.delete(name);
    }
  }

  /** @returns {object | null} null for what is not the connection of this name */
  _read(sealed, name) {
    const { native } = this._server._endpoint;
    try {
      const arrivals = new Arrivals([this._store.open(name, sealed)]);
      const [{ travellers, peers }] = arrivals.batches;
      const { association, bound, ciphersuite, connectionId, ...remote } = native.readTraveller(travellers);
      const stored = arrivals.stored(0);
      arrivals.wipe();
      if (nameFor(connectionId, remote) !== name) throw new Error('It is another connection');
      return { name, association: association.toString('hex'), bound, ciphersuite, stored, peers, peer: peers.at(0) };
    } catch (error) {
      this._warn('What the store of connections has cannot be used', error, error.code);
      return null;
    }
  }

  // What other nodes say

  _onMessage(word, generation, node, name, sealed) {
    if (word === 'released') {
      // Without its state it is nobody's, or has been lost.
      this._waiting.get(name)?.(generation === '0' ? null : { generation, sealed });
      return;
    }
    const socket = this._byName.get(name);
    const entry = this._owned.get(socket);
    if (word === 'lost') {
      if (entry?.generation === generation) this._letGo(socket, entry);
    } else if (word === 'release') {
      this._release(name, socket, entry, generation, node);
    }
  }

  /** Another node has heard the peer. It gets exactly what there is here. */
  _release(name, socket, entry, generation, node) {
    const isOurs = entry !== undefined && entry.generation === generation;
    const left = isOurs ? this._letGo(socket, entry) : { sealed: '' };
    const association = entry?.association ?? '';
    const release = { ...left, generation, association, timeout: this._timeout, to: node };
    if (isOurs) this.stats.released++;
    this._attempt(this._store.release(name, release));
  }

  /** @returns {{ sealed: string, bound?: string }} the connection as it is, if it can go on elsewhere so; it is no longer here */
  _letGo(socket, entry) {
    this._forget(socket, entry);
    const gone = { sealed: '' };
    const handle = socket._handle;
    try {
      const { plaintext, left } = takeOut(socket._endpoint, [socket]);
      if (left.length > 0) {
        gone.bound = this._readTraveller(plaintext).bound;
        gone.sealed = this._store.seal(entry.name, plaintext);
      }
    } catch (error) {
      this._warn('The data of a socket', error);
    }
    if (!socket.connected) return gone;
    socket._goElsewhere();
    socket.destroy();
    // It is somebody else's, whatever it has under way.
    if (gone.sealed === '') this._server._endpoint.close(handle, false);
    return gone;
  }

  // What is written

  async _write(socket, entry) {
    if (entry.isBusy) return;
    // Nobody can have what has never left.
    const copy = this._store.isReady ? this._copy(socket, entry) : { isLater: true };
    if (copy === null) {
      // It cannot go on elsewhere.
      this._forget(socket, entry);
      return;
    }
    entry.isBusy = true;
    entry.isOutdated = false;
    const answer = copy.isLater ? await this._later() : await this._attempt(this._put(entry, copy));
    entry.isBusy = false;
    if (entry.isEnded) {
      // It has ended while it was written.
      if (entry.isRemoved) this._remove(entry);
    } else if (answer === 'lost') {
      this.stats.lost++;
      this._letGo(socket, entry);
    } else if (answer === 'forgotten') {
      // It goes on here, and nowhere else.
      this.stats.unstored++;
      this._forget(socket, entry);
    } else {
      this._onWritten(socket, entry, answer === 'written', copy.bound);
    }
  }

  _onWritten(socket, entry, isWritten, bound) {
    if (isWritten && bound !== undefined) {
      this._server._endpoint.native.confirmCopy(socket._handle, bound);
      socket._lacksNumbers = false;
    }
    entry.due = performance.now() + (isWritten ? this._refresh : 0);
    // Behind those that are due before it.
    this._owned.delete(socket);
    this._owned.set(socket, entry);
    if (isWritten && entry.isOutdated) this._write(socket, entry);
  }

  /** There is no copy yet. If that is because the store is away, it is to be known. */
  async _later() {
    if (!this._store.isReady) await this._attempt(this._store.peek(''));
    return null;
  }

  async _put(entry, { sealed, bound, before }) {
    const { name, association, generation } = entry;
    const state = { generation, association, sealed, bound, timeout: this._timeout };
    if (generation !== null) return this._store.update(name, state);
    const isFirst = before === undefined && !entry.isWritten;
    entry.isWritten = true;
    entry.generation = await this._store.put(name, { ...state, before, isFirst });
    return entry.generation === null ? 'forgotten' : 'written';
  }

  /** @returns {{ isLater: boolean, sealed?: string, bound?: string, before?: string } | null} null when there can be no copy */
  _copy(socket, entry) {
    try {
      const copy = copyForStore(socket._endpoint, socket);
      if (copy === null || copy.isLater) return copy;
      const { plaintext, bound, before } = copy;
      entry.association ??= this._readTraveller(plaintext).association.toString('hex');
      return { isLater: false, sealed: this._store.seal(entry.name, plaintext), bound, before };
    } catch (error) {
      this._warn('The data of a socket', error);
      return null;
    }
  }

  /** The second of the pieces behind the time is for the native object. */
  _readTraveller([, , traveller]) {
    return this._server._endpoint.native.readTraveller(traveller);
  }

  _remove(entry) {
    entry.isRemoved = true;
    if (entry.generation !== null) this._attempt(this._store.remove(entry.name, entry));
  }

  /** Writes what is due. */
  _tick() {
    const now = performance.now();
    const limit = Math.max(WRITES_BESIDE_LOOKUPS, WRITES - this._lookups.busy);
    let count = 0;
    for (const socket of this._changed) {
      const entry = this._owned.get(socket);
      if (entry.isBusy || !socket.addressConfirmed) continue;
      if (++count > limit) return;
      this._changed.delete(socket);
      this._write(socket, entry);
    }
    for (const [socket, entry] of this._owned) {
      if ((entry.due > now && !this._isAway) || ++count > limit) break;
      if (!entry.isBusy && entry.due <= now) this._write(socket, entry);
    }
  }

  // The store may be away

  /** @returns {Promise<unknown>} what the store answers; null when it does not answer */
  async _attempt(promise) {
    try {
      const answer = await this._answer(promise);
      this.stats.writes++;
      return answer;
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

/** What the store has a connection under. */
function nameOf({ connectionId, remoteAddress: address, remotePort: port }) {
  return nameFor(connectionId, { address, port });
}

/** @param {Buffer} [id] that its records have; none, or of no bytes, where they have none */
function nameFor(id, remote) {
  return id?.length > 0 ? `id:${id.toString('hex')}` : addressKey(remote);
}

module.exports = { Fleet };
