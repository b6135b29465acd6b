'use strict';

// An endpoint with a made-up native object: what it sends, tells and asks, and in which order.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const process = require('node:process');
const { describe, test } = require('node:test');

const { AsyncScope } = require('../../lib/async-scope');
const { channels } = require('../../lib/diagnostics');
const { Endpoint } = require('../../lib/transport/endpoint');
const { registers: layout } = require('../../lib/transport/layout');
const { join } = require('../../lib/transport/mux');
const { later } = require('../support/observed.js');

/** An endpoint whose native object does what the test says, and a log of all that happens. */
function start({ owner = {}, makeIds, act = {} } = {}) {
  const log = [];
  const queues = { events: [], transmits: [], parcels: [], traces: [], drops: [] };
  let registers;
  const flags = () => {
    const { EVENTS, TRANSMITS, PARCELS, TRACE, DROPS } = layout;
    registers[layout.WAITING] =
      (queues.events.length > 0 ? EVENTS : 0) |
      (queues.transmits.length > 0 ? TRANSMITS : 0) |
      (queues.parcels.length > 0 ? PARCELS : 0) |
      (queues.traces.length > 0 ? TRACE : 0) |
      (queues.drops.length > 0 ? DROPS : 0);
  };
  const poll = (name) => () => {
    const next = queues[name].shift() ?? null;
    flags();
    return next;
  };
  const note =
    (name) =>
    (...args) => {
      log.push([name, ...args]);
      return act[name]?.(...args);
    };
  class Native {
    constructor(options, bytes, _brief, wakes, number, limit) {
      registers = new Float64Array(bytes.buffer);
      log.push(['made', options, wakes, number, limit]);
      if (options.fails) throw Object.assign(new Error('no key'), { code: 'ERR_DTLS_INVALID_KEY' });
    }
    pollEvent = poll('events');
    pollTransmit = poll('transmits');
    pollParcel = poll('parcels');
    pollTrace = poll('traces');
    pollDrop = poll('drops');
  }
  for (const name of [
    'send',
    'connect',
    'close',
    'abort',
    'answer',
    'fail',
    'ask',
    'logKeys',
    'handleJobs',
    'noteConnectedUdp',
    'releaseUdp',
    'handleTimeout',
    'watchDrops',
    'sendParcel',
    'unpack',
    'setCongested',
  ]) {
    Native.prototype[name] = note(name);
  }
  const whole = { _onSendError: null, _find: () => undefined, _role: () => ({ role: 1 }), ...owner };
  const endpoint = new Endpoint(Native, { x: 1 }, whole, { eventSlots: 2, threads: 0, makeIds });
  const take = () => log.splice(0);
  const queue = (name, ...items) => {
    queues[name].push(...items);
    flags();
  };
  const udp = Object.assign(new EventEmitter(), {
    type: 'udp4',
    send: (datagram, port, address) => log.push(['udp', `${datagram}`, port, address]),
    getSendQueueSize: () => 0,
  });
  return { endpoint, log, take, queue, udp, Native, registers: endpoint.registers };
}

/** A socket that notes what it is told. */
function socketOf(log, more) {
  const note =
    (name) =>
    (...args) =>
      log.push([name, ...args]);
  const methods = [
    '_onMessage',
    '_onKeyLog',
    '_onSecure',
    '_announceSession',
    '_onClosed',
    '_refuse',
    '_refuseUnnumbered',
  ];
  return Object.assign(new EventEmitter(), {
    _scope: new AsyncScope('TEST'),
    _handle: 1,
    remoteAddress: '192.0.2.1',
    remotePort: 7,
    ...Object.fromEntries(methods.map((name) => [name, note(name)])),
    ...more,
  });
}

describe('an endpoint', () => {
  test('begins without anything, and has the reason when it cannot', () => {
    const { endpoint, take, Native } = start();
    assert.deepEqual(take(), [['made', { x: 1 }, undefined, 0, 0]]);
    assert.deepEqual(
      [endpoint.udp, endpoint.isDirect, endpoint.isConnected, endpoint.showsEach, endpoint.hasJobs],
      [null, false, false, false, false],
    );
    assert.equal(endpoint.registers[layout.DUE], Infinity);
    assert.throws(() => new Endpoint(Native, { fails: true }, { _onSendError: null }, { eventSlots: 1, threads: 0 }), {
      name: 'DtlsError',
      code: 'ERR_DTLS_INVALID_KEY',
    });
  });

  test('asks, answers and ends what it is told to', () => {
    const act = { answer: () => 5, connect: () => 9 };
    const { endpoint, take } = start({ act });
    take();
    endpoint.ask(['a']);
    endpoint.logKeys(true);
    endpoint.logKeys(true);
    endpoint.logKeys(false);
    endpoint.close(3, true);
    endpoint.close(4, false);
    endpoint.fail({ question: 6 }, 'why');
    assert.equal(endpoint.answer({ question: 7, about: 'psk' }, null), 5);
    for (const about of ['ownPsk', 'session', 'restore', 'move']) endpoint.answer({ question: 7, about }, { x: 1 });
    endpoint.answer({ question: 7, about: 'session' }, Buffer.from('x'));
    endpoint.answer({ question: 7, about: 'session' }, null);
    endpoint.answer({ question: 7, about: 'peer' }, { x: 1 });
    const client = {};
    assert.equal(endpoint.connect(client, '::1', 7), 9);
    assert.equal(endpoint.connections.get(9), client);
    assert.deepEqual(take(), [
      ['ask', ['a']],
      ['logKeys', true],
      ['logKeys', false],
      ['close', 3],
      ['abort', 4],
      ['fail', 6, 'why'],
      ['answer', 7, null],
      ['answer', 7, { ownPsk: { x: 1 } }],
      ['answer', 7, { session: { x: 1 } }],
      ['answer', 7, { restore: { x: 1 } }],
      ['answer', 7, { move: { x: 1 } }],
      ['answer', 7, Buffer.from('x')],
      ['answer', 7, null],
      ['answer', 7, { x: 1 }],
      ['connect', '::1', 7],
    ]);
  });

  test('has connection IDs made where the application does', () => {
    const log = [];
    const { endpoint, registers } = start({
      makeIds: () => ({ refill: () => log.push('refill') }),
      act: { connect: () => 1 },
    });
    endpoint.connect({}, '::1', 7);
    assert.deepEqual(log.splice(0), ['refill']);
    registers[layout.WAITING] = layout.CONNECTION_IDS;
    // Nothing takes the mark away here.
    endpoint._draining = true;
    endpoint.settle();
    assert.deepEqual(log, ['refill']);
  });

  test('uses a UDP socket until it is disposed of', () => {
    const { endpoint, take, udp } = start();
    take();
    endpoint.use(udp, true);
    assert.deepEqual([endpoint.udp, endpoint.isDirect, endpoint.isConnected, take()], [udp, true, false, []]);
    endpoint.use(udp, false, true);
    assert.deepEqual([endpoint.isDirect, endpoint.isConnected, take()], [false, true, []]);
    endpoint.use(udp, true, true);
    assert.deepEqual(take(), [['noteConnectedUdp']]);
    assert.equal(start().endpoint.tellAddressesApart(), false);
    endpoint.dispose();
    assert.deepEqual(
      [endpoint.udp, endpoint.isDirect, endpoint.isConnected, take()],
      [null, false, false, [['releaseUdp']]],
    );
  });

  test('sends what waits before it tells what has happened, and each event in turn', () => {
    const { endpoint, take, queue, udp, log } = start();
    endpoint.use(udp, false);
    const socket = socketOf(log);
    endpoint.connections.set(1, socket);
    socket._onSecure = (event) => {
      log.push(['secure', event.n]);
      // What a listener leads to is sent at once, and told after all that has happened before.
      queue('transmits', { datagram: 'second', port: 8, address: 'b' });
      queue('events', { kind: 'keylog', connection: 1, data: 'lines' });
      endpoint.settle();
    };
    queue('transmits', { datagram: 'first', port: 7, address: 'a' });
    queue('events', { kind: 'secure', connection: 1, n: 1 }, { kind: 'session', connection: 1 });
    take();
    endpoint.settle();
    assert.deepEqual(take(), [
      ['udp', 'first', 7, 'a'],
      ['secure', 1],
      ['udp', 'second', 8, 'b'],
      ['_announceSession'],
      ['_onKeyLog', 'lines'],
    ]);
  });

  test('tells each kind of event to whom it is about', () => {
    const told = [];
    const note = (name) => (event) => told.push([name, event.kind]);
    const owner = {
      _questions: {
        onQuestion: note('question'),
        onExpired: (number) => told.push(['expired', number]),
        onClockBehind: note('clock'),
      },
      _onConnection: note('connection'),
      _onNewSession: note('newSession'),
      _onSessionEnded: note('sessionEnded'),
      _onMoved: note('moved'),
      _onCopyDue: (one) => told.push(['copyDue', one._lacksNumbers]),
      _find: (handle) => (handle === 2 ? found : undefined),
    };
    const { endpoint, take, queue, log } = start({ owner });
    const [socket, found] = [socketOf(log, { _lacksNumbers: true }), socketOf(log)];
    endpoint.connections.set(1, socket);
    take();
    const data = Buffer.from('abc');
    queue(
      'events',
      { kind: 'connection', connection: 1 },
      { kind: 'data', connection: 1, data },
      { kind: 'data', connection: 2, data },
      { kind: 'data', connection: 3, data },
      { kind: 'question', connection: 1 },
      { kind: 'questionExpired', question: 4 },
      { kind: 'secure', connection: 3 },
      { kind: 'keylog', connection: 3 },
      { kind: 'session', connection: 3 },
      { kind: 'newSession', connection: 1 },
      { kind: 'sessionEnded', connection: 1 },
      { kind: 'moved', connection: 1 },
      { kind: 'copyDue', connection: 1 },
      { kind: 'copyDue', connection: 3 },
      { kind: 'clockBehind' },
      { kind: 'closed', connection: 1, reason: 'peer' },
      { kind: 'closed', connection: 3, reason: 'peer' },
    );
    endpoint.settle();
    assert.deepEqual(take(), [
      ['_onMessage', data, 3],
      ['_onMessage', data, 3],
      ['_onClosed', { kind: 'closed', connection: 1, reason: 'peer' }],
    ]);
    assert.deepEqual(told, [
      ['connection', 'connection'],
      ['question', 'question'],
      ['expired', 4],
      ['newSession', 'newSession'],
      ['sessionEnded', 'sessionEnded'],
      ['moved', 'moved'],
      ['copyDue', false],
      ['clock', 'clockBehind'],
    ]);
    assert.equal(endpoint.connections.has(1), false);
  });

  test('goes on in the next tick when a listener throws', async () => {
    const { endpoint, take, queue, log } = start();
    const socket = socketOf(log, {
      _onSecure: () => {
        throw new Error('of the application');
      },
    });
    endpoint.connections.set(1, socket);
    take();
    queue('events', { kind: 'secure', connection: 1 }, { kind: 'session', connection: 1 });
    assert.throws(() => endpoint.settle(), { message: 'of the application' });
    assert.deepEqual(take(), []);
    await later();
    assert.deepEqual(take(), [['_announceSession']]);
  });

  test('hands on parcels, lines and drops', async (t) => {
    const parcels = [];
    const { endpoint, queue, take } = start({ owner: { _onParcel: (parcel) => parcels.push(parcel) } });
    const written = [];
    t.mock.method(process.stderr, 'write', (text) => written.push(text));
    queue('traces', 'one', 'two');
    queue('parcels', 'p', 'q');
    queue('drops', { reason: 'mac' });
    const dropped = [];
    const listen = (message) => dropped.push(message);
    channels.dropped.subscribe(listen);
    t.after(() => channels.dropped.unsubscribe(listen));
    endpoint.settle();
    process.stderr.write.mock.restore();
    assert.deepEqual(parcels, ['p', 'q']);
    assert.match(written.join(''), /^mbed-dtls \d{4}-\d\d-\d\dT[\d:.]+Z one\nmbed-dtls \S+ two\n$/);
    assert.deepEqual(dropped, [{ role: 1, reason: 'mac' }]);
    take();
    endpoint.watchDrops();
    endpoint.watchDrops();
    channels.dropped.unsubscribe(listen);
    endpoint.watchDrops();
    assert.deepEqual(take(), [
      ['watchDrops', true],
      ['watchDrops', false],
    ]);
  });

  test('reports what fails in the native object once, and goes on', async () => {
    const fails = () => {
      throw new Error('a panic');
    };
    const { endpoint } = start({ act: { handleJobs: fails, handleTimeout: fails } });
    const warnings = [];
    const listen = ({ name, code, message }) => warnings.push([name, code, message]);
    process.on('warning', listen);
    endpoint.handleJobs();
    endpoint._handleTimeout();
    await later();
    process.off('warning', listen);
    const message = 'The DTLS engine failed on a datagram or timer, which was dropped: a panic';
    assert.deepEqual(warnings, [['DtlsWarning', 'ERR_DTLS_INTERNAL', message]]);
  });

  test('has its timer when something is due, while it has a UDP socket', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    const { endpoint, take, udp, registers } = start();
    const due = (at, now) => {
      registers[layout.DUE] = at;
      registers[layout.NOW] = now;
      endpoint.settle();
    };
    take();
    due(100, 50);
    assert.equal(endpoint._timer.due, Infinity);
    endpoint.use(udp, false);
    const delays = [];
    t.mock.method(endpoint._timer, 'arm', function arm(at, delay) {
      this.due = at;
      delays.push(delay);
    });
    due(100, 50);
    due(200, 50);
    assert.deepEqual(delays.splice(0), [50]);
    due(99.5, 50);
    due(50, 60);
    endpoint._timer.due = Infinity;
    due(1e12, 0);
    assert.deepEqual(delays, [50, 1, 2 ** 31 - 1]);
  });
});

describe('a payload', () => {
  const payload = Buffer.from('hello');
  const failing = (code) => ({
    send: () => {
      throw Object.assign(new Error('no'), { code });
    },
  });

  function sending(act, more) {
    const all = start({ act });
    all.endpoint.use(all.udp, false);
    const socket = socketOf(all.log, more);
    all.take();
    const results = [];
    const send = () => all.endpoint.send(socket, payload, (...args) => results.push(args));
    return { ...all, socket, send, results };
  }

  test('is sent by the native object, or goes through the queue, and the length is told', () => {
    const direct = sending({ send: () => 50 });
    const lengths = [];
    direct.socket.on('send', (length) => lengths.push(length));
    direct.send();
    assert.deepEqual([direct.take(), direct.results, lengths], [[['send', 1, payload]], [[]], [50]]);
    const queued = sending({ send: () => Buffer.from('sealed') });
    queued.socket.on('send', (length) => lengths.push(length));
    queued.send();
    assert.deepEqual(queued.take(), [
      ['send', 1, payload],
      ['udp', 'sealed', 7, '192.0.2.1'],
    ]);
    assert.deepEqual([queued.results, lengths], [[[]], [50, 6]]);
  });

  test('that cannot be sent is discarded, refused, or an error', () => {
    const closed = sending(failing('ERR_DTLS_NOT_CONNECTED'));
    closed.send();
    assert.deepEqual([closed.results, closed.take().length], [[[]], 1]);
    for (const [code, name] of [
      ['ERR_DTLS_PAYLOAD_TOO_LARGE', '_refuse'],
      ['ERR_DTLS_NO_RECORD_NUMBERS', '_refuseUnnumbered'],
    ]) {
      const { send, take, results } = sending(failing(code));
      send();
      const [, [refusal, chunk, error]] = take();
      assert.deepEqual([refusal, chunk, results], [name, payload, [[]]]);
      assert.deepEqual({ ...error }, { code, errno: 0, address: '192.0.2.1', port: 7 });
    }
    const other = sending(failing('ERR_DTLS_INTERNAL'));
    other.send();
    const [[error]] = other.results;
    assert.deepEqual(
      [error.name, error.code, error.address, error.port],
      ['DtlsError', 'ERR_DTLS_INTERNAL', '192.0.2.1', 7],
    );
  });

  test('of another node leaves from here, by the native object or by the queue', () => {
    const datagrams = [{ datagram: 'd', address: '192.0.2.9', port: 9 }];
    for (const [isSent, expected] of [
      [true, []],
      [
        false,
        [
          ['unpack', 'parcel'],
          ['udp', 'd', 9, '192.0.2.9'],
        ],
      ],
    ]) {
      const { endpoint, take, udp } = start({ act: { sendParcel: () => isSent, unpack: () => datagrams } });
      take();
      endpoint.sendParcel('parcel');
      assert.deepEqual(take(), []);
      endpoint.use(udp, false);
      endpoint.sendParcel('parcel');
      assert.deepEqual(take(), [['sendParcel', 'parcel'], ...expected]);
    }
  });

  test('that the system refuses is told to whoever waits for it', () => {
    const errors = [];
    const { endpoint, queue, udp } = start({
      owner: { _onSendError: (error, whose) => errors.push([error, whose === endpoint]) },
    });
    const callbacks = [];
    udp.send = (...args) => callbacks.push(args.at(-1));
    endpoint.use(udp, false);
    queue('transmits', { datagram: 'd', port: 7, address: 'a' }, { datagram: 'e', port: 7, address: 'a' });
    endpoint.settle();
    callbacks[0](null);
    callbacks[1]('EPERM');
    assert.deepEqual(errors, [['EPERM', true]]);
  });
});

describe('a UDP socket that several clients share', () => {
  test('hands each what its own peer sends, and all what happens to it', () => {
    const udp = new EventEmitter();
    const log = [];
    const client = (name) => ({
      _onDatagram: (datagram, remote) => log.push([name, datagram, remote.port]),
      _onUdpError: (error) => log.push([name, error]),
      _onUdpClose: () => {
        log.push([name, 'closed']);
        leave[name]?.();
      },
    });
    const leave = {};
    const one = client('one');
    leave.one = join(udp, '192.0.2.1', 7, one);
    leave.two = join(udp, '192.0.2.1', 8, client('two'));
    assert.equal(join(udp, '192.0.2.1', 7, client('three')), null);
    assert.deepEqual(
      ['message', 'error', 'close'].map((name) => udp.listenerCount(name)),
      [1, 1, 1],
    );
    udp.emit('message', 'a', { address: '::ffff:192.0.2.1', port: 7 });
    udp.emit('message', 'b', { address: '192.0.2.1', port: 8 });
    udp.emit('message', 'c', { address: '192.0.2.1', port: 9 });
    udp.emit('error', 'broken');
    udp.emit('close');
    assert.deepEqual(log.splice(0), [
      ['one', 'a', 7],
      ['two', 'b', 8],
      ['one', 'broken'],
      ['two', 'broken'],
      ['one', 'closed'],
      ['two', 'closed'],
    ]);
    assert.deepEqual(udp.eventNames(), []);
    const again = join(udp, '192.0.2.1', 7, client('four'));
    // Who has left already does not put others out.
    leave.one();
    udp.emit('message', 'd', { address: '192.0.2.1', port: 7 });
    assert.deepEqual(log, [['four', 'd', 7]]);
    again();
    again();
    assert.deepEqual(udp.eventNames(), []);
  });
});
