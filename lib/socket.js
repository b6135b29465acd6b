'use strict';

const { ephemeralKeyInfo, signatureNames } = require('./algorithms');
const { opensslName, suiteVersion } = require('./ciphers');
const { ConnectionStream } = require('./connection-stream');
const { exportKeyingMaterial } = require('./exporter');
const { IdleTimer } = require('./idle-timer');
const { MAX_DELAY, callback: checkCallback, datagram, integer } = require('./options/validate');
const { legacyCertificate, publicKeyPem, x509Certificate } = require('./peer-credentials');
const { resumeNow } = require('./questions/restore');
const { toSession } = require('./saved-connection');
const { NO_TALLY, connectionStats } = require('./stats');
const { familyOf } = require('./transport/addresses');

/** Versions of Node before 20.4 do not have it. */
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Bytes of epoch and record number. */
const COUNTER_LENGTH = 8;

/**
 * One DTLS connection, for an application: what it can know and do beside reading and writing, in node:tls's words as far as
 * node:tls has them. A server makes one for each peer; DtlsClient extends it.
 */
class DtlsSocket extends ConnectionStream {
  /** True, as on node:tls's sockets. */
  get encrypted() {
    return true;
  }

  /** PSK identity that the handshake has confirmed, bytes; undefined without PSK and before. */
  get pskIdentity() {
    if (typeof this._identity === 'string') this._identity = Buffer.from(this._identity, 'latin1');
    return this._identity;
  }

  /** The peer's public key, SubjectPublicKeyInfo in DER; empty without one, and before the handshake is over. */
  get publicKey() {
    return this._publicKey;
  }

  /** The peer's public key as PEM text in a Buffer, empty without one. */
  get publicKeyPEM() {
    return publicKeyPem(this._publicKey);
  }

  /** The ID in the peer's records (RFC 9146), empty if it has none; undefined without connection IDs. */
  get connectionId() {
    return this._connectionIds()?.own ?? this._namedId;
  }

  /** The ID in our records (RFC 9146), empty if they have none; undefined without connection IDs. */
  get peerConnectionId() {
    return this._connectionIds()?.peer;
  }

  /** Whether the peer has been shown to receive at its address, or has had no other yet; false without a connection. */
  get addressConfirmed() {
    return this.connected && this._endpoint.native.isAddressConfirmed(this._handle);
  }

  /** 'IPv4' or 'IPv6'; undefined as long as remoteAddress is undefined. */
  get remoteFamily() {
    return this.remoteAddress === undefined ? undefined : familyOf(this.remoteAddress);
  }

  /**
   * Our own IP address; '::' or '0.0.0.0' when the UDP socket is bound to all and the system does not tell which of them the peer
   * has asked; undefined if unbound.
   */
  get localAddress() {
    return this.address().address;
  }

  /** Our own UDP port, undefined if unbound. */
  get localPort() {
    return this.address().port;
  }

  /** The node:dgram socket that carries the connection, null when there is none. */
  get dgramSocket() {
    return this._endpoint.udp;
  }

  /**
   * The connection as an object that can be kept, and go on after a restart: see server.resumeSocket(). A secret:
   * whoever has it can read and write in the connection's name. Undefined before the handshake is over and after the
   * end.
   */
  get session() {
    return toSession(this._save(), this);
  }

  /** Epoch and number of the next record that we send, 8 bytes; zeros when there is no connection. */
  get outCounter() {
    return this._save()?.counter ?? Buffer.alloc(COUNTER_LENGTH);
  }

  /** Counters of this connection, its handshake included; index.d.ts says which. They stay when it is over. */
  get connectionStats() {
    const tally = this._tally ?? (this._handle === 0 ? null : this._endpoint.native.tally(this._handle));
    return connectionStats(tally ?? NO_TALLY);
  }

  /** Bytes of the messages that have come, as the name is in node:net. */
  get bytesRead() {
    return this.connectionStats.bytesReceived;
  }

  /** Bytes of the messages that have been sent. Unlike in node:net, those that wait do not count. */
  get bytesWritten() {
    return this.connectionStats.bytesSent;
  }

  /** @returns {{ address?: string, family?: string, port?: number }} of our side, empty if the UDP socket is not bound */
  address() {
    let bound;
    try {
      bound = this._endpoint.udp.address();
    } catch {
      return {};
    }
    const address = this._handle === 0 ? null : this._endpoint.native.localAddress(this._handle);
    return address === null ? bound : { ...bound, address, family: familyOf(address) };
  }

  /** @returns {{ name: string, standardName: string, version: string } | null} null before the handshake is over */
  getCipher() {
    const standardName = this._cipher;
    if (standardName === null) return null;
    return { name: opensslName(standardName), standardName, version: suiteVersion(standardName) };
  }

  /** @returns {'DTLSv1.2' | 'DTLSv1.3' | null} null before the handshake is over */
  getProtocol() {
    return this._cipher === null ? null : suiteVersion(this._cipher);
  }

  /** @returns {object} type, name and size of the ephemeral key exchange, as node:tls shapes it; empty without one */
  getEphemeralKeyInfo() {
    return ephemeralKeyInfo(this._algorithms()?.group ?? 0);
  }

  /** @returns {string[]} signature algorithms that both sides accept, our favourite first, by OpenSSL's names */
  getSharedSigalgs() {
    return signatureNames(this._algorithms()?.signatures ?? []);
  }

  /** Traces what happens on this connection from now on, as the option `enableTrace` does for all of an endpoint. */
  enableTrace() {
    if (this._handle !== 0) this._endpoint.native.tracePeer(this.remoteAddress, this.remotePort);
  }

  /** @returns {object | null} as node:tls shapes it: empty without a certificate, null when the socket is destroyed */
  getPeerCertificate(detailed = false) {
    if (this.destroyed) return null;
    return legacyCertificate(this._details?.certificate, this._details?.issuers ?? [], detailed);
  }

  /** @returns {import('node:crypto').X509Certificate | undefined} undefined without one, and when destroyed */
  getPeerX509Certificate() {
    return this.destroyed ? undefined : x509Certificate(this._details?.certificate);
  }

  /** @returns {object | null} our own certificate, as node:tls shapes it: empty without one, null when destroyed */
  getCertificate() {
    return this.destroyed ? null : legacyCertificate(this._ownCertificate(), [], false);
  }

  /** @returns {import('node:crypto').X509Certificate | undefined} our own; undefined without one, and when destroyed */
  getX509Certificate() {
    return this.destroyed ? undefined : x509Certificate(this._ownCertificate());
  }

  _ownCertificate() {
    return this.connected ? (this._endpoint.native.ownCertificate(this._handle) ?? undefined) : undefined;
  }

  /** @returns {Buffer | undefined} content of our Finished message; undefined without a connection */
  getFinished() {
    return this._finished()?.own;
  }

  /** @returns {Buffer | undefined} content of the peer's Finished message; undefined without a connection */
  getPeerFinished() {
    return this._finished()?.peer;
  }

  _save() {
    return this.connected ? this._endpoint.native.save(this._handle) : null;
  }

  _connectionIds() {
    return this.connected ? this._endpoint.native.connectionIds(this._handle) : null;
  }

  _algorithms() {
    return this.connected ? this._endpoint.native.algorithms(this._handle) : null;
  }

  _finished() {
    return this.connected ? this._endpoint.native.finished(this._handle) : null;
  }

  /** Whether the connection has resumed a session. */
  isSessionReused() {
    return this._details?.resumed === true;
  }

  /** @returns {string | null} OpenSSL's name of the profile that use_srtp has chosen, null if none */
  getSrtpProfile() {
    return this._details?.srtpProfile ?? null;
  }

  /** @returns {Buffer} keying material for another protocol (RFC 5705) */
  exportKeyingMaterial(length, label, context) {
    return exportKeyingMaterial(this, length, label, context);
  }

  /**
   * Writes a message, with the arguments of dgram's send(): offset and length choose a part of it, and port and host
   * are ignored because a connection has one peer.
   *
   * @param {string | Uint8Array} message
   * @param {number} [offset] bytes
   * @param {number} [length] bytes
   * @param {number} [port]
   * @param {string} [host]
   * @param {(error: Error | null, bytes?: number) => void} [callback] the last argument, whatever stands before it
   */
  send(message, ...args) {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    const bytes = datagram(message, ...args);
    this.write(bytes, (error) => {
      if (error) callback?.(error);
      else callback?.(null, bytes.length);
    });
  }

  /**
   * Does the same as the callback of 'resumeSession' in its listener, but at once.
   *
   * @param {object} session as `session` was
   * @returns {boolean} whether the connection goes on
   */
  resumeSession(session) {
    return resumeNow(this, session);
  }

  /** Ends the connection, and waits until it is over: `await using client = ...`. */
  async [ASYNC_DISPOSE]() {
    if (this.closed) return;
    const isClosed = new Promise((resolve) => this.once('close', resolve));
    // Whoever leaves does not wait for errors any more.
    this.on('error', ignore);
    if (this._inHandshake) this.destroy();
    else this.resume().end();
    await isClosed;
  }

  /**
   * Says that the application knows that the peer receives at its address.
   *
   * @returns {boolean} whether that was in doubt
   */
  confirmAddress() {
    return this.connected && this._endpoint.native.confirmAddress(this._handle);
  }

  /**
   * Takes the connection out of this process, sealed for another one. The socket closes, and the peer does not notice.
   *
   * @param {{ key: Uint8Array }} options
   * @returns {Promise<Buffer>} for server.importConnections() or importConnection()
   */
  exportConnection(options) {
    return require('./exports/departure').exportSocket(this, options);
  }

  /** Time without messages after which 'timeout' is emitted, ms; undefined for never. */
  get timeout() {
    return this._idleTimer?.duration;
  }

  /**
   * As that of node:net: emits 'timeout' when no message has come or gone for so long. The connection goes on.
   *
   * @param {number} duration ms; 0 for never, and then the listener is removed
   * @param {() => void} [listener] of the next 'timeout'
   */
  setTimeout(duration, listener) {
    integer(0, MAX_DELAY)(duration, 'msecs');
    if (listener !== undefined) checkCallback(listener, 'callback');
    this._idleTimer?.stop();
    this._idleTimer = duration === 0 || this.destroyed ? null : new IdleTimer(this, duration);
    if (listener !== undefined && duration === 0) this.removeListener('timeout', listener);
    else if (listener !== undefined) this.once('timeout', listener);
    return this;
  }

  /** Ends the connection without telling the peer. 'close' is the last event. */
  reset() {
    this.sendClose = false;
    this.once('close', () => this.removeAllListeners());
    this.destroy();
  }

  // Listeners of 'keylog'. Keys are asked for only if somebody listens, for this connection or for all of a server.

  on(event, listener) {
    if (event === 'keylog') this._owner._onKeyLogWanted();
    return super.on(event, listener);
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  prependListener(event, listener) {
    if (event === 'keylog') this._owner._onKeyLogWanted();
    return super.prependListener(event, listener);
  }
}

function ignore() {}

module.exports = { DtlsSocket };
