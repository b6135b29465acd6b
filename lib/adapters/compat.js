'use strict';

// Profiles for applications that were written for node-mbed-dtls or one of its forks: the arguments, names and habits
// in which the forks differ from each other and from this package. They use the public API only; docs/migrating.md has
// a table for each fork. What was unsafe needs an option whose name says so.

const net = require('node:net');
const process = require('node:process');

const { DtlsClient } = require('../client');
const { DtlsError, invalidArgType } = require('../errors');
const { isFileName } = require('../options/credentials');
const { clientOptionNames, serverOptionNames } = require('../options/options');
const { boolean, checkOptions, oneOf } = require('../options/validate');
const { DtlsServer } = require('../server');
const { DtlsSocket } = require('../socket');
const { reachable, withoutMapping } = require('../transport/addresses');
const { isConnected } = require('../transport/udp');

/**
 * How a fork behaves. The names of events and fields are those of the forks.
 *
 * @property {'number' | 'error'} errors what 'error' and the callback of write() get
 * @property {'text' | 'error'} clientErrors what 'clientError' gets
 * @property {(old: object, acknowledge: Function, done: Function) => unknown[]} ipChanged its arguments
 * @property {boolean} [mustAcknowledge] a move that no listener of 'ipChanged' acknowledges at once is refused
 * @property {boolean} [sendsHelloRequest] a device that has lost its connection is told so
 * @property {boolean} [answersBare] the callback of 'resumeSession' takes the session only
 * @property {boolean} [tellsSessions] 'newSession' and 'endSession'
 * @property {boolean} [prefixesLength] each 'data' of a server's socket begins with its length, two bytes
 * @property {boolean} [renamesErrors] a client's 'error' from DTLS is called 'err'
 * @property {(options: object, all: object) => void} server what is special about its server's options
 * @property {(options: object, all: object) => void} client what is special about its client's options
 */
const NEUSTAR = {
  errors: 'number',
  clientErrors: 'text',
  ipChanged: (old) => [old],
  server(options, { key, identityPskCallback }) {
    if (!key) throw "Parameter 'key' is not set";
    if (!identityPskCallback) throw "Parameter 'identityPskCallback' is not set";
    // One object may hold the options of both sides, and `psk` is the client's.
    delete options.psk;
  },
  client() {},
};

const PARTICLE = {
  ...NEUSTAR,
  ipChanged: (old, acknowledge, done) => [old, acknowledge, done],
  mustAcknowledge: true,
  server(options, { key }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    withoutPsk(options);
    // Devices of Particle know the server's key.
    options.omitServerCertificate = true;
  },
  client(_options, { key, peerPublicKey }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    if (!peerPublicKey) throw invalidArgType('options.peerPublicKey', 'a Buffer or the name of a file', peerPublicKey);
  },
};

const K4 = {
  ...PARTICLE,
  mustAcknowledge: false,
  server(options, { psk_cb: findKey }) {
    withoutPsk(options);
    if (typeof findKey !== 'function') return;
    options.pskIdentityEncoding = 'buffer';
    // Any answer but a Buffer refuses.
    options.identityPskCallback = (identity) => keyOrNull(findKey(identity));
  },
  client() {},
};

const TRACKLE = {
  ...PARTICLE,
  errors: 'error',
  clientErrors: 'error',
  ipChanged: (old, acknowledge, done) => [old, old.deviceId, acknowledge, done],
  mustAcknowledge: false,
  sendsHelloRequest: true,
  prefixesLength: true,
  renamesErrors: true,
  server(options, all) {
    PARTICLE.server(options, all);
    options.omitServerCertificate = !all.sendServerCertificate;
  },
};

const MATASAREI = {
  ...NEUSTAR,
  ipChanged: (old, acknowledge, done) => [old, acknowledge, done],
  sendsHelloRequest: true,
  answersBare: true,
  tellsSessions: true,
  server(options, { key, identityPskCallback }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    withoutPsk(options);
    if (identityPskCallback === undefined || identityPskCallback === null) return;
    if (typeof identityPskCallback !== 'function') {
      throw invalidArgType('options.identityPskCallback', 'of type function', identityPskCallback);
    }
    options.pskIdentityEncoding = 'buffer';
    // The second argument was the id of a session that did not exist yet, and has never meant anything.
    options.identityPskCallback = (identity) => identityPskCallback(identity, Buffer.alloc(0));
  },
  client(_options, { key, psk }) {
    if (!key && !psk) throw 'you must define either a PSK or a private key.';
  },
};

const PROFILES = {
  __proto__: null,
  neustar: NEUSTAR,
  spark: NEUSTAR,
  particle: PARTICLE,
  trackle: TRACKLE,
  k4: K4,
  matasarei: MATASAREI,
};

/** In forks that retransmitted, retransmission began after a second, ms. */
const HANDSHAKE_TIMEOUT_MIN = 1000;

/** A malformed HelloRequest, by which devices learn that their connection is gone. */
const MALFORMED_HELLO_REQUEST = Buffer.from('16fefd000100000000000000100000', 'hex');

/** Trackle's keep-alive, which is one unencrypted byte. */
const PING = 0x70;
const MOVED_PING_BEGINS = Buffer.of(0xfe, PING);
const ALERT = 0x15;

/** Mbed TLS 2's texts for the numbers that node-mbed-dtls handed out. */
const TEXTS = new Map([
  [-0x2700, 'X509 - Certificate verification failed, e.g. CRL, CA or signature check failed'],
  [-0x6800, 'SSL - The operation timed out'],
  [-0x6c00, 'SSL - Internal error (eg, unexpected failure in lower-level module)'],
  [-0x6c80, 'SSL - Unknown identity received (eg, PSK identity)'],
  [-0x7100, 'SSL - Bad input parameters to function'],
  [-0x7180, 'SSL - Verification of the message MAC failed'],
  [-0x7280, 'SSL - The connection indicated an EOF'],
  [-0x7380, 'SSL - The server has no ciphersuites in common with the client'],
  [-0x7600, 'SSL - The own private key or pre-shared key is not set, but needed'],
  [-0x7700, 'SSL - An unexpected message was received from our peer'],
  [-0x7780, 'SSL - A fatal alert message was received from our peer'],
  [-0x7880, 'SSL - The peer notified us that the connection is going to be closed'],
]);

/** Numbers for errors that do not come from Mbed TLS, or that Mbed TLS distinguishes less exactly. */
const NUMBERS = {
  __proto__: null,
  ERR_DTLS_ALERT_RECEIVED: -0x7780,
  ERR_DTLS_BAD_RECORD_MAC: -0x7180,
  ERR_DTLS_CLOSED_DURING_HANDSHAKE: -0x7880,
  ERR_DTLS_HANDSHAKE_TIMEOUT: -0x6800,
  ERR_DTLS_LOOKUP_FAILED: -0x6c80,
  ERR_DTLS_NOT_DTLS: -0x6800,
  ERR_DTLS_NO_ANSWER: -0x6800,
  ERR_DTLS_NO_PSK: -0x7600,
  ERR_DTLS_NO_SHARED_CIPHER: -0x7380,
  ERR_DTLS_PAYLOAD_TOO_LARGE: -0x7100,
  ERR_DTLS_PROTOCOL: -0x7700,
  ERR_DTLS_SOCKET_CLOSED: -0x7280,
  ERR_DTLS_UNKNOWN_PSK_IDENTITY: -0x6c80,
  ERR_DTLS_WRONG_PSK: -0x7180,
};

/** Options for which false has a meaning of its own. */
const SWITCHES = new Set(['sendClose', 'rejectUnauthorized', 'requestCert', 'ipv6Only']);

const INSECURE = {
  __proto__: null,
  insecureLegacyPing: boolean,
  insecureLegacyAlerts: boolean,
};

/** createServer() with a `compat` option. */
function createLegacyServer(options, secureConnectionListener) {
  const { Server } = classesOf(options.compat);
  return new Server(options, secureConnectionListener);
}

/** connect() with a `compat` option. */
function legacyConnect(options, secureConnectListener) {
  const { Client } = classesOf(options.compat);
  return new Client(options, secureConnectListener);
}

const classes = new Map();

function classesOf(name) {
  const profile = PROFILES[oneOf(...Object.keys(PROFILES))(name, 'options.compat')];
  if (!classes.has(profile)) {
    classes.set(profile, { Server: serverClass(profile), Client: clientClass(profile) });
  }
  return classes.get(profile);
}

// Servers

function serverClass(profile) {
  return class LegacyServer extends DtlsServer {
    static Socket = class LegacySocket extends socketClass(DtlsSocket, profile) {
      push(message, encoding) {
        return super.push(profile.prefixesLength && message !== null ? withLength(message) : message, encoding);
      }
    };

    #mayHaveListened = false;

    constructor(options, secureConnectionListener) {
      const { all, given, insecure } = sortOptions(options, serverOptionNames);
      // `key` always meant a raw public key. Clients were asked for theirs, and none was refused.
      delete given.cert;
      if (given.key !== undefined) {
        given.requestCert ??= true;
        given.rejectUnauthorized ??= false;
      }
      profile.server(given, all);
      super(given, secureConnectionListener);
      this.options = options;
      if (profile.sendsHelloRequest) {
        this.on('forceDeviceRehandshake', (remote, deviceId) => this._forceDeviceRehandshake(remote, deviceId));
      }
      if (insecure.insecureLegacyPing || insecure.insecureLegacyAlerts) {
        this.on('listening', () => hearPlaintext(this, insecure));
      }
    }

    get mbedServer() {
      return this;
    }

    /** A server that has never listened closes as well. */
    close(whenClosed) {
      if (!this.#mayHaveListened) {
        if (whenClosed !== undefined) this.once('close', whenClosed);
        process.nextTick(() => this.emit('close'));
        return this;
      }
      return super.close(whenClosed);
    }

    listen(...args) {
      this.#mayHaveListened = true;
      return super.listen(...args);
    }

    emit(event, ...args) {
      if (event === 'clientError') return this._emitClientError(...args);
      if (event === 'renegotiate') {
        const [sessionId, socket, callback] = args;
        return super.emit(event, sessionId, socket, (error, session) => {
          if (error) socket.endsQuietly = true;
          callback(error, session);
        });
      }
      if (event === 'resumeSession' && profile.answersBare) {
        const [key, socket, callback] = args;
        return super.emit(event, key, socket, (session) =>
          session instanceof Error ? callback(session) : callback(null, session),
        );
      }
      if (event === 'secureConnection' && profile.tellsSessions) this._tellSession(...args);
      return super.emit(event, ...args);
    }

    /** The server hears first why a handshake has failed, then whoever listens on its socket. */
    _emitClientError(error, socket) {
      if (socket.endsQuietly) return this.listenerCount('clientError') > 0;
      try {
        return super.emit('clientError', profile.clientErrors === 'text' ? textOf(error) : error, socket);
      } finally {
        socket.emit('error', error);
      }
    }

    /** Emits the events of node-mbed-dtls-server; 'endSession' has the address that the device has then. */
    _tellSession(socket, restored) {
      if (restored === undefined) this.emit('newSession', keyOf(socket), socket.session);
      socket.once('close', () => this.emit('endSession', keyOf(socket)));
    }

    /** In the forks this is semi-private, and applications call it. */
    _forceDeviceRehandshake(remote, _deviceId) {
      if (this.listening) sendDatagram(this.dgramSocket, MALFORMED_HELLO_REQUEST, remote);
    }
  };
}

/** Listens for unencrypted datagrams, which anybody can forge, because an option has asked for it. */
function hearPlaintext(server, { insecureLegacyPing, insecureLegacyAlerts }) {
  server.dgramSocket.on('message', (datagram, { address, port }) => {
    const remote = { address: withoutMapping(address), port };
    if (insecureLegacyAlerts && datagram[0] === ALERT) server.sockets[keyOfRemote(remote)]?.end();
    if (!insecureLegacyPing) return;
    if (datagram.length === 1 && datagram[0] === PING) onPing(server, remote, remote);
    else if (datagram.subarray(0, 2).equals(MOVED_PING_BEGINS)) onMovedPing(server, datagram, remote);
  });
}

/** Wakes the connection that was at the address `old`, and is at `remote` now. */
function onPing(server, remote, old) {
  const socket = server.sockets[keyOfRemote(old)];
  if (socket !== undefined && keyOfRemote(old) === keyOfRemote(remote)) {
    socket.emit('dumbPing');
  } else if (socket?.connected) {
    const { session } = socket;
    // It cannot have another life, and stays where it is.
    if (session.restorable === false) return;
    socket.reset();
    server.resumeSocket(remote, session);
  } else {
    let isAnswered = false;
    server.emit(
      'resumeSession',
      keyOfRemote(old),
      { remoteAddress: old.address, remotePort: old.port },
      (error, session) => {
        if (isAnswered || !server.listening) return;
        isAnswered = true;
        if (!error && session) server.resumeSocket(remote, session);
      },
    );
  }
}

function onMovedPing(server, datagram, remote) {
  const end = datagram.length - 1;
  const start = end - datagram[end];
  if (start < MOVED_PING_BEGINS.length || start === end) return;
  let isAnswered = false;
  server.emit('lookupKey', datagram.toString('hex', start, end), (error, old) => {
    if (isAnswered || !server.listening) return;
    isAnswered = true;
    if (!error && net.isIP(old?.address) !== 0) onPing(server, remote, old);
  });
}

// Clients

function clientClass(profile) {
  return class LegacyClient extends socketClass(DtlsClient, profile) {
    #mayPing;

    constructor(options, secureConnectListener) {
      const { all, given, insecure } = sortOptions(options, clientOptionNames);
      // A certificate without its key was ignored and was not an error, and so was one that is the name of a file.
      if (given.key === undefined || isFileName(given.cert)) delete given.cert;
      // The server may be one of those that leave their certificate out.
      if (given.peerPublicKey !== undefined) given.omitServerCertificate = true;
      profile.client(given, all);
      super(given, secureConnectListener);
      this.#mayPing = insecure.insecureLegacyPing === true;
    }

    /** Sends Trackle's unencrypted keep-alive, if `insecureLegacyPing` allows it. */
    dumbPing() {
      if (!this.#mayPing || this.dgramSocket === null) return;
      sendDatagram(this.dgramSocket, Buffer.of(PING), { address: this.remoteAddress, port: this.remotePort });
    }
  };
}

// What sockets of servers and clients share

function socketClass(Base, profile) {
  return class extends Base {
    /** Whether the application has answered the look-up of its session with an error, which ended it without one. */
    endsQuietly = false;

    /** This was the native object. Now it exists for as long as the connection does. */
    get mbedSocket() {
      return this.destroyed ? null : this;
    }

    emit(event, ...args) {
      switch (event) {
        case 'error':
          return this._emitError(args[0]);
        case 'ipChanged':
          return this._emitMove(args[0]);
        case 'secureConnect':
          return this.server === undefined ? super.emit(event, ...args) : super.emit(event);
        case 'close':
          return super.emit(event, args[0] && !this.endsQuietly);
        default:
          return super.emit(event, ...args);
      }
    }

    write(message, encoding, callback) {
      if (typeof encoding === 'function') return super.write(message, legacyCallback(encoding));
      return super.write(message, encoding, legacyCallback(callback));
    }

    /**
     * Handles a datagram as if it had come from the peer.
     *
     * @returns {boolean} whether there was a message for the application in it
     */
    receive(datagram) {
      let hasMessage = false;
      const onReceive = () => {
        hasMessage = true;
      };
      this.once('receive', onReceive);
      const remote = { address: this.remoteAddress, port: this.remotePort, family: this.remoteFamily };
      this.dgramSocket?.emit('message', datagram, { ...remote, size: datagram.length });
      this.removeListener('receive', onReceive);
      return hasMessage;
    }

    /** Errors of the UDP socket or the system were Error objects in every fork. */
    _emitError(error) {
      const isDtls = error instanceof DtlsError;
      const name = isDtls && profile.renamesErrors && this.server === undefined ? 'err' : 'error';
      if (isDtls && (profile.errors === 'number' || name === 'err')) {
        return super.emit(name, numberOf(error), textOf(error));
      }
      return super.emit(name, error);
    }

    _emitMove(old) {
      const { server, remoteAddress: address, remotePort: port, remoteFamily: family } = this;
      let isAcknowledged = false;
      const acknowledge = () => {
        isAcknowledged = true;
      };
      const refuse = () => server.emit('forceDeviceRehandshake', { address, family, port }, old.deviceId);
      const done = (error) => {
        acknowledge();
        if (error) process.nextTick(refuse);
      };
      const wasHeard = super.emit('ipChanged', ...profile.ipChanged(old, acknowledge, done));
      if (wasHeard && profile.mustAcknowledge && !isAcknowledged) refuse();
      return wasHeard;
    }
  };
}

// Options and arguments

/** Keeps the options that this package knows. The forks ignored unknown ones. `all` is without prototype. */
function sortOptions(options, names) {
  const all = { __proto__: null, ...options };
  const { insecureLegacyPing, insecureLegacyAlerts } = all;
  const insecure = checkOptions({ insecureLegacyPing, insecureLegacyAlerts }, 'options', INSECURE);
  const given = { __proto__: null, handshakeTimeoutMin: HANDSHAKE_TIMEOUT_MIN };
  for (const name of names) {
    if (name !== 'compat' && isSet(name, all[name])) given[name] = all[name];
  }
  if (given.debug !== undefined) given.debug = Math.min(Math.max(Math.trunc(Number(given.debug)) || 0, 0), 4);
  if (given.handshakeTimeoutMin > 60_000) given.handshakeTimeoutMax ??= given.handshakeTimeoutMin;
  for (const name of ['key', 'cert', 'CACert', 'peerPublicKey']) given[name] = withoutFinalNul(given[name]);
  return { all, given, insecure };
}

/** Applications often write null, '', false or 0 for an option that is not set. */
function isSet(name, value) {
  if (value === false) return SWITCHES.has(name);
  if (value === 0) return !name.startsWith('handshake');
  return value !== undefined && value !== null && value !== '';
}

/** PEM without the NUL at its end, which some forks needed. */
function withoutFinalNul(value) {
  const isCString = Buffer.isBuffer(value) && value.at(-1) === 0 && value.includes('-----END');
  return isCString ? value.subarray(0, -1) : value;
}

function withoutPsk(options) {
  delete options.psk;
  delete options.pskCallback;
  delete options.identityPskCallback;
}

async function keyOrNull(answer) {
  const key = await answer;
  return Buffer.isBuffer(key) ? key : null;
}

function legacyCallback(callback) {
  if (typeof callback !== 'function') return undefined;
  return (error) => callback(error instanceof DtlsError ? numberOf(error) : error);
}

/** Mbed TLS's number for an error. */
function numberOf({ code, errno }) {
  if (errno !== 0) return errno;
  return NUMBERS[code] ?? (/^ERR_DTLS_/.test(code) ? -0x6c00 : -0x2700);
}

/** Mbed TLS's text for an error. */
function textOf(error) {
  return TEXTS.get(numberOf(error)) ?? error.message;
}

function withLength(message) {
  const prefixed = Buffer.allocUnsafe(2 + message.length);
  prefixed.writeUInt16BE(message.length);
  prefixed.set(message, 2);
  return prefixed;
}

function keyOf({ remoteAddress, remotePort }) {
  return `${remoteAddress}:${remotePort}`;
}

function keyOfRemote({ address, port }) {
  return `${address}:${port}`;
}

/** A datagram that cannot be sent is a lost datagram. */
function sendDatagram(udp, datagram, { address, port }) {
  try {
    const to = isConnected(udp) ? [] : [port, reachable(address, udp.type)];
    udp.send(datagram, ...to, () => {});
  } catch {
    // The address from the application's store is not valid, or the socket has been closed.
  }
}

module.exports = { createLegacyServer, legacyConnect };
