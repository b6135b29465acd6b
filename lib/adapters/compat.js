'use strict';

// Servers and clients for applications that were written for node-mbed-dtls or one of its forks, by the profile of the fork.
// They use the public API only; docs/migrating.md has a table for each fork. What was unsafe needs an option whose name
// says so.

const process = require('node:process');

const { DtlsClient } = require('../client');
const { DtlsError } = require('../errors');
const { isFileName } = require('../options/credentials');
const { clientOptionNames, serverOptionNames } = require('../options/options');
const { boolean, checkOptions, oneOf } = require('../options/validate');
const { DtlsServer } = require('../server');
const { DtlsSocket } = require('../socket');
const { numberOf, textOf } = require('./mbed-errors');
const { MALFORMED_HELLO_REQUEST, PING, hearPlaintext, sendDatagram } = require('./plaintext');
const { PROFILES } = require('./profiles');

/** In forks that retransmitted, retransmission began after a second, ms. */
const HANDSHAKE_TIMEOUT_MIN = 1000;

/** The devices and servers of the forks have this version, and what is saved of connections is of this version. */
const VERSION = 'DTLSv1.2';

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
  const given = { __proto__: null, handshakeTimeoutMin: HANDSHAKE_TIMEOUT_MIN, maxVersion: VERSION };
  for (const name of names) {
    if (name !== 'compat' && isSet(name, all[name])) given[name] = all[name];
  }
  if (given.debug !== undefined) given.debug = Math.min(Math.max(Math.trunc(Number(given.debug)) || 0, 0), 4);
  if (given.handshakeTimeoutMin > 60_000) given.handshakeTimeoutMax ??= given.handshakeTimeoutMin;
  return { all, given, insecure };
}

/** Applications often write null, '', false or 0 for an option that is not set. */
function isSet(name, value) {
  if (value === false) return SWITCHES.has(name);
  if (value === 0) return !name.startsWith('handshake');
  return value !== undefined && value !== null && value !== '';
}

function legacyCallback(callback) {
  if (typeof callback !== 'function') return undefined;
  return (error) => callback(error instanceof DtlsError ? numberOf(error) : error);
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

module.exports = { createLegacyServer, legacyConnect };
