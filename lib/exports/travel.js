'use strict';

// Connections that leave a process and go on in another. An export is one plaintext, sealed in chunks:
//
//   8 bytes: when, ms of Unix time | batch | batch ...
//   batch: 4 bytes: length, connections as the native object has them | 4 bytes: length, what JavaScript knows of each
//
// All that is exported at once leaves at once: between two datagrams, so that none is lost between two processes that have
// one UDP socket after the other. It is sealed later, as fast as it is read.

const process = require('node:process');
const { Readable } = require('node:stream');

const { DtlsError, invalidArgType, messageOf } = require('../errors');
const { exportKey } = require('../options/export-key');
const { callback, checkOptions } = require('../options/validate');
const { PeerWriter, Peers } = require('./peers');
const { CHUNK_LENGTH, Opener, Sealer, damaged } = require('./sealing');

/** Connections in one call of the native object. */
const BATCH = 256;

const KEY = { __proto__: null, key: exportKey };
const IMPORT = { __proto__: null, key: exportKey, claim: callback };

/** @returns {Buffer} a copy of the option `key` */
function keyOf(options) {
  return importOptions(options, KEY).key;
}

/** @returns {{ key: Buffer, claim?: (id: string) => unknown }} `key` is a copy */
function importOptions(options, allowed = IMPORT) {
  const { key, claim } = checkOptions(options, 'options', allowed);
  return { key: key ?? exportKey(undefined, 'options.key'), claim };
}

/**
 * @param {((id: string) => unknown) | undefined} claim the application's, which answers true to the first alone who asks
 * @param {string} id of an export
 * @returns {Promise<boolean>}
 * @throws {DtlsError} when it fails
 */
async function isClaimed(claim, id) {
  if (claim === undefined) return false;
  try {
    return (await claim(id)) === true;
  } catch (cause) {
    const message = `The export was not claimed: ${messageOf(cause)}`;
    throw new DtlsError(message, { code: 'ERR_DTLS_LOOKUP_FAILED', cause });
  }
}

/** @returns {DtlsError} for connections that are good for one life alone */
function unclaimed(count) {
  const message = `${count} exported connections of DTLS 1.3 do not go on here: 'claim' has not answered true, so that somebody else may let them go on, and use their nonces twice`;
  return new DtlsError(message, { code: 'ERR_DTLS_EXPORT_UNCLAIMED' });
}

/**
 * Takes connections out of their endpoint. Those that cannot go on elsewhere stay: see `session.restorable`.
 *
 * @param {import('../transport/endpoint').Endpoint} endpoint
 * @param {object[]} sockets
 * @param {number} [localPort] of a client's own UDP socket
 * @returns {{ plaintext: Buffer[], left: object[] }} what can be sealed, and the sockets whose connections have left
 * @throws what JSON.stringify throws for `socket.data`; then nothing has been taken out
 */
function takeOut(endpoint, sockets, localPort) {
  const open = sockets.filter((socket) => socket.connected);
  const data = open.map((socket) => (socket.data === undefined ? undefined : JSON.stringify(socket.data)));
  const plaintext = [saveTime()];
  const left = [];
  for (let at = 0; at < open.length; at += BATCH) {
    const batch = open.slice(at, at + BATCH);
    const handles = new Uint32Array(batch.length);
    for (let index = 0; index < batch.length; index++) handles[index] = batch[index]._handle;
    const travellers = endpoint.native.takeOut(handles);
    const writer = new PeerWriter();
    const before = left.length;
    let place = 0;
    for (let index = 0; index < batch.length; index++) {
      const length = travellers.readUInt16BE(place);
      place += 2 + length;
      if (length === 0) continue;
      const socket = batch[index];
      left.push(socket);
      writer.write(socket, data[at + index], socket._takeUnread(), localPort);
    }
    const hasStayers = left.length - before < batch.length;
    plaintext.push(...framed(withoutStayers(travellers, hasStayers)), ...framed(writer.bytes));
  }
  return { plaintext, left };
}

/**
 * A copy of one connection that stays.
 *
 * @returns {{ isLater: boolean, plaintext?: Buffer[], bound?: string, before?: string } | null} null when it cannot go on from a
 *   copy; `isLater`: not yet
 */
function copyForStore(endpoint, socket) {
  const copy = endpoint.native.copyForStore(socket._handle);
  if (copy === null) return null;
  const { traveller, bound, before } = copy;
  if (traveller === undefined) return { isLater: true };
  const writer = new PeerWriter();
  writer.write(socket, JSON.stringify(socket.data));
  return { isLater: false, plaintext: [saveTime(), ...framed(traveller), ...framed(writer.bytes)], bound, before };
}

/**
 * What takes the place of a copy in its store when somebody goes on from it.
 *
 * @param {{ stored: Buffer, peers: Peers }} copy
 * @returns {{ plaintext: Buffer[], bound: string }}
 */
function succeed(native, { stored, peers }) {
  const { traveller, bound } = native.succeed(stored.subarray(8));
  return { plaintext: [Buffer.from(stored.subarray(0, 8)), ...framed(traveller), ...framed(peers.toBytes())], bound };
}

function saveTime() {
  const time = Buffer.alloc(8);
  time.writeDoubleBE(Date.now());
  return time;
}

function framed(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

/** Without those of no length, which stand for connections that have stayed. */
function withoutStayers(travellers, hasStayers) {
  if (!hasStayers) return travellers;
  const gone = [];
  for (let at = 0; at < travellers.length; ) {
    const end = at + 2 + travellers.readUInt16BE(at);
    if (end > at + 2) gone.push(travellers.subarray(at, end));
    at = end;
  }
  const together = Buffer.concat(gone);
  travellers.fill(0);
  return together;
}

/** Seals plaintext, chunk by chunk, and wipes it. */
function* sealed(key, plaintext) {
  const sealer = new Sealer(key);
  key.fill(0);
  yield sealer.header;
  const chunk = Buffer.alloc(CHUNK_LENGTH);
  let filled = 0;
  for (const piece of plaintext) {
    for (let at = 0; at < piece.length; ) {
      if (filled === CHUNK_LENGTH) {
        yield sealer.seal(chunk, false);
        filled = 0;
      }
      const taken = piece.copy(chunk, filled, at);
      filled += taken;
      at += taken;
    }
    piece.fill(0);
  }
  yield sealer.seal(chunk.subarray(0, filled), true);
  chunk.fill(0);
}

/** @returns {Buffer} all of it at once */
function sealAtOnce(key, plaintext) {
  return Buffer.concat([...sealed(key, plaintext)]);
}

/** The exported connections of a server, as a stream. They are taken out in the next tick, read or not. */
class ExportStream extends Readable {
  #key;
  #chunks = null;

  /**
   * @param {Buffer} key
   * @param {() => { plaintext: Buffer[], left: object[] }} take what takes them out
   */
  constructor(key, take) {
    super();
    this.#key = key;
    /** How many connections it holds; 0 before they have been taken out. */
    this.connections = 0;
    this._take = take;
  }

  _construct(callback) {
    process.nextTick(() => {
      try {
        const { plaintext, left } = this._take();
        this.connections = left.length;
        this.#chunks = sealed(this.#key, plaintext);
        callback();
      } catch (error) {
        callback(error);
      }
    });
  }

  _read() {
    const { value = null } = this.#chunks.next();
    this.push(value);
  }
}

/**
 * Reads exported connections, all of them or none.
 *
 * @param {Uint8Array | AsyncIterable<Uint8Array>} source
 * @param {Buffer} key
 * @returns {Promise<Arrivals>}
 */
async function openExport(source, key) {
  if (source instanceof Uint8Array) return openAtOnce(source, key);
  if (typeof source?.[Symbol.asyncIterator] !== 'function') {
    throw invalidArgType('source', 'an instance of Buffer, Uint8Array or Readable', source);
  }
  const opener = new Opener(key);
  const plaintext = [];
  for await (const bytes of source) {
    if (!(bytes instanceof Uint8Array)) throw invalidArgType('chunk', 'an instance of Buffer or Uint8Array', bytes);
    plaintext.push(...opener.open(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  }
  opener.end();
  return new Arrivals(plaintext, opener.id);
}

/** The same of bytes that are there. */
function openAtOnce(source, key) {
  const opener = new Opener(key);
  const plaintext = opener.open(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
  opener.end();
  return new Arrivals(plaintext, opener.id);
}

/** Connections that may come in. */
class Arrivals {
  /**
   * @param {Buffer[]} pieces authentic and complete
   * @param {string} [id] of the export
   */
  constructor(pieces, id) {
    /** Which no other export has. */
    this.id = id;
    const bytes = Buffer.concat(pieces);
    for (const piece of pieces) piece.fill(0);
    if (bytes.length < 8) throw damaged('they have no time');
    /** When they were exported: ms, Unix time. */
    this.savedAt = bytes.readDoubleBE(0);
    /** Each with `travellers`, which is for the native object, and as many `peers`. */
    this.batches = [];
    const next = (at) => {
      if (bytes.length - at < 4) throw damaged('a batch has no length');
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) throw damaged('a batch is cut');
      return bytes.subarray(at + 4, end);
    };
    for (let at = 8; at < bytes.length; ) {
      const travellers = next(at);
      const peers = next(at + 4 + travellers.length);
      at += 8 + travellers.length + peers.length;
      // What is known of peers outlives the keys.
      this.batches.push({ travellers, peers: new Peers(Buffer.from(peers)) });
    }
    this._bytes = bytes;
  }

  /** @throws {DtlsError} unless every connection is what it should be */
  check(native) {
    for (const { travellers, peers } of this.batches) {
      if (countTravellers(native, travellers) !== peers.length) throw damaged('a batch has too few connections');
    }
  }

  /** The connections of a batch as an answer to the native object's question for one: behind the time at which they were saved. */
  stored(batch) {
    return Buffer.concat([this._bytes.subarray(0, 8), this.batches[batch].travellers]);
  }

  /** They hold keys. */
  wipe() {
    this._bytes.fill(0);
  }
}

function countTravellers(native, travellers) {
  try {
    return native.countTravellers(travellers);
  } catch (error) {
    throw damaged(error.message);
  }
}

module.exports = {
  Arrivals,
  ExportStream,
  copyForStore,
  importOptions,
  isClaimed,
  keyOf,
  openAtOnce,
  openExport,
  sealAtOnce,
  succeed,
  takeOut,
  unclaimed,
};
