'use strict';

// A new process takes the UDP socket and the connections of an old one over, through a Unix socket at a path that both know.
// The one that serves listens there; its successor connects. Both prove that they have the key:
//
//   old -> new   "mbed-dtls handover 1", 32 random bytes
//   new -> old   32 random bytes, HMAC over all of it, the path of an inbox for one descriptor
//   old -> new   HMAC over all of it; and the descriptor of the UDP socket, to the inbox, with another one
//   new -> old   one byte: it has the descriptor
//   old -> new   the export, under a key of its own
//
// As long as that byte has not come, the old process serves as before. What arrives after it waits in the UDP socket. The old server
// is closed when everything has left its process.

const { createHmac, hkdfSync, randomBytes, timingSafeEqual } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const process = require('node:process');
const { pipeline } = require('node:stream/promises');

const { DtlsError, messageOf } = require('../errors');
const native = require('../native');
const { exportServer } = require('./departure');

const GREETING = Buffer.from('mbed-dtls handover 1');
const RANDOM = 32;
const PROOF = 32;
const READY = Buffer.of(1);

/** A path of an inbox is as long as a Unix socket's can be. */
const PATH_LENGTH = 108;

/** Milliseconds until a process that does not answer counts as dead. */
const PATIENCE = 5000;

/** A successor that reads nothing for so many milliseconds counts as dead, and the connections are lost. */
const LONG_PATIENCE = 60_000;

/** What the system says where nobody serves at a path: nobody ever has, or nobody does any more. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED']);

/** The successor's side of a handover. */
class Succession {
  /** @param {{ path: string, key: Buffer }} where */
  constructor({ path, key }) {
    this._path = path;
    this._key = key;
    this._inboxPath = `${path}.${randomBytes(4).toString('hex')}`;
  }

  /**
   * @returns {Promise<{ fd: number, source: AsyncIterable<Buffer>, key: Buffer } | null>} the UDP socket, and what can be
   *   imported; null when nobody serves there
   */
  async begin() {
    const stream = await this._connect();
    if (stream === null) return null;
    try {
      return await this._takeOver(stream);
    } catch (error) {
      stream.destroy();
      if (error instanceof DtlsError) throw error;
      throw refused(messageOf(error), error);
    } finally {
      fs.rmSync(this._inboxPath, { force: true });
    }
  }

  _connect() {
    return new Promise((resolve, reject) => {
      const stream = net.connect({ path: this._path });
      stream.once('connect', () => resolve(stream));
      stream.once('error', (error) => (NOBODY.has(error.code) ? resolve(null) : reject(error)));
    });
  }

  async _takeOver(stream) {
    const greeting = await read(stream, GREETING.length + RANDOM);
    if (!greeting.subarray(0, GREETING.length).equals(GREETING))
      throw refused('the process there speaks another version');
    const inbox = new native.DescriptorInbox(this._inboxPath);
    const secrets = new Secrets(this._key, greeting.subarray(GREETING.length), randomBytes(RANDOM));
    const name = Buffer.from(this._inboxPath);
    stream.write(Buffer.concat([secrets.random, secrets.proof('successor', name), Buffer.of(name.length), name]));
    const proof = await read(stream, PROOF);
    if (!timingSafeEqual(proof, secrets.proof('predecessor'))) throw refused('the process there has another key');
    const fd = inbox.receive(secrets.proof('descriptor'));
    if (fd === null) throw refused('the UDP socket has not come');
    stream.write(READY);
    return { fd, source: stream, key: secrets.exportKey() };
  }
}

/** The predecessor's side: waits for a successor. */
class Offer {
  /**
   * @param {object} server with _udp, and what exportServer() needs
   * @param {{ path: string, key: Buffer }} where
   */
  constructor(server, { path, key }) {
    this._server = server;
    this._path = path;
    this._key = key;
    this._listener = net.createServer((stream) => this._onSuccessor(stream));
    this._listener.unref();
    this._listener.on('error', (error) => this._warn(error));
    // Whether connections are on their way to the successor, and who waits for that.
    this._isLeaving = false;
    this._whenLeft = null;
  }

  open() {
    // Whoever has left this behind does not answer: the one that serves here has looked for it.
    fs.rmSync(this._path, { force: true });
    this._listener.listen({ path: this._path }, () => {
      try {
        fs.chmodSync(this._path, 0o600);
      } catch {
        // Somebody has removed it. The key is what protects it.
      }
    });
  }

  /** Nobody can take over any more. */
  close() {
    if (this._listener.listening) this._listener.close();
  }

  /**
   * A listener of 'close' may end the process, and what has not left it by then would be lost.
   *
   * @param {() => void} callback for when everything has left, or the successor has died
   * @returns {boolean} false when there is nothing to wait for
   */
  delays(callback) {
    if (this._isLeaving) this._whenLeft = callback;
    return this._isLeaving;
  }

  async _onSuccessor(stream) {
    stream.on('error', () => {});
    stream.unref();
    try {
      await this._handOver(stream);
    } catch (error) {
      stream.destroy();
      this._warn(error);
    }
  }

  async _handOver(stream) {
    const random = randomBytes(RANDOM);
    stream.write(Buffer.concat([GREETING, random]));
    const answer = await read(stream, RANDOM + PROOF + 1);
    const length = answer[RANDOM + PROOF];
    if (length > PATH_LENGTH) throw refused('a process has asked for it in another way');
    const name = await read(stream, length);
    const secrets = new Secrets(this._key, random, answer.subarray(0, RANDOM));
    if (!timingSafeEqual(answer.subarray(RANDOM, RANDOM + PROOF), secrets.proof('successor', name))) {
      throw refused('a process with another key has asked for it');
    }
    const descriptor = this._server._udp.descriptor;
    if (descriptor === null) throw refused('the UDP socket is of Node alone');
    native.DescriptorInbox.send(name.toString(), secrets.proof('descriptor'), descriptor);
    stream.write(secrets.proof('predecessor'));
    await read(stream, READY.length);
    if (this._isLeaving || !this._server.listening) throw refused('the server has been closed meanwhile');
    // The path is the successor's from now on.
    this.close();
    await this._leave(stream, secrets.exportKey());
  }

  async _leave(stream, key) {
    stream.ref();
    stream.setTimeout(LONG_PATIENCE, () => stream.destroy(new Error('it reads nothing')));
    this._isLeaving = true;
    try {
      await pipeline(exportServer(this._server, { key }), stream);
    } catch (error) {
      if (this._server.listening) throw error;
      throw refused(`the successor has not taken all connections, and they are lost: ${messageOf(error)}`, error);
    } finally {
      this._isLeaving = false;
      if (this._whenLeft !== null) process.nextTick(this._whenLeft);
      // Nothing could be taken out.
      if (this._server.listening) this.open();
    }
  }

  _warn(error) {
    process.emitWarning(`Nobody has taken the server over at ${this._path}: ${messageOf(error)}`, {
      type: 'DtlsWarning',
      code: error.code ?? 'ERR_DTLS_HANDOVER_REFUSED',
    });
  }
}

/** What both sides compute of the key and of their random bytes. */
class Secrets {
  #key;

  constructor(key, old, random) {
    this.#key = key;
    this.random = random;
    this._both = Buffer.concat([old, random]);
  }

  proof(who, more = Buffer.alloc(0)) {
    return createHmac('sha256', this.#key).update(who).update(this._both).update(more).digest();
  }

  exportKey() {
    return Buffer.from(hkdfSync('sha256', this.#key, this._both, 'mbed-dtls handover', 32));
  }
}

/** The next bytes of a stream. */
function read(stream, length) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(refused(`no answer within ${PATIENCE} ms`)), PATIENCE);
    const settle = (error, bytes) => {
      clearTimeout(timer);
      stream.off('readable', look).off('end', ended).off('close', ended);
      if (error) reject(error);
      else resolve(bytes);
    };
    const ended = () => settle(refused('the other process has hung up'));
    const look = () => {
      const bytes = stream.read(length);
      if (bytes === null) return;
      if (bytes.length < length) ended();
      else settle(null, bytes);
    };
    stream.on('readable', look).on('end', ended).on('close', ended);
    look();
  });
}

function refused(why, cause) {
  return new DtlsError(`The handover has failed: ${why}`, { code: 'ERR_DTLS_HANDOVER_REFUSED', cause });
}

module.exports = { Offer, Succession };
