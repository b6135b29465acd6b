'use strict';

// Addresses, the timer of an endpoint, and datagrams that wait: each by itself, with a clock that the test moves.

const assert = require('node:assert/strict');
const { describe, mock, test } = require('node:test');

const {
  canonicalAddress,
  destination,
  familyOf,
  isBlocked,
  reachable,
  withoutMapping,
} = require('../../lib/transport/addresses');
const { Sender } = require('../../lib/transport/sender');
const { Timer } = require('../../lib/transport/timer');
const {
  closeWhenSent,
  growReceiveBuffer,
  isBound,
  isConnected,
  needsNode,
  queuedDatagrams,
  resolve,
} = require('../../lib/transport/udp');

describe('forms of an address', () => {
  test('are one for each peer', () => {
    for (const [given, canonical] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::ffff:c000:201', '192.0.2.1'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['FE80::1%eth0', 'fe80::1%eth0'],
      ['::ffff:192.0.2.1%eth0', '192.0.2.1'],
      ['2001:DB8::', '2001:db8::'],
    ]) {
      assert.equal(canonicalAddress(given), canonical);
    }
    assert.equal(withoutMapping('::ffff:1.2.3.4'), '1.2.3.4');
    assert.equal(withoutMapping('::ffff:abcd'), '::ffff:abcd');
    assert.equal(withoutMapping('::1'), '::1');
  });

  test('are those that a socket can reach', () => {
    assert.equal(reachable('1.2.3.4', 'udp6'), '::ffff:1.2.3.4');
    assert.equal(reachable('1.2.3.4', 'udp4'), '1.2.3.4');
    assert.equal(reachable('::1', 'udp6'), '::1');
    assert.deepEqual(['0.0.0.0', '::', '::0', '::ffff:0.0.0.0', '1.2.3.4'].map(destination), [
      '127.0.0.1',
      '::1',
      '::1',
      '127.0.0.1',
      '1.2.3.4',
    ]);
    assert.deepEqual(['1.2.3.4', '::1'].map(familyOf), ['IPv4', 'IPv6']);
    const asked = [];
    const list = {
      check: (...args) => {
        asked.push(args);
        return asked.length === 1;
      },
    };
    assert.deepEqual([isBlocked(list, 'fe80::1%eth0'), isBlocked(list, '1.2.3.4')], [true, false]);
    assert.deepEqual(asked, [
      ['fe80::1', 'ipv6'],
      ['1.2.3.4', 'ipv4'],
    ]);
  });

  const resolved = (remote) => new Promise((done) => resolve(remote, (...args) => done(args)));

  test('are resolved once, to one or several, always later', async () => {
    let isLater = false;
    const literal = resolved({ host: '192.0.2.1', family: 0, lookup: assert.fail }).then((args) => [isLater, ...args]);
    isLater = true;
    assert.deepEqual(await literal, [true, null, ['192.0.2.1']]);
    const by = (...answer) =>
      resolved({
        host: 'host',
        family: 6,
        lookup: (host, family, callback) => {
          assert.deepEqual([host, family], ['host', 6]);
          callback(...answer);
          callback(new Error('again'));
        },
      });
    assert.deepEqual(await by(null, '::1'), [null, ['::1']]);
    assert.deepEqual(await by(null, [{ address: '::1' }, { address: '::2' }]), [null, ['::1', '::2']]);
    const failure = new Error('no');
    assert.deepEqual(await by(failure), [failure]);
    for (const [found, shown] of [
      ['x', 'x'],
      [undefined, 'undefined'],
      [[], 'undefined'],
      [[{ address: '::1' }, { address: 'y' }], 'y'],
      [[null], 'undefined'],
    ]) {
      const [error] = await by(null, found);
      assert.deepEqual([error.code, error.message], ['ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${shown}`]);
    }
  });
});

describe('a timer', () => {
  /** A timer whose clock the test moves, and whose looks at the socket it makes. */
  function start(t) {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const turns = { arrivals: 0, hasMore: false };
    const judge = mock.fn();
    const timer = new Timer(turns, judge);
    const wait = (ms, late = 0) => {
      now += ms + late;
      t.mock.timers.tick(ms);
    };
    return { timer, turns, judge, wait, look: () => t.mock.timers.tick(0), count: () => judge.mock.callCount() };
  }

  test('judges when it is due, after a look at the socket', (t) => {
    const { timer, wait, look, count } = start(t);
    assert.equal(timer.due, Infinity);
    timer.arm(50, 20);
    assert.equal(timer.due, 50);
    wait(19);
    assert.equal(count(), 0);
    wait(1);
    look();
    assert.deepEqual([count(), timer.due], [1, Infinity]);
  });

  test('that is stopped or armed anew does not judge for what was before', (t) => {
    const { timer, wait, look, count } = start(t);
    timer.arm(20, 20);
    timer.stop();
    assert.equal(timer.due, Infinity);
    wait(20);
    look();
    assert.equal(count(), 0);
    timer.arm(40, 20);
    timer.arm(60, 40);
    wait(20);
    look();
    assert.equal(count(), 0);
    wait(20);
    look();
    assert.equal(count(), 1);
  });

  test('that is late gives those who could not be heard as much time again, up to a second', (t) => {
    for (const [late, grace] of [
      [101, 101],
      [5000, 1000],
    ]) {
      const { timer, wait, look, count } = start(t);
      timer.arm(20, 20);
      wait(20, late);
      look();
      assert.deepEqual([count(), timer.due], [0, -Infinity]);
      wait(grace - 1);
      look();
      assert.equal(count(), 0);
      wait(1);
      look();
      assert.equal(count(), 1);
      t.mock.timers.reset();
      t.mock.restoreAll();
    }
    const { timer, wait, look, count } = start(t);
    timer.arm(20, 20);
    wait(20, 100);
    look();
    assert.equal(count(), 1);
  });
});

describe('a datagram that is sent', () => {
  /** A sender on a socket whose queue the test sets. */
  function start({ isDirect = false, isConnected: connected = false, type = 'udp4', queue = 0 } = {}) {
    const log = [];
    const callbacks = [];
    const state = { queue, count: 0 };
    const udp = {
      type,
      send: (datagram, ...args) => {
        const callback = args.at(-1);
        callbacks.push(callback);
        log.push([`${datagram}`, ...args.slice(0, -1), typeof callback]);
      },
      getSendQueueSize: () => state.queue,
      getSendQueueCount: () => state.count,
    };
    const endpoint = {
      isConnected: connected,
      isDirect,
      udp,
      native: { setCongested: (is) => log.push(`congested ${is}`) },
    };
    return { sender: new Sender(endpoint), endpoint, udp, log, callbacks, state };
  }

  test('goes to the peer, in the form that the socket reaches', () => {
    const four = start();
    four.sender.send(Buffer.from('a'), 7, '192.0.2.1', undefined);
    const six = start({ type: 'udp6' });
    six.sender.send(Buffer.from('a'), 7, '192.0.2.1', () => {});
    const connected = start({ isConnected: true });
    connected.sender.send(Buffer.from('a'), 7, '192.0.2.1', () => {});
    assert.deepEqual(four.log, [['a', 7, '192.0.2.1', 'undefined']]);
    assert.deepEqual(six.log, [['a', 7, '::ffff:192.0.2.1', 'function']]);
    assert.deepEqual(connected.log, [['a', 'function']]);
  });

  test('lets the next write come at once while the queue is short', () => {
    for (const [queue, isAtOnce] of [
      [65_535, true],
      [65_536, false],
    ]) {
      const { sender, callbacks } = start({ queue });
      const callback = mock.fn();
      sender.sendPayload(Buffer.from('a'), 7, '192.0.2.1', callback);
      assert.equal(callback.mock.callCount(), isAtOnce ? 1 : 0);
      if (isAtOnce) continue;
      // What the kernel refuses is lost, and no error of the write.
      callbacks[0](new Error('refused'));
      assert.deepEqual(callback.mock.calls[0].arguments, []);
    }
  });

  test('keeps the native object from overtaking until the queue is empty', () => {
    const { sender, log, callbacks, state } = start({ isDirect: true });
    const callback = mock.fn();
    sender.send(Buffer.from('a'), 7, '192.0.2.1', callback);
    sender.send(Buffer.from('b'), 7, '192.0.2.1', undefined);
    assert.equal(sender.isCongested, true);
    state.count = 1;
    callbacks[0]('error');
    assert.deepEqual([sender.isCongested, callback.mock.calls[0].arguments], [true, ['error']]);
    state.count = 0;
    callbacks[1](null);
    assert.equal(sender.isCongested, false);
    assert.deepEqual(log, [
      'congested true',
      ['a', 7, '192.0.2.1', 'function'],
      ['b', 7, '192.0.2.1', 'function'],
      'congested false',
    ]);
  });

  test('without a socket, or on one that somebody has closed, is lost', async () => {
    const gone = start();
    gone.endpoint.udp = null;
    const told = (sender) =>
      new Promise((done) => sender.send(Buffer.from('a'), 7, '192.0.2.1', (...args) => done(args)));
    assert.deepEqual(await told(gone.sender), [null]);
    gone.sender.send(Buffer.from('a'), 7, '192.0.2.1', undefined);
    const written = mock.fn();
    gone.sender.sendPayload(Buffer.from('a'), 7, '192.0.2.1', written);
    assert.equal(written.mock.callCount(), 1);
    const closed = start();
    const failure = new Error('closed');
    closed.udp.send = closed.udp.getSendQueueSize = () => {
      throw failure;
    };
    assert.deepEqual(await told(closed.sender), [failure]);
    closed.sender.send(Buffer.from('a'), 7, '192.0.2.1', undefined);
    closed.sender.sendPayload(Buffer.from('a'), 7, '192.0.2.1', written);
    assert.equal(written.mock.callCount(), 2);
  });
});

describe('a UDP socket', () => {
  const broken = () => {
    throw new Error('closed');
  };

  test('is bound, connected and queued as it says, and not at all when it fails', () => {
    assert.deepEqual([isBound({ address() {} }), isBound({ address: broken })], [true, false]);
    assert.deepEqual([isConnected({ remoteAddress() {} }), isConnected({ remoteAddress: broken })], [true, false]);
    assert.deepEqual(
      [queuedDatagrams({ getSendQueueCount: () => 3 }), queuedDatagrams({ getSendQueueCount: broken })],
      [3, 0],
    );
    const options = [{}, { reuseAddr: false, reusePort: false }, { reuseAddr: true }, { reusePort: true }];
    assert.deepEqual(options.map(needsNode), [false, false, true, true]);
  });

  test('gets a receive buffer of 4 MB, if it has less', () => {
    const set = mock.fn();
    const grow = (size) => growReceiveBuffer({ getRecvBufferSize: () => size, setRecvBufferSize: set });
    grow(4 * 1024 * 1024);
    assert.equal(set.mock.callCount(), 0);
    grow(4 * 1024 * 1024 - 1);
    assert.deepEqual(set.mock.calls[0].arguments, [4 * 1024 * 1024]);
    growReceiveBuffer({ getRecvBufferSize: () => 0, setRecvBufferSize: broken });
  });

  test('is closed when all has left, or a second later', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const tick = (ms) => {
      now += ms;
      t.mock.timers.tick(ms);
    };
    const log = [];
    const socket = (count) => ({ getSendQueueCount: () => count(), close: () => log.push('closed') });
    let queued = 1;
    let isReady = false;
    closeWhenSent(
      socket(() => queued),
      () => isReady,
      () => log.push('before'),
    );
    tick(0);
    tick(5);
    assert.deepEqual(log, []);
    isReady = true;
    tick(5);
    assert.deepEqual(log, []);
    queued = 0;
    tick(1);
    assert.deepEqual(log.splice(0), ['before', 'closed']);
    closeWhenSent(socket(() => 1));
    tick(0);
    for (let count = 0; count < 999; count++) tick(1);
    assert.deepEqual(log, []);
    tick(1);
    assert.deepEqual(log.splice(0), ['closed']);
    closeWhenSent({ getSendQueueCount: () => 0, close: broken });
    tick(0);
  });
});
