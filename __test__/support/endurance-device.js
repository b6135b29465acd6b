'use strict';

// A client of __test__/load/endurance.js, which connects, talks, moves, vanishes, says goodbye and comes back.

const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../..');
const { HOST } = require('./radio.js');
const { SUITE: NEWER_CIPHER } = require('./reader13.js');
const { WatchedRadio } = require('./wire.js');

const CIPHER = 'PSK-AES128-GCM-SHA256';

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3', ciphers: NEWER_CIPHER };

/** Between two actions, ms at most. */
const PAUSE = 2_000;

/** How long it waits for an answer, ms, and how often it asks before it begins anew. */
const PATIENCE = 2_000;
const TRIES = 4;

/** Its UDP socket, which can fall silent. */
class DeviceRadio extends WatchedRadio {
  isSilent = false;

  handle(datagram) {
    if (!this.isSilent) super.handle(datagram);
  }

  send(datagram, port, host, callback) {
    if (this.isSilent) process.nextTick(callback, null);
    else super.send(datagram, port, host, callback);
  }
}

class Device {
  /**
   * @param {number} number those with even ones have connection IDs, and move
   * @param {boolean} isNewer whether it speaks DTLS 1.3
   * @param {Service} service its server
   * @param {Wire} wire what sees all datagrams
   * @param {Place} place where it is first
   */
  constructor(number, isNewer, service, wire, place) {
    this.name = `device ${number}`;
    this.client = null;
    this._hasId = number % 2 === 0;
    this._isNewer = isNewer;
    this._service = service;
    this._wire = wire;
    this._place = place;
    this._radio = null;
    this._number = 0;
    /** Numbers of messages, and who waits for the answer to one. */
    this._unanswered = new Set();
    this._waiting = new Map();
    this._oftenForgotten = 0;
    this._isKnown = false;
    this.counts = { handshakes: 0, ofDtls13: 0, failed: 0, lost: 0, messages: 0, moves: 0, vanished: 0, left: 0 };
    this.misled = [];
    /** When it has lost a connection, ms since the epoch. */
    this.losses = [];
    this._error = null;
  }

  /** What helps to find out why it has no answer. */
  describe() {
    const { name, counts, _hasId, _isNewer, _isKnown, _error } = this;
    const connection = this.client === null ? null : { localPort: this._place.port, ...this.client.stats };
    return { name, counts, _hasId, _isNewer, _isKnown, connection, error: _error?.message };
  }

  /** @returns {Promise<boolean>} whether it has a connection now */
  async connect() {
    const watched = this._wire.connection();
    const radio = new DeviceRadio(this._service.port, this._place, watched);
    const client = connect({
      host: HOST,
      port: this._service.port,
      socket: radio,
      psk: this._service.key,
      pskIdentity: this.name,
      ...(this._isNewer ? NEWER : { ciphers: CIPHER }),
      ...(this._hasId && { connectionId: 0 }),
      handshakeTimeout: 15_000,
    });
    client.on('keylog', (line) => watched.handleKeyLog(line));
    this._oftenForgotten = this._service.oftenForgotten(this._isNewer);
    // A client of DTLS 1.3 is open before its server has heard that it is.
    this._isKnown = !this._isNewer;
    this._radio = radio;
    const isOpen = await new Promise((resolve) => {
      client.once('secureConnect', () => resolve(true));
      client.once('close', () => resolve(false));
      client.on('error', (error) => {
        this._error = error;
      });
    });
    if (!isOpen) {
      this.counts.failed++;
      this._forget();
      return false;
    }
    this.counts.handshakes++;
    if (client.getProtocol() === 'DTLSv1.3') this.counts.ofDtls13++;
    client.on('data', (message) => this._onAnswer(message.toString()));
    client.once('close', () => {
      if (this.client === client) this._forget();
    });
    this.client = client;
    return true;
  }

  _forget() {
    this._radio.watched.end();
    this._radio = null;
    this.client = null;
    for (const resolve of this._waiting.values()) resolve(false);
    this._waiting.clear();
    this._unanswered.clear();
  }

  _onAnswer(text) {
    const [, name, number] = /^answer to (.*)\/(\d+)$/.exec(text) ?? [];
    if (name !== this.name) this.misled.push(`${text} reached ${this.name}`);
    if (!this._unanswered.delete(Number(number))) this.misled.push(`${text} came twice`);
    this._waiting.get(Number(number))?.(true);
    this._waiting.delete(Number(number));
  }

  /** One message and its answer, as often as it takes; without one, the connection is given up. */
  async ask() {
    for (let tries = 0; tries < TRIES && this.client !== null; tries++) {
      const number = ++this._number;
      this._unanswered.add(number);
      const answered = new Promise((resolve) => {
        this._waiting.set(number, resolve);
      });
      const overdue = setTimeout(() => this._waiting.get(number)?.(false), PATIENCE);
      this.client.write(`${this.name}/${number}`);
      const isAnswered = await answered;
      clearTimeout(overdue);
      this._waiting.delete(number);
      if (isAnswered) {
        this._isKnown = true;
        this.counts.messages++;
        return true;
      }
    }
    if (this._isKnown && this._oftenForgotten === this._service.oftenForgotten(this._isNewer)) {
      this.counts.lost++;
      this.losses.push(Date.now());
    }
    this.fallSilent();
    return false;
  }

  move(place) {
    this._place = place;
    this._radio.moveTo(place);
    this.counts.moves++;
  }

  /** Loses its power. */
  vanish() {
    this.counts.vanished++;
    this.fallSilent();
  }

  fallSilent() {
    const { client } = this;
    if (client === null) return;
    this._radio.isSilent = true;
    this._forget();
    client.destroy();
  }

  /** Says goodbye. */
  async leave() {
    this.counts.left++;
    const { client } = this;
    const closed = once(client, 'close');
    client.end();
    await Promise.race([closed, sleep(PATIENCE)]);
    client.destroy();
  }

  /** Does something at random, again and again. */
  async live(anywhere, isOver) {
    while (!isOver()) {
      const lot = Math.random();
      if (this.client === null) await this.connect();
      else if (lot < 0.02) this.vanish();
      else if (lot < 0.03) await this.leave();
      else {
        if (lot < 0.2 && this._hasId) this.move(anywhere());
        await this.ask();
      }
      await sleep(Math.random() * PAUSE);
    }
  }

  /** Until it has an answer. Not all at once, or their messages would not fit into the server's receive buffer. */
  async settle(patience) {
    await sleep(Math.random() * PAUSE);
    for (const end = Date.now() + patience; Date.now() < end; ) {
      if (this.client === null && !(await this.connect())) continue;
      if (await this.ask()) return true;
    }
    return false;
  }
}

module.exports = { CIPHER, Device };
