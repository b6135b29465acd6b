'use strict';

// What crosses the network between clients and a server, as somebody sees it who has the clients' key logs: each protected
// record is opened with the keys of the connection that it belongs to, and its nonce compared with those that the same side of
// that connection has used before.

const { Keys, cut, serverRandom } = require('./reader.js');
const { NewerKeys } = require('./reader13.js');
const { Nonces } = require('./nonces.js');
const { Radio } = require('./radio.js');

/** How long a server may still say something on a connection whose client has gone, ms. */
const LINGERING = 60_000;

/** One connection, as far as it can be seen. */
class Watched {
  constructor(wire) {
    this._wire = wire;
    this._line = null;
    this._randoms = [];
    /** Those that may be right. In DTLS 1.2 one for each ServerHello, until a record has opened. */
    this._keys = [];
    this._nonces = [new Nonces(), new Nonces()];
    /** Records that have come before the key log has said the keys. */
    this._waiting = [];
    this.places = new Set();
  }

  get hasKeys() {
    return this._keys.length > 0 && this._keys[0].areComplete;
  }

  /** What waits for keys. */
  get waiting() {
    return this._waiting;
  }

  handleServerRandom(random) {
    if (this._keys.length > 0 || this._randoms.some((one) => one.equals(random))) return;
    this._randoms.push(Buffer.from(random));
    this._makeKeys();
  }

  handleKeyLog(lines) {
    for (const line of lines.toString().trim().split('\n')) {
      if (line.startsWith('CLIENT_RANDOM')) this._line = line;
      else this._learnNewer(line);
    }
    this._makeKeys();
    for (const noted of this._waiting.splice(0)) this._wire.note(...noted);
  }

  _makeKeys() {
    if (this._line === null || this._keys.length > 0) return;
    this._keys = this._randoms.map((random) => new Keys(this._line, random, this._wire.suite));
  }

  _learnNewer(line) {
    if (this._keys.length === 0) this._keys = [new NewerKeys()];
    this._keys[0].learn(line);
  }

  /** What the wire is to note when there are keys. */
  wait(...noted) {
    this._waiting.push(noted);
  }

  /** @returns {'new' | 'copy' | 'repeated' | null} what its nonce is; null when these are not its keys */
  read(record, fromServer) {
    for (const keys of this._keys) {
      const nonce = keys.nonce(record, fromServer);
      if (nonce === null) continue;
      this._keys = [keys];
      return this._nonces[fromServer ? 1 : 0].note(nonce, record.fragment);
    }
    return null;
  }

  /** Its client is here from now on. */
  moveTo(place) {
    this.places.add(place);
    const guests = this._wire.guestsOf(place);
    guests.delete(this);
    guests.add(this);
  }

  /** A datagram that its client sends. */
  handleSent(datagram) {
    for (const record of cut(datagram, this._wire.idLength)) {
      if (record.isProtected) this._wire.note(record, false, [this]);
    }
  }

  /** Its client is no more. */
  end() {
    this._wire.unwatchLater(this);
  }
}

/** A client's UDP socket, from which the wire learns what it sends and where it is. */
class WatchedRadio extends Radio {
  constructor(port, place, watched) {
    super(port, place);
    this.watched = watched;
    watched.moveTo(place);
  }

  moveTo(place) {
    super.moveTo(place);
    // Not yet in the constructor above.
    this.watched?.moveTo(place);
  }

  send(datagram, port, host, callback) {
    this.watched.handleSent(datagram);
    super.send(datagram, port, host, callback);
  }
}

class Wire {
  /**
   * @param {string} suite OpenSSL's name, of connections of DTLS 1.2
   * @param {number} idLength of the server's connection IDs; those of clients are empty
   * @param {number} port of the server
   */
  constructor(suite, idLength, port) {
    this.suite = suite;
    this.idLength = idLength;
    this._port = port;
    /**
     * Protected records that were opened with a new nonce, the same records again, others with a nonce that had come before, and those
     * that no keys opened. In DTLS 1.3 a server protects its first flight already. When a client's hello has reached two servers, one
     * of which had just gone, it knows the keys of one flight alone.
     */
    this.counts = { new: 0, copy: 0, repeated: 0, unread: 0, ofLostHandshakes: 0 };
    /** How many of those that no keys opened were of which kind. */
    this.unread = new Map();
    /** By place: the connections whose clients have been there, the last guest last. */
    this._guests = new Map();
    this._ended = [];
  }

  /** Sees all that comes to this place of `radio.js`, before its guest does. */
  watch(place) {
    this._guests.set(place, new Set());
    place.udp.prependListener('message', (datagram, { port }) => {
      // The place's port may have been another program's, to whose clients its server still says goodbye.
      if (port === this._port) this._handleReceived(datagram, place);
    });
  }

  /** A connection that begins. */
  connection() {
    return new Watched(this);
  }

  guestsOf(place) {
    return this._guests.get(place);
  }

  _handleReceived(datagram, place) {
    const guests = [...this.guestsOf(place)].reverse();
    for (const record of cut(datagram)) {
      const random = serverRandom(record);
      if (random !== undefined) for (const guest of guests) guest.handleServerRandom(random);
      if (record.isProtected) this.note(record, true, guests);
    }
  }

  /** @param {Watched[]} guests those to whom it may belong */
  note(record, fromServer, guests) {
    for (const guest of guests) {
      const nonce = guest.read(record, fromServer);
      if (nonce === null) continue;
      this.counts[nonce]++;
      return;
    }
    const unborn = guests.find(({ hasKeys }) => !hasKeys);
    if (unborn === undefined) this._countUnread(record, fromServer);
    else unborn.wait(record, fromServer, guests);
  }

  _countUnread(record, fromServer) {
    this.counts[record.isOfHandshake ? 'ofLostHandshakes' : 'unread']++;
    if (record.isOfHandshake) return;
    const what = record.isNewer ? `DTLS 1.3, first byte ${record.head[0]}` : `DTLS 1.2, type ${record.type}`;
    const kind = `${what}, ${record.fragment.length} B, ${fromServer ? 'to' : 'from'} a client`;
    this.unread.set(kind, (this.unread.get(kind) ?? 0) + 1);
  }

  unwatchLater(watched) {
    const now = Date.now();
    this._ended.push({ watched, due: now + LINGERING });
    while (this._ended[0].due <= now) this._unwatch(this._ended.shift().watched);
  }

  _unwatch(watched) {
    for (const [record, fromServer] of watched.waiting) this._countUnread(record, fromServer);
    for (const place of watched.places) this.guestsOf(place).delete(watched);
  }
}

module.exports = { WatchedRadio, Wire };
