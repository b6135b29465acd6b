'use strict';

// A node and its link by themselves: made-up servers and connections, and a clock that the test moves.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');

const { createServer } = require('../..');
const { joinCluster, linkNodes } = require('mbed-dtls/cluster');
const { Link } = require('../../lib/cluster/link');
const { Node } = require('../../lib/cluster/node');
const { thrown } = require('../support/observed.js');

/** A server whose native object notes what it is told. */
function madeUpServer() {
  const told = [];
  const server = new EventEmitter();
  const record =
    (name) =>
    (...args) =>
      told.push([name, ...args]);
  const native = {
    becomeNode: record('become'),
    forwardTo: (nodes, parcel) => told.push(['reach', [...nodes], parcel]),
    unpack: (datagrams) => datagrams,
  };
  server._endpoint = {
    native,
    inject: record('inject'),
    injectParcel: record('parcel'),
    sendParcel: record('answers'),
  };
  return { server, told };
}

describe('a node', () => {
  function start(options) {
    const { server, told } = madeUpServer();
    const node = new Node(server, { nodeId: undefined, connectionId: 4, ...options });
    server._node = node;
    return { server, node, told: () => told.splice(0) };
  }
  const all = Array.from({ length: 256 }, (_, index) => index);

  test('gets its number before its first connection, with connection IDs that have room for it', () => {
    const { node, told } = start();
    assert.deepEqual([node.id, node.isWorker], [undefined, false]);
    node.become(7);
    assert.deepEqual([node.id, node.isWorker, told()], [7, true, [['become', 7]]]);
    assert.equal(start({ nodeId: 3 }).node.id, 3);
    start({ connectionId: 2 }).node.become(1);
    const room =
      'The "options.connectionId" property must be 2 bytes or more, because nodes know their connections by it';
    for (const connectionId of [undefined, 1]) {
      assert.deepEqual(
        thrown(() => start({ connectionId }).node.become(7)),
        ['ERR_INVALID_ARG_VALUE', room],
      );
    }
    assert.deepEqual(
      thrown(() => start({ makesIds: true }).node.become(7)),
      [
        'ERR_INVALID_ARG_VALUE',
        'The "options.connectionId" property must be a number, because the cluster chooses the first byte of each connection ID',
      ],
    );
  });

  test("has all nodes there may be while somebody listens, and a link's while there is one", () => {
    const { server, node, told } = start();
    node.listen();
    assert.deepEqual(told(), []);
    server.on('forward', () => {});
    node.listen();
    node.listen();
    assert.deepEqual(told(), [['reach', all, 0]]);
    const link = { forward() {} };
    node.use(link);
    assert.deepEqual(told(), [['reach', [], 0]]);
    node.listen();
    node.reach([1, 2], 99);
    assert.deepEqual(told(), [['reach', [1, 2], 99]]);
    assert.deepEqual(
      thrown(() => node.use({ forward() {} })),
      ['ERR_INVALID_ARG_VALUE', 'The "server" argument has a link already'],
    );
    node.use(null);
    assert.deepEqual(told(), [
      ['reach', [], 0],
      ['reach', all, 0],
    ]);
    server.removeAllListeners('forward');
    node.listen();
    assert.deepEqual(told(), [['reach', [], 0]]);
  });

  test('hands what belongs to another to its link, or to whoever listens', () => {
    const { server, node } = start();
    const heard = [];
    server.on('forward', (...args) => heard.push(args));
    const datagram = Buffer.from('abc');
    const parcel = { node: 7, isReply: false, datagrams: [{ datagram, address: '::1', port: 5 }] };
    node.onParcel(parcel);
    assert.deepEqual(heard.splice(0), [[7, datagram, { address: '::1', family: 'IPv6', port: 5, size: 3 }]]);
    const forwarded = [];
    node.use({ forward: (one) => forwarded.push(one) });
    node.onParcel(parcel);
    assert.deepEqual([heard, forwarded], [[], [parcel]]);
  });

  test('takes datagrams of peers, and nothing else', () => {
    const { node, told } = start();
    const datagram = Buffer.from('abc');
    const rinfo = { address: '192.0.2.1', port: 5 };
    node.inject(datagram, rinfo);
    assert.deepEqual(told(), [['inject', datagram, rinfo]]);
    const message = (...args) => thrown(() => node.inject(...args))[1];
    assert.match(message('abc', rinfo), /^The "datagram" argument must be an instance of Uint8Array\./);
    assert.match(message(datagram, null), /^The "rinfo" argument must be of type object\./);
    assert.match(message(datagram, 5), /^The "rinfo" argument must be of type object\./);
    assert.match(
      message(datagram, { ...rinfo, address: 'host' }),
      /^The "rinfo\.address" property must be an IP address\./,
    );
    assert.match(message(datagram, { ...rinfo, port: 0 }), /"rinfo\.port" is out of range\. It must be >= 1/);
  });
});

describe('a link', () => {
  const KEY = Buffer.alloc(16, 1);

  class Connection extends EventEmitter {
    writableLength = 0;
    written = [];
    isDestroyed = false;
    write(message) {
      this.written.push(Buffer.from(message));
    }
    destroy() {
      this.isDestroyed = true;
    }
    unref() {
      this.isUnreferenced = true;
    }
  }

  function start(t, settings) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { server, told } = madeUpServer();
    server._node = new Node(server, { nodeId: 5, connectionId: 4 });
    const listener = new EventEmitter();
    listener.listen = (where, callback) => {
      listener.where = where;
      callback();
    };
    listener.unref = () => {
      listener.isUnreferenced = true;
    };
    listener.close = (callback) => callback();
    listener.address = () => 'address';
    const opened = [];
    const link = new Link(server, {
      key: KEY,
      relays: true,
      isSameMachine: false,
      parcel: 1300,
      createServer: (options) => {
        listener.options = options;
        return listener;
      },
      connect: (options, whenOpen) => {
        const connection = new Connection();
        opened.push(Object.assign(connection, { options, open: whenOpen }));
        return connection;
      },
      ...settings,
    });
    const reached = [];
    link.on('reach', (nodes) => reached.push(nodes));
    return {
      link,
      server,
      listener,
      opened,
      reached,
      told: () => told.splice(0),
      tick: (ms) => t.mock.timers.tick(ms),
    };
  }

  const PLACES = {
    1: { address: '192.0.2.1', port: 11 },
    2: { address: '192.0.2.2', port: 12 },
    5: { address: 'own', port: 1 },
  };

  test('is a server for the others, by whom all have one key', (t) => {
    const { link, listener } = start(t);
    const { psk, ciphers, idleTimeout, hibernateAfter } = listener.options;
    assert.deepEqual([Object.keys(psk).length, psk[0], psk[255], psk[256]], [256, KEY, KEY, undefined]);
    assert.deepEqual([ciphers, idleTimeout, hibernateAfter], [['TLS_PSK_WITH_AES_128_GCM_SHA256'], 10_000, Infinity]);
    let isListening = false;
    link.on('listening', () => {
      isListening = true;
    });
    assert.equal(link.listen({ port: 7, address: '::1' }), link);
    assert.deepEqual(
      [listener.where, isListening, listener.isUnreferenced],
      [{ port: 7, host: '::1', exclusive: true }, true, true],
    );
    assert.equal(link.address(), 'address');
  });

  test('is a client of each other node, which counts when it is connected', (t) => {
    const { link, opened, reached, told } = start(t);
    told();
    link.setNodes(PLACES);
    assert.deepEqual(
      opened.map(({ options }) => options),
      [1, 2].map((id) => ({
        host: `192.0.2.${id}`,
        port: 10 + id,
        psk: KEY,
        pskIdentity: '5',
        ciphers: ['TLS_PSK_WITH_AES_128_GCM_SHA256'],
        handshakeTimeout: 10_000,
      })),
    );
    assert.deepEqual([reached.splice(0), told()], [[[]], [['reach', [], 1300]]]);
    opened[1].open();
    assert.deepEqual([reached.splice(0), told()], [[[2]], [['reach', [2], 1300]]]);
    assert.deepEqual(link.stats, { nodes: [2], parcelsLost: 0 });
    assert(opened.every(({ isUnreferenced }) => isUnreferenced));
    opened[1].emit('error', new Error('nobody minds'));
  });

  test('keeps the nodes that stay where they are, and leaves the others', (t) => {
    const { link, opened } = start(t);
    link.setNodes(PLACES);
    link.setNodes({ 1: PLACES[1], 2: { ...PLACES[2], port: 13 } });
    assert.deepEqual([opened.length, opened.map(({ isDestroyed }) => isDestroyed)], [3, [false, true, false]]);
    link.setNodes({ 1: { ...PLACES[1], address: 'x' } });
    assert.deepEqual(
      opened.map(({ isDestroyed }) => isDestroyed),
      [true, true, true, false],
    );
    link.setNodes({});
    assert.equal(opened[3].isDestroyed, true);
  });

  test('asks each node every second, and gives it up after three questions without an answer', (t) => {
    const { link, opened, tick, reached } = start(t);
    link.setNodes(PLACES);
    const [one] = opened;
    one.open();
    const PING = Buffer.of(0);
    assert.deepEqual(one.written, [PING]);
    tick(999);
    assert.equal(one.written.length, 1);
    tick(1);
    tick(1000);
    assert.deepEqual(one.written, [PING, PING, PING]);
    one.emit('data', PING);
    for (let count = 0; count < 3; count++) tick(1000);
    assert.deepEqual([one.written.length, one.isDestroyed], [6, false]);
    tick(1000);
    assert.deepEqual([one.written.length, one.isDestroyed], [6, true]);
    reached.length = 0;
    one.emit('close');
    assert.deepEqual(reached, [[]]);
    tick(249);
    assert.equal(opened.length, 2);
    tick(1);
    assert.deepEqual([opened.length, opened[2].options.host], [3, '192.0.2.1']);
    opened[2].open();
    assert.equal(opened[2].written.length, 1);
    tick(1000);
    assert.deepEqual([opened[2].written.length, opened[2].isDestroyed], [2, false]);
  });

  test('sends parcels to their nodes, and counts those that it cannot', (t) => {
    const { link, opened } = start(t);
    const send = (node, isReply, length = 2) => link.forward({ node, isReply, datagrams: Buffer.alloc(length, 9) });
    send(1, false);
    link.setNodes(PLACES);
    send(1, false);
    assert.equal(link.stats.parcelsLost, 2);
    const [one] = opened;
    one.open();
    one.written.length = 0;
    send(1, false);
    send(1, true);
    assert.deepEqual(one.written, [Buffer.of(1, 9, 9), Buffer.of(2, 9, 9)]);
    send(1, true, 16_000);
    assert.deepEqual([one.written[2].length, link.stats.parcelsLost], [16_001, 2]);
    send(1, true, 16_001);
    one.writableLength = 1024 * 1024;
    send(1, true);
    assert.deepEqual([one.written.length, link.stats.parcelsLost], [4, 3]);
    one.writableLength += 1;
    send(1, true);
    assert.deepEqual([one.written.length, link.stats.parcelsLost], [4, 4]);
    send(5, true);
    assert.equal(link.stats.parcelsLost, 5);
  });

  test('takes what others send, each kind to its place', (t) => {
    for (const [relays, relay] of [
      [true, 7],
      [false, undefined],
    ]) {
      const { listener, told } = start(t, { relays, isSameMachine: !relays });
      told();
      const socket = new Connection();
      socket.pskIdentity = Buffer.from('7');
      listener.emit('secureConnection', socket);
      socket.emit('data', Buffer.of(0));
      assert.deepEqual(socket.written, [Buffer.of(0)]);
      socket.emit('data', Buffer.of(1, 5));
      socket.emit('data', Buffer.of(2, 6));
      socket.emit('data', Buffer.of(3, 7));
      assert.deepEqual(told(), [
        ['parcel', Buffer.of(5), { relay, isSameMachine: !relays }],
        ['answers', Buffer.of(6)],
      ]);
      assert.equal(socket.written.length, 1);
      t.mock.timers.reset();
    }
  });

  test('ends with its server, or when its UDP socket fails, and once', (t) => {
    const { link, server, opened, told, tick, reached } = start(t);
    link.setNodes(PLACES);
    opened[0].open();
    told();
    reached.length = 0;
    let closes = 0;
    link.on('close', () => closes++);
    server.emit('close');
    link.close();
    assert.deepEqual(
      [closes, told(), opened.map(({ isDestroyed }) => isDestroyed)],
      [1, [['reach', [], 0]], [true, true]],
    );
    opened[0].emit('close');
    tick(5000);
    link.setNodes(PLACES);
    assert.deepEqual([opened.length, reached, opened[0].written.length], [2, [], 1]);
    t.mock.timers.reset();
    const failing = start(t);
    const errors = [];
    failing.link.on('error', (error) => errors.push(error.message));
    failing.link.on('close', () => errors.push('closed'));
    failing.listener.emit('error', new Error('no port'));
    assert.deepEqual(errors, ['closed', 'no port']);
  });
});

describe('options', () => {
  const KEY = Buffer.alloc(16, 1);
  const message = (options, server = createServer({ psk: 'x', nodeId: 1, connectionId: 2 })) =>
    thrown(() => linkNodes(server, { key: KEY, port: 0, ...options }))[1];

  test('of a link are its key, its port, and where the others are', () => {
    const needs = 'The "options" argument needs "options.key" and "options.port"';
    assert.deepEqual([message({ key: undefined }), message({ port: undefined })], [needs, needs]);
    assert.equal(message({}, createServer({ psk: 'x' })), 'The "server" argument needs the option nodeId');
    assert.match(message({ key: 'x' }), /^The "options\.key" property must be an instance of Uint8Array/);
    assert.equal(
      message({ key: KEY.subarray(1) }),
      'The value of "options.key.length" is out of range. It must be >= 16. Received 15',
    );
    assert.equal(message({ address: 'host' }), 'The "options.address" property must be an IP address');
    assert.match(message({ relayAnswers: 1 }), /"options\.relayAnswers" property must be of type boolean/);
    assert.match(message({ nodes: null }), /^The "options\.nodes" property must be of type object\. Received null/);
    assert.match(message({ nodes: 5 }), /^The "options\.nodes" property must be of type object/);
    assert.match(
      message({ nodes: { 256: {} } }),
      /"options\.nodes: the number of a node" is out of range\. It must be >= 0 && <= 255/,
    );
    assert.match(message({ nodes: { x: {} } }), /"options\.nodes: the number of a node" is out of range/);
    assert.match(message({ nodes: { 1: null } }), /^The "options\.nodes\.1" property must be of type object/);
    assert.match(message({ nodes: { 1: 5 } }), /^The "options\.nodes\.1" property must be of type object/);
    assert.match(
      message({ nodes: { 255: { port: 1 } } }),
      /^The "options\.nodes\.255\.address" property must be of type string/,
    );
    assert.match(
      message({ nodes: { 1: { address: 'x', port: 0 } } }),
      /"options\.nodes\.1\.port" is out of range\. It must be >= 1/,
    );
  });

  test('of a worker are for workers', () => {
    assert.deepEqual(
      thrown(() => joinCluster(createServer({ psk: 'x' }))),
      ['ERR_INVALID_STATE', 'joinCluster() is for workers that forkNode() has started'],
    );
    assert.match(
      thrown(() => joinCluster(createServer({ psk: 'x' }), { name: 5 }))[1],
      /"options\.name" property must be of type string/,
    );
  });
});
