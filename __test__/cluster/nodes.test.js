'use strict';

// Nodes that serve one address: 'forward' and inject(), and links between hosts.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { linkNodes } = require('../../lib/cluster');
const { createServer, promises, versions } = require('../..');
const { defaults } = require('../../lib/options/defaults');
const { BOB, HOST, echo, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { startBalancer } = require('../support/node-balancer.js');

const KEY = Buffer.alloc(32, 7);

const hasNewer = versions['aws-lc'] !== undefined;

/** Whether the system tells which address was asked, and the server listens to it. */
const knowsAsked = process.platform === 'linux' && defaults.nativeUdp;

/** What `addressValidation` would say until a check is over is not the subject here. */
const NODE = { psk: { bob: BOB.psk }, connectionId: 8, addressValidation: 'none' };

/** Two nodes behind a balancer, and a client whose connection the first has. */
async function twoNodes(t, { start = startServer, options = {}, host } = {}) {
  const nodes = [];
  for (const nodeId of [1, 2]) nodes.push(await start(t, { ...NODE, ...options, nodeId }, echo));
  const balancer = await startBalancer(t, nodes[0].address().port, host);
  const accepted = event(nodes[0], 'secureConnection');
  const client = openClient(t, { address: () => ({ port: balancer.port }) }, { ...BOB, ...options, connectionId: 0 });
  await Promise.all([accepted, event(client, 'secureConnect')]);
  const say = async (message) => {
    const answer = messages(client, 1);
    client.write(message);
    return (await answer)[0];
  };
  return { nodes, balancer, client, say };
}

/** Links between nodes, each of which reaches the other. */
async function linked(t, nodes, options) {
  const links = nodes.map((node) => linkNodes(node, { key: KEY, address: HOST, port: 0, ...options }));
  for (const link of links) t.after(() => link.close());
  await Promise.all(links.map((link) => event(link, 'listening')));
  const places = Object.fromEntries(
    links.map((link, index) => [index + 1, { address: HOST, port: link.address().port }]),
  );
  const reached = Promise.all(links.map((link) => until(link, 'reach', (ids) => ids.length === nodes.length - 1)));
  for (const link of links) link.setNodes(places);
  await reached;
  return { links, places };
}

function until(emitter, name, isEnough) {
  return new Promise((resolve) => {
    emitter.on(name, (value) => {
      if (isEnough(value)) resolve();
    });
  });
}

describe('nodeId', () => {
  test('is the first byte of connection IDs, which need another', async (t) => {
    const { nodes } = await twoNodes(t);
    const [socket] = Object.values(nodes[0].sockets);
    assert.equal(socket.connectionId[0], 1);
    const code = (options) => {
      try {
        createServer({ psk: 'x', ...options });
      } catch (error) {
        return error.code;
      }
      return undefined;
    };
    assert.equal(code({ nodeId: 1 }), 'ERR_MISSING_OPTION');
    assert.equal(code({ nodeId: 1, connectionId: 1 }), 'ERR_OUT_OF_RANGE');
    assert.equal(code({ nodeId: 256, connectionId: 8 }), 'ERR_OUT_OF_RANGE');
    assert.equal(code({ nodeId: '1', connectionId: 8 }), 'ERR_INVALID_ARG_TYPE');
  });
});

describe("'forward' and inject()", () => {
  test('take a datagram to the node that has its connection', async (t) => {
    const { nodes, balancer, client } = await twoNodes(t);
    const [first, second] = nodes;
    const [socket] = Object.values(first.sockets);
    const heard = messages(socket, 1);
    second.on('forward', (node, datagram, rinfo) => {
      assert.deepEqual([node, rinfo.port, rinfo.family, rinfo.size], [1, balancer.outerPort, 'IPv4', datagram.length]);
      first.inject(datagram, rinfo);
    });
    balancer.target = second.address().port;
    client.write('through the other');
    assert.deepEqual(await heard, ['through the other']);
    assert.equal(second.stats.datagramsForwarded, 1);
    assert.equal(first.stats.datagramsInjected, 1);
    assert.equal(second.stats.connections, 0);
  });

  test('end after one hop', async (t) => {
    const { nodes, balancer, client } = await twoNodes(t);
    const [, second] = nodes;
    let hops = 0;
    second.on('forward', (_node, datagram, rinfo) => {
      hops++;
      second.inject(datagram, rinfo);
    });
    balancer.target = second.address().port;
    const forwarded = event(second, 'forward');
    client.write('round and round');
    await forwarded;
    await sleep(20);
    assert.equal(hops, 1);
    assert.equal(second.stats.drops.otherNode, 1);
  });

  test('are not for records that nobody forwards, which are counted', async (t) => {
    const { nodes, balancer, client } = await twoNodes(t);
    const [, second] = nodes;
    balancer.target = second.address().port;
    client.write('for nobody');
    while (second.stats.drops.otherNode === 0) await sleep(2);
    second.on('forward', () => {});
    second.removeAllListeners('forward');
    client.write('for nobody either');
    while (second.stats.drops.otherNode === 1) await sleep(2);
    assert.equal(second.stats.datagramsForwarded, 0);
  });

  test('refuse anything that is not a datagram of a peer', async (t) => {
    const server = await startServer(t, { ...NODE, nodeId: 1 });
    const rinfo = { address: HOST, port: 1000 };
    assert.throws(() => server.inject('text', rinfo), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => server.inject(Buffer.of(1), null), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => server.inject(Buffer.of(1), { ...rinfo, address: 'here' }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => server.inject(Buffer.of(1), { ...rinfo, port: 0 }), { code: 'ERR_OUT_OF_RANGE' });
    server.inject(Buffer.from('noise'), rinfo);
    assert.equal(server.stats.drops.noRecord, 1);
    await new Promise((resolve) => server.close(resolve));
    server.inject(Buffer.from('noise'), rinfo);
    assert.equal(server.stats.datagramsInjected, 1);
  });
});

describe('a link', () => {
  test('takes datagrams to their node, and answers back the way that they came', async (t) => {
    const { nodes, balancer, say } = await twoNodes(t);
    const [first, second] = nodes;
    await linked(t, nodes);
    balancer.target = second.address().port;
    assert.equal(await say('through the second'), 'through the second');
    assert.equal(await say('and again'), 'and again');
    balancer.target = first.address().port;
    assert.equal(await say('directly'), 'directly');
    assert.equal(balancer.strangers, 0);
    assert.equal(first.stats.handshakesCompleted, 1);
    assert.deepEqual([first.stats.datagramsInjected, second.stats.datagramsForwarded], [2, 2]);
  });

  test('takes answers of DTLS 1.3 back the way that they came', {
    skip: hasNewer ? false : 'this build has no AWS-LC',
  }, async (t) => {
    const options = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
    const { nodes, balancer, say } = await twoNodes(t, { options });
    await linked(t, nodes);
    balancer.target = nodes[1].address().port;
    assert.equal(await say('through the second'), 'through the second');
    assert.equal(balancer.strangers, 0);
  });

  test('has answers leave from the address that was asked', {
    skip: knowsAsked ? false : 'nobody tells',
  }, async (t) => {
    const start = async (_, options, listener) => {
      const server = await promises.listen(createServer(options, listener), 0, '0.0.0.0');
      t.after(() => new Promise((resolve) => server.close(resolve)));
      return server;
    };
    // Linux has all of 127.0.0.0/8 as addresses of its own.
    const { nodes, balancer, say } = await twoNodes(t, { start, host: '127.0.0.2' });
    await linked(t, nodes);
    balancer.target = nodes[1].address().port;
    assert.equal(await say('through the second'), 'through the second');
    assert.equal(balancer.strangers, 0);
  });

  test('lets nothing in that is forged, replayed or of another key', async (t) => {
    const { nodes, balancer, client } = await twoNodes(t);
    const [first, second] = nodes;
    const [socket] = Object.values(first.sockets);
    const { links, places } = await linked(t, nodes);
    // Whoever reads the network between the nodes sees what the second sends, and sends it again.
    const listener = links[0]._listener;
    const seen = [];
    listener.dgramSocket.prependListener('message', (datagram, remote) => seen.push([datagram, remote]));
    balancer.target = second.address().port;
    const heard = messages(socket, 1);
    client.write('once');
    await heard;
    const before = first.stats;
    const [record, remote] = seen.at(-1);
    const forged = Buffer.from(record);
    // With a number that was not heard yet.
    forged[10] += 1;
    const spoof = dgram.createSocket('udp4');
    t.after(() => spoof.close());
    const stranger = { address: HOST, family: 'IPv4', port: 9, size: record.length };
    for (const [datagram, from] of [
      [record, remote],
      [forged, remote],
      [record, stranger],
      [Buffer.concat([Buffer.of(63, 0, 0, 4, 127, 0, 0, 1), balancer.sent.at(-1)]), stranger],
    ]) {
      listener.dgramSocket.emit('message', datagram, from);
    }
    // Types 62 and 63 of Californium's mean nothing on the public port, and neither do parcels.
    for (const type of [62, 63, 1, 2]) {
      first.dgramSocket.emit('message', Buffer.concat([Buffer.of(type), balancer.sent.at(-1)]), stranger);
    }
    assert.equal(first.stats.datagramsInjected, before.datagramsInjected);
    assert.equal(first.stats.messagesReceived, before.messagesReceived);
    const { drops } = listener.stats;
    assert.equal(drops.replayed, 1);
    assert.equal(drops.unauthentic, 1);
    // Nodes with different keys make no link.
    const third = await startServer(t, { ...NODE, nodeId: 3 });
    const link = linkNodes(third, { key: Buffer.alloc(32, 8), address: HOST, port: 0, nodes: { 1: places[1] } });
    t.after(() => link.close());
    await event(listener, 'clientError');
    assert.deepEqual(link.stats.nodes, []);
  });

  test('counts records of a node that nobody is, and keeps nothing of them', async (t) => {
    const { nodes, balancer, say } = await twoNodes(t);
    const [, second] = nodes;
    await linked(t, nodes);
    const record = Buffer.from(balancer.sent.at(-1));
    record.fill(0);
    record.set([25, 254, 253, 0, 1]);
    record.writeUInt16BE(record.length - 21, 19);
    record[11] = 99;
    for (let count = 0; count < 100; count++) {
      second.dgramSocket.emit('message', record, {
        address: HOST,
        family: 'IPv4',
        port: 1 + count,
        size: record.length,
      });
    }
    assert.equal(second.stats.drops.otherNode, 100);
    assert.equal(second.stats.datagramsForwarded, 0);
    balancer.target = second.address().port;
    assert.equal(await say('as if nothing had happened'), 'as if nothing had happened');
  });

  test('finds a node again that was away', async (t) => {
    const { nodes, balancer, say } = await twoNodes(t);
    const [first, second] = nodes;
    const { links, places } = await linked(t, nodes);
    const gone = until(links[1], 'reach', (ids) => ids.length === 0);
    const closed = event(links[0], 'close');
    links[0].close();
    await Promise.all([gone, closed]);
    const again = linkNodes(first, { key: KEY, address: HOST, port: places[1].port, nodes: places });
    t.after(() => again.close());
    await Promise.all([links[1], again].map((link) => until(link, 'reach', (ids) => ids.length === 1)));
    balancer.target = second.address().port;
    assert.equal(await say('still there'), 'still there');
  });

  test('refuses options that make none', async (t) => {
    const server = await startServer(t, { ...NODE, nodeId: 1 });
    const plain = await startServer(t, NODE);
    for (const [on, options, code] of [
      [server, { port: 1 }, 'ERR_INVALID_ARG_VALUE'],
      [server, { key: KEY }, 'ERR_INVALID_ARG_VALUE'],
      [server, { key: KEY.subarray(0, 8), port: 1 }, 'ERR_OUT_OF_RANGE'],
      [server, { key: 'text', port: 1 }, 'ERR_INVALID_ARG_TYPE'],
      [server, { key: KEY, port: 1, address: 'here' }, 'ERR_INVALID_ARG_VALUE'],
      [server, { key: KEY, port: 1, nodes: { 256: { address: HOST, port: 1 } } }, 'ERR_OUT_OF_RANGE'],
      [plain, { key: KEY, port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ]) {
      assert.throws(() => linkNodes(on, options), { code }, JSON.stringify(options));
    }
  });
});
