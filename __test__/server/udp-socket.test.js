'use strict';

// The UDP socket of a server, with a made-up server around it: each state, and what is told in it.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');
const { ServerUdp } = require('../../lib/server-udp');
const { later } = require('../support/observed.js');

/** A UDP socket that the application has made, which does nothing by itself. */
class Udp extends EventEmitter {
  type = 'udp4';
  isBound = false;
  isClosed = false;
  isReferenced = true;
  bindings = [];
  sizes = [];
  bind(where) {
    this.bindings.push({ ...where });
    this.isBound = true;
    this.emit('listening');
  }
  address() {
    if (!this.isBound) throw new Error('not bound');
    return { address: '127.0.0.1', family: 'IPv4', port: 7 };
  }
  close() {
    if (this.isClosed) throw new Error('closed');
    this.isClosed = true;
    this.isBound = false;
    process.nextTick(() => this.emit('close'));
  }
  getRecvBufferSize() {
    return 1;
  }
  setRecvBufferSize(size) {
    this.sizes.push(size);
  }
  getSendQueueCount() {
    return 0;
  }
  ref() {
    this.isReferenced = true;
  }
  unref() {
    this.isReferenced = false;
  }
}

function start(options = {}) {
  const log = [];
  const note =
    (name) =>
    (...args) =>
      log.push([name, ...args]);
  const server = new EventEmitter();
  const native = { udpFamily: () => null, udpDescriptor: () => 55 };
  Object.assign(server, {
    dgramSocket: null,
    _endpoint: {
      native,
      connections: new Map(),
      use: note('use'),
      dispose: note('dispose'),
      settle: note('settle'),
      handleDatagram: note('datagram'),
      tellAddressesApart: () => true,
    },
    _arriving: { announceSome: note('announceSome'), leave: note('leave') },
    _questions: { withdrawAll: note('withdrawAll') },
    _moves: { clear: note('clear') },
    _fleet: { open: note('fleet opens'), close: note('fleet closes') },
    _node: { isWorker: false },
  });
  for (const name of ['listening', 'close', 'error']) server.on(name, (...args) => log.push([`emit ${name}`, ...args]));
  const udp = new Udp();
  const one = new ServerUdp(server, { udp: { type: 'udp4' }, socket: udp, ...options });
  const take = () => log.splice(0).map((entry) => (entry.length === 1 ? entry[0] : entry));
  return { one, server, udp, take, native };
}

const states = ({ isIdle, isListening, isClosing }) => [isIdle, isListening, isClosing];

describe('the UDP socket of a server', () => {
  test('is bound, heard and closed, and each of that is told', async () => {
    const { one, server, udp, take } = start();
    assert.deepEqual([states(one), one.isGiven, one.descriptor], [[true, false, false], true, 55]);
    one.open({ port: 7, host: '127.0.0.1' });
    assert.deepEqual(states(one), [false, false, false]);
    await later();
    assert.deepEqual(states(one), [false, true, false]);
    assert.deepEqual(udp.bindings, [{ port: 7, address: '127.0.0.1', ipv6Only: undefined, exclusive: undefined }]);
    assert.deepEqual(take(), [['use', udp, false], 'fleet opens', 'announceSome', 'settle', 'emit listening']);
    assert.deepEqual([server.dgramSocket, udp.sizes], [udp, [4 * 1024 * 1024]]);
    const remote = { address: '192.0.2.1', port: 9 };
    udp.emit('message', 'd', remote);
    assert.deepEqual(take(), [['datagram', 'd', remote]]);
    one.shutDown();
    assert.deepEqual(
      [states(one), take()],
      [
        [false, false, true],
        ['withdrawAll', 'clear', 'leave'],
      ],
    );
    udp.emit('message', 'd', remote);
    assert.deepEqual(take(), []);
    await later();
    await later();
    assert.deepEqual([states(one), udp.isClosed, server.dgramSocket], [[true, false, false], true, null]);
    assert.deepEqual(take(), ['dispose', 'leave', 'fleet closes', 'emit close']);
  });

  test('has the receive buffer that was asked for', async () => {
    const { one, udp } = start({ udp: { type: 'udp4', recvBufferSize: 5 } });
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    assert.deepEqual(udp.sizes, []);
  });

  test('keeps the process alive or not, from the beginning', async () => {
    const { one, udp } = start();
    one.setReferenced(false);
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    assert.equal(udp.isReferenced, false);
    one.setReferenced(true);
    assert.equal(udp.isReferenced, true);
    one.setReferenced(false);
    assert.equal(udp.isReferenced, false);
  });

  test('does not fail with what ICMP says of a peer, and fails with anything else', async () => {
    const { one, udp, take } = start();
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    take();
    const error = (code) => Object.assign(new Error(code), { code });
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EMSGSIZE'])
      udp.emit('error', error(code));
    await later();
    assert.deepEqual([take(), states(one)], [[], [false, true, false]]);
    const broken = error('EBADF');
    udp.emit('error', broken);
    await later();
    await later();
    assert.deepEqual(take(), [
      'withdrawAll',
      'clear',
      'leave',
      ['emit error', broken],
      'dispose',
      'leave',
      'fleet closes',
      'emit close',
    ]);
  });

  test('that fails while it closes is only closed', async () => {
    const { one, udp, take } = start();
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    one.shutDown();
    udp.emit('error', Object.assign(new Error('x'), { code: 'EBADF' }));
    await later();
    await later();
    assert(!take().some((entry) => entry[0] === 'emit error'));
  });

  test('that the application closes ends the server', async () => {
    const { one, udp, take } = start();
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    take();
    udp.close();
    await later();
    assert.deepEqual(
      [take(), states(one)],
      [
        ['dispose', 'leave', 'fleet closes', 'emit close'],
        [true, false, false],
      ],
    );
  });

  test('is not opened any more when the server is closed meanwhile', async () => {
    const { one, udp, take } = start();
    one.open({ port: 7, host: '127.0.0.1' });
    one.shutDown();
    await later();
    assert.deepEqual(
      [udp.bindings, take()],
      [[], ['withdrawAll', 'clear', 'leave', 'dispose', 'leave', 'fleet closes', 'emit close']],
    );
    assert.deepEqual(states(one), [true, false, false]);
  });

  test('whose host does not resolve is an error, and then the server is closed', async () => {
    const error = new Error('no such host');
    const calls = [];
    const lookup = (host, family, callback) => {
      calls.push([host, family]);
      callback(error);
    };
    const { one, take } = start({ lookup });
    one.open({ port: 7, host: 'host' });
    await later();
    await later();
    assert.deepEqual(calls, [['host', 4]]);
    assert.deepEqual(take(), [
      'withdrawAll',
      'clear',
      'leave',
      ['emit error', error],
      'dispose',
      'leave',
      'fleet closes',
      'emit close',
    ]);
    const six = start({ lookup, udp: { type: 'udp6' } });
    six.one.open({ port: 7, host: 'host' });
    const any = start({ lookup, udp: {} });
    any.one.open({ port: 7, host: 'host' });
    assert.deepEqual(calls.slice(1), [
      ['host', 6],
      ['host', 0],
    ]);
    await later();
  });

  test('is at all addresses where nobody names one, with the option of the call before that of the server', async () => {
    for (const [type, address] of [
      ['udp4', '0.0.0.0'],
      ['udp6', '::'],
    ]) {
      const { one, udp } = start({ udp: { type, ipv6Only: false } });
      one.open({ port: 7, ipv6Only: true, exclusive: true });
      await later();
      assert.deepEqual(udp.bindings, [{ port: 7, address, ipv6Only: true, exclusive: true }]);
    }
  });

  test('hears nothing from addresses that are blocked', async () => {
    const blockList = { check: (address) => address === '192.0.2.1' };
    const { one, udp, take } = start({ blockList });
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    take();
    udp.emit('message', 'd', { address: '192.0.2.1', port: 9 });
    udp.emit('message', 'd', { address: '::ffff:192.0.2.1', port: 9 });
    assert.deepEqual(take(), []);
    udp.emit('message', 'd', { address: '192.0.2.2', port: 9 });
    assert.equal(take().length, 1);
  });

  test('that is bound already, or is being bound by its owner, is taken as it is', async () => {
    const bound = start();
    bound.udp.isBound = true;
    bound.one.open({ port: 7, host: '127.0.0.1' });
    await later();
    assert.deepEqual([bound.udp.bindings, states(bound.one)], [[], [false, true, false]]);
    const binding = start();
    const fails = (code) => () => {
      throw Object.assign(new Error(code), { code });
    };
    binding.udp.bind = fails('ERR_SOCKET_ALREADY_BOUND');
    binding.one.open({ port: 7, host: '127.0.0.1' });
    await later();
    assert.deepEqual(binding.take(), []);
    binding.udp.isBound = true;
    binding.udp.emit('listening');
    await later();
    assert.deepEqual(states(binding.one), [false, true, false]);
    const closed = start();
    closed.udp.bind = fails('ERR_SOCKET_DGRAM_NOT_RUNNING');
    closed.one.open({ port: 7, host: '127.0.0.1' });
    await later();
    await later();
    assert.deepEqual(
      closed
        .take()
        .map((entry) => (Array.isArray(entry) ? entry[0] : entry))
        .slice(-2),
      ['fleet closes', 'emit close'],
    );
    assert.equal(closed.udp.isClosed, false);
  });

  test('says goodbye to those that are connected, and destroys the others', async () => {
    const { one, server, udp } = start();
    one.open({ port: 7, host: '127.0.0.1' });
    await later();
    const calls = [];
    const socket = (name, connected) => ({
      connected,
      end: () => {
        calls.push(`${name} ends`);
        server._endpoint.connections.delete(name);
      },
      destroy: () => {
        calls.push(`${name} destroyed`);
        server._endpoint.connections.delete(name);
      },
    });
    for (const [name, connected] of [
      ['open', true],
      ['handshake', false],
    ]) {
      server._endpoint.connections.set(name, socket(name, connected));
    }
    one.shutDown();
    assert.deepEqual(calls, ['open ends', 'handshake destroyed']);
    await later();
    await later();
    assert.equal(udp.isClosed, true);
    assert.deepEqual(calls.slice(2).toSorted(), ['handshake destroyed', 'open destroyed']);
  });
});
