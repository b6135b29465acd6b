'use strict';

// An attacker's DTLS 1.2 client, sans-I/O: each step of the handshake is one call, which answers a record, and what is
// done with the record is the test's affair. With the key of an insider it can go all the way.
//
//   const client = new Client({ identity: 'mallory', psk: 'her own key' })
//   address.send(client.hello())
//   client.handle(answer)                     // the HelloVerifyRequest: hello() has its cookie from now on

const { randomBytes } = require('node:crypto');

const {
  EXTENSION,
  TYPE,
  clientHello,
  extension,
  fragments,
  message,
  parseMessages,
  parseServerHello,
  vector,
} = require('./handshake.js');
const { connectionKeys, masterSecret, pskPremasterSecret, verifyData } = require('./prf.js');
const {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  Protection,
  SUITES,
  parseRecords,
  record,
} = require('./record.js');

const ANNOUNCEMENT = 254;

class Client {
  /**
   * @param {{ identity?: string, psk?: string, suite?: string, extendedMasterSecret?: boolean, extensions?: Buffer[],
   *   session?: { id: Buffer, master: Buffer }, suites?: number[] }} [options] `session` is offered for resumption;
   *   `suites` are offered in place of `suite`
   */
  constructor({
    identity = 'bob',
    psk = 'secret of bob',
    suite = 'PSK-AES128-CCM8',
    extendedMasterSecret = true,
    extensions = [],
    session,
    suites,
  } = {}) {
    this.identity = Buffer.from(identity);
    this.psk = Buffer.from(psk);
    this.suite = SUITES[suite];
    this.random = randomBytes(32);
    this.cookie = Buffer.alloc(0);
    /** Types of the messages that have come, in order. */
    this.heard = [];
    /** Descriptions of the alerts that have come in plaintext. */
    this.alerts = [];
    /** Payloads that have come, and the records that they came in. */
    this.received = [];
    this.records = [];
    this.isResumed = false;
    this.isOpen = false;
    /** Record numbers by epoch. */
    this.numbers = [0, 0];
    this.master = null;
    this._session = session;
    this._suites = suites ?? [this.suite.id];
    this._extensions = [extension(EXTENSION.RENEGOTIATION_INFO, Buffer.of(0)), ...extensions];
    if (extendedMasterSecret) this._extensions.push(extension(EXTENSION.EXTENDED_MASTER_SECRET));
    this._usesExtendedMasterSecret = false;
    this._sequence = 0;
    this._expected = 0;
    this._transcript = [];
    this._serverHello = null;
    this._keyExchange = null;
    this._write = null;
    this._read = null;
  }

  /** What others need to go on with this session. */
  get session() {
    return { id: this._serverHello.sessionId, master: this.master };
  }

  // What comes

  /** Takes a datagram of the server's. */
  handle(datagram) {
    for (const each of parseRecords(datagram)) {
      if (each.epoch === 0) this._handlePlaintext(each);
      else this._handleProtected(each);
    }
  }

  _handlePlaintext({ type, content }) {
    if (type === ALERT) this.alerts.push(content[1]);
    if (type !== HANDSHAKE) return;
    for (const each of parseMessages(content)) {
      if (each.type === TYPE.HELLO_VERIFY_REQUEST) {
        this.heard.push(each.type);
        this.cookie = each.body.subarray(3, 3 + each.body[2]);
      } else if (each.sequence >= this._expected) {
        this._expected = each.sequence + 1;
        this.heard.push(each.type);
        this._transcript.push(each.bytes);
        this._handleMessage(each);
      }
    }
  }

  _handleMessage({ type, body }) {
    if (type === TYPE.SERVER_HELLO) this._handleServerHello(body);
  }

  _handleServerHello(body) {
    this._serverHello = parseServerHello(body);
    const { extensions, sessionId } = this._serverHello;
    this._usesExtendedMasterSecret = extensions.includes(EXTENSION.EXTENDED_MASTER_SECRET);
    if (this._session?.id.equals(sessionId)) {
      this.isResumed = true;
      this._deriveKeys(this._session.master);
    }
  }

  _handleProtected(each) {
    const content = this._read?.open(each) ?? null;
    if (content === null) return;
    this.records.push(each);
    if (each.type === APPLICATION_DATA) this.received.push(content.toString());
    if (each.type !== HANDSHAKE || content[0] !== TYPE.FINISHED) return;
    const expected = verifyData(this.master, 'server', Buffer.concat(this._transcript));
    this.isOpen = content.subarray(12).equals(expected);
    this._transcript.push(content);
  }

  // The steps of a handshake

  /** @returns {Buffer} the ClientHello's record, with the cookie that has come last */
  hello() {
    return this.plaintext(HANDSHAKE, this.helloMessage());
  }

  /** The ClientHello itself: the transcript begins with it (RFC 6347 section 4.2.1). */
  helloMessage() {
    const body = clientHello({
      random: this.random,
      sessionId: this._session?.id,
      cookie: this.cookie,
      suites: this._suites,
      extensions: this._extensions,
    });
    const sequence = this.cookie.length > 0 ? 1 : 0;
    const whole = message(TYPE.CLIENT_HELLO, sequence, body);
    this._sequence = sequence + 1;
    this._transcript = [whole];
    return whole;
  }

  /** @returns {Buffer} the record with the ClientKeyExchange: from now on there are keys */
  keyExchange() {
    return this.plaintext(HANDSHAKE, this.keyExchangeMessage());
  }

  /** The same in records with `length` bytes of the message's body each. */
  keyExchangeInFragments(length) {
    return fragments(this.keyExchangeMessage(), length).map((content) => this.plaintext(HANDSHAKE, content));
  }

  keyExchangeMessage() {
    if (this._keyExchange === null) {
      this._keyExchange = message(TYPE.CLIENT_KEY_EXCHANGE, this._sequence++, this._keyExchangeBody());
      this._transcript.push(this._keyExchange);
      this._deriveKeys();
    }
    return this._keyExchange;
  }

  changeCipherSpec() {
    return this.plaintext(CHANGE_CIPHER_SPEC, Buffer.of(1));
  }

  /** @returns {Buffer} the record with Finished */
  finished() {
    const data = verifyData(this.master, 'client', Buffer.concat(this._transcript));
    const whole = message(TYPE.FINISHED, this._sequence++, data);
    this._transcript.push(whole);
    return this.protected(HANDSHAKE, whole);
  }

  /** The client's last flight, in one datagram. */
  lastFlight() {
    const exchange = this.isResumed ? [] : [this.keyExchange()];
    return Buffer.concat([...exchange, this.changeCipherSpec(), this.finished()]);
  }

  // Records

  /** A record of epoch 0 under the next number. */
  plaintext(type, content) {
    return record({ type, number: this.numbers[0]++, content });
  }

  /** A record of epoch 1 under the next number, or another. */
  protected(type, content, { number = this.numbers[1]++, nonce } = {}) {
    return this._write.seal({ type, number, content, nonce });
  }

  /** A payload in a record. */
  data(text, options) {
    return this.protected(APPLICATION_DATA, Buffer.from(text), options);
  }

  /** close_notify. */
  goodbye() {
    return this.protected(ALERT, Buffer.of(1, 0));
  }

  /** What the ClientKeyExchange holds, and what comes of it: here pre-shared keys (RFC 4279 section 2). */
  _keyExchangeBody() {
    return vector(this.identity, 2);
  }

  _premasterSecret() {
    return pskPremasterSecret(this.psk);
  }

  /** A message of the client's own, in a record. */
  _say(type, body) {
    const whole = message(type, this._sequence++, body);
    this._transcript.push(whole);
    return this.plaintext(HANDSHAKE, whole);
  }

  _deriveKeys(master) {
    const { random: clientRandom, suite } = this;
    const { random: serverRandom } = this._serverHello;
    const transcript = this._usesExtendedMasterSecret ? Buffer.concat(this._transcript) : undefined;
    this.master = master ?? masterSecret(this._premasterSecret(), { transcript, clientRandom, serverRandom });
    const keys = connectionKeys(this.master, { clientRandom, serverRandom, ...suite });
    this._write = new Protection(suite, keys.client);
    this._read = new Protection(suite, keys.server);
  }
}

/** node-mbed-dtls's datagram of a device that has moved: the record under another type, the device's name, its length. */
function announcement(dataRecord, id) {
  const datagram = Buffer.concat([dataRecord, id, Buffer.of(id.length)]);
  datagram[0] = ANNOUNCEMENT;
  return datagram;
}

module.exports = { Client, announcement };
