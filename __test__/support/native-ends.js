'use strict';

// Native objects by themselves: no event loop, and no sockets unless a test binds them. What leaves one of them enters another
// when the test says so.

const dgram = require('node:dgram');

const { clientOptions, serverOptions } = require('../../lib/options/options.js');
const { BriefEvents } = require('../../lib/transport/brief.js');
const { registers: layout } = require('../../lib/transport/layout.js');
const { NativeClient, NativeServer } = require('../../lib/transport/native-endpoint.js');

const { COUNT, DUE, EVENTS, JOBS, LENGTH, MORE, NOW, PAYLOADS, PAYLOAD_LENGTH, TRANSMITS, WAITING } = layout;
const { PAYLOAD_CONNECTION, PAYLOAD_DATAGRAM, PAYLOAD_END } = layout;

/** Who everybody is, unless a test says otherwise. */
const BOB = { psk: Buffer.from('secret of bob'), pskIdentity: 'bob' };

/** Longer than any batch takes. */
const PATIENT = 1e9;

/** A server or a client, and where it is. */
class End {
  constructor(NativeClass, options, address, { slots = 32, waker, number = 0, threads = 0, ...memory } = {}) {
    this.address = address;
    this.port = 5684;
    this.registers = new Float64Array(LENGTH);
    this.brief = new BriefEvents(slots);
    const { registers = this.registers, brief = this.brief.bytes } = memory;
    this.native = new NativeClass(options, registers, brief, waker, number, threads);
  }

  static server(options = {}, means = {}) {
    const { native: own } = serverOptions({ psk: { bob: BOB.psk }, ...options });
    const end = new End(NativeServer, { ...own, ...means.native }, '192.0.2.1', means);
    if (means.knowsKeys !== false) end.native.knowKeys(null, [Buffer.from(BOB.pskIdentity)], [BOB.psk]);
    return end;
  }

  static client(options = {}, means = {}) {
    const { native: own } = clientOptions({ port: 1, ...BOB, ...options });
    return new End(NativeClient, { ...own, ...means.native }, '192.0.2.2', means);
  }

  /** Whether this bit of what waits is set. */
  waits(bit) {
    return (this.registers[WAITING] & bit) !== 0;
  }

  get due() {
    return this.registers[DUE];
  }

  get now() {
    return this.registers[NOW];
  }

  get hasMore() {
    return this.registers[MORE];
  }

  get hasJobs() {
    return this.registers[JOBS];
  }

  get count() {
    return this.registers[COUNT];
  }

  /** All events that wait, in their order, by whichever way they come. */
  events() {
    const events = [];
    for (;;) {
      let event = this.brief.read();
      if (event === null && this.waits(EVENTS)) event = this.native.pollEvent() ?? this.brief.read();
      if (event === null) return events;
      events.push(event);
    }
  }

  /** All datagrams that Node would send. */
  transmits() {
    const transmits = [];
    while (this.waits(TRANSMITS)) transmits.push(this.native.pollTransmit());
    return transmits;
  }

  /** Takes a datagram from another end. */
  take(datagram, from, drains = false) {
    return this.messages(this.native.receive(datagram, from.address, from.port, drains));
  }

  /** What a batch has, as `[connection, message, bytes of its datagram]`. */
  messages(batch) {
    const { registers } = this;
    if (batch === undefined) return [];
    return Array.from({ length: this.count }, (_, index) => {
      const entry = PAYLOADS + PAYLOAD_LENGTH * index;
      const start = index === 0 ? 0 : registers[entry - PAYLOAD_LENGTH + PAYLOAD_END];
      const message = batch.subarray(start, registers[entry + PAYLOAD_END]).toString();
      return [registers[entry + PAYLOAD_CONNECTION], message, registers[entry + PAYLOAD_DATAGRAM]];
    });
  }

  /** Binds a UDP socket; its address is where this end is from now on. */
  bind(t, { address = '127.0.0.1', ipv6Only = false, byPeer = false, batchTime = PATIENT } = {}) {
    const descriptor = this.native.bindUdp(address, 0, ipv6Only, byPeer, batchTime);
    const udp = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
    udp.bind({ fd: descriptor, exclusive: true });
    t.after(() => {
      this.native.releaseUdp();
      udp.close();
    });
    Object.assign(this, { address, port: udp.address().port, descriptor, udp });
    return this;
  }
}

/** Carries datagrams between ends until nothing is under way. */
function settle(...ends) {
  carry(ends, () => {});
}

/** The same, and calls back with each datagram and the end that it is from. What is for nobody is lost. */
function carry(ends, onDatagram) {
  for (let some = true; some; ) {
    some = false;
    for (const from of ends) {
      for (const { address, datagram, port } of from.transmits()) {
        some = true;
        onDatagram(datagram, from);
        ends.find((end) => end.address === address && end.port === port)?.take(datagram, from);
      }
    }
  }
}

/** A server and a client that have had their handshake, and their connections. */
function pair({ server: serverOptions_, client: clientOptions_, serverMeans, clientMeans } = {}) {
  return meet(End.server(serverOptions_, serverMeans), End.client(clientOptions_, clientMeans));
}

/** Has a client's handshake with a server. */
function meet(server, client) {
  const own = client.native.connect(server.address, server.port);
  settle(client, server);
  const events = { server: server.events(), client: client.events() };
  const at = events.server.find(({ kind }) => kind === 'secure')?.connection;
  return { server, client, own, at, events };
}

/**
 * A server and a client with sockets of their own, which have had their handshake: `send` has the client send messages, and
 * `seal` answers the datagram of one that does not leave.
 */
function boundPair(t, { server: serverOptions_, client: clientOptions_, ...where } = {}) {
  const server = End.server(serverOptions_).bind(t, where);
  const client = End.client(clientOptions_).bind(t);
  const own = client.native.connect(server.address, server.port);
  let at;
  for (let round = 0; round < 100 && at === undefined; round++) {
    server.native.receiveMore(true);
    client.native.receiveMore(true);
    at = server.events().find(({ kind }) => kind === 'secure')?.connection;
  }
  client.events();
  const send = (messages) => {
    for (const message of messages) client.native.send(own, Buffer.from(message));
  };
  const seal = (message) => {
    client.native.setCongested(true);
    const datagram = client.native.send(own, Buffer.from(message));
    client.native.setCongested(false);
    return datagram;
  };
  return { server, client, own, at, send, seal };
}

module.exports = { BOB, End, PATIENT, boundPair, carry, meet, pair, settle };
