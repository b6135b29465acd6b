'use strict';

// The UDP socket of a server, and its sockets, with a made-up server around them: each state, and what is told in it.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');

const { Identities } = require('../../lib/identities');
const { ServerSockets } = require('../../lib/server-sockets');
const { ServerUdp } = require('../../lib/server-udp');
const { AsyncScope } = require('../../lib/async-scope');

const later = () => new Promise(setImmediate);

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

describe('the sockets of a server', () => {
  function sockets({ identities = null, sessionStore = null, listening = true, fleet = null } = {}) {
    const log = [];
    const note =
      (name) =>
      (...args) =>
        log.push([name, ...args]);
    class Socket extends EventEmitter {
      constructor(endpoint, owner, settings) {
        super();
        Object.assign(this, {
          endpoint,
          owner,
          settings,
          connected: true,
          destroyed: false,
          _scope: new AsyncScope('TEST'),
        });
      }
      _wasOpen = true;
      publicKey = Buffer.alloc(0);
      handshakeTime = 1;
      destroy() {
        this.destroyed = true;
        log.push(['destroy']);
      }
      _open(...args) {
        log.push(['_open', ...args]);
      }
    }
    class Server extends EventEmitter {
      static Socket = Socket;
      listening = listening;
      _endpoint = { connections: new Map(), close: note('close'), logKeys: note('logKeys') };
      _arriving = { announceAll: note('announceAll'), find: (handle) => `arriving ${handle}` };
      _moves = { takeTo: () => ({ deviceId: 'ab' }) };
      _fleet = fleet && {
        onSecure: note('fleet secure'),
        onMoved: note('fleet moved'),
        onClosed: note('fleet closed'),
        onCopyDue: note('fleet copy'),
      };
      _node = { onParcel: note('parcel') };
      _questions = 'questions';
    }
    const server = new Server();
    for (const name of [
      'connection',
      'secureConnection',
      'clientError',
      'tlsClientError',
      'keylog',
      'forceDeviceRehandshake',
    ]) {
      server.on(name, (...args) => log.push([`emit ${name}`, ...args]));
    }
    const settings = { sendClose: 'perhaps' };
    const one = new ServerSockets(server, settings, identities, sessionStore);
    server._sockets = one;
    return { one, server, settings, log, take: () => log.splice(0) };
  }

  const hello = (connection, port, more) => ({ connection, address: '192.0.2.1', port, ...more });

  test('are made for handshakes while the server listens, and are there by their addresses', () => {
    const { one, server, settings, take } = sockets();
    assert.deepEqual(
      [one.connected, one.replacesByIdentity, one.wantKeys, one.sendClose, one._onSendError],
      [0, false, false, 'perhaps', null],
    );
    one._onConnection(hello(1, 7, { servername: 'host' }));
    one._onConnection(hello(2, 8));
    const [[, first], [, second]] = take();
    assert.deepEqual(
      [
        first.servername,
        second.servername,
        first.server,
        first.remoteAddress,
        first.remotePort,
        first._handle,
        first.settings,
      ],
      ['host', false, server, '192.0.2.1', 7, 1, settings],
    );
    assert.equal(first.listenerCount('error'), 1);
    const { snapshot } = one;
    assert.deepEqual([Object.keys(snapshot), Object.getPrototypeOf(snapshot)], [['192.0.2.1:7', '192.0.2.1:8'], null]);
    assert.equal(one.snapshot, snapshot);
    assert.deepEqual(take(), [['announceAll'], ['announceAll']]);
    one._onConnection(hello(3, 9));
    assert.notEqual(one.snapshot, snapshot);
    const closing = sockets({ listening: false });
    closing.one._onConnection(hello(1, 7));
    assert.deepEqual(closing.take(), [['close', 1, true]]);
    assert.deepEqual([one._find(5), one._role().server, one._questions], ['arriving 5', server, 'questions']);
  });

  test('at one address are the one that is connected, or the latest', () => {
    const { one, server } = sockets();
    const socketsAt = [1, 2, 3].map((handle) => {
      one._onConnection(hello(handle, 7));
      return server._endpoint.connections.get(handle);
    });
    const shown = (...connected) => {
      for (const [index, socket] of socketsAt.entries()) socket.connected = connected[index];
      one._snapshot = null;
      return socketsAt.indexOf(one.snapshot['192.0.2.1:7']);
    };
    assert.deepEqual(
      [shown(true, false, false), shown(false, false, false), shown(true, true, false), shown(false, false, true)],
      [0, 2, 1, 2],
    );
    one.place(1, socketsAt[0]);
    assert.deepEqual([...server._endpoint.connections.keys()], [2, 3, 1]);
  });

  test('are announced when they are secure, and counted until they are closed', () => {
    const { one, take } = sockets();
    one._onConnection(hello(1, 7));
    const [[, socket]] = take();
    socket.on('secureConnect', (...args) => assert.deepEqual(args, [socket]));
    one._onSocketSecure(socket);
    one._onSocketSecure(socket, 'session');
    assert.deepEqual(
      [one.connected, take()],
      [
        2,
        [
          ['emit secureConnection', socket],
          ['emit secureConnection', socket, 'session'],
        ],
      ],
    );
    one._onSocketClosed(socket, 'peer');
    assert.equal(one.connected, 1);
    socket._wasOpen = false;
    one._onSocketClosed(socket, 'replaced');
    assert.deepEqual([one.connected, one._replaced], [1, null]);
  });

  test('that a handshake from their address replaces are told, once', () => {
    const { one, server, take } = sockets();
    const made = (handle, port) => {
      one._onConnection(hello(handle, port));
      return server._endpoint.connections.get(handle);
    };
    const [old, elsewhere, young] = [made(1, 7), made(2, 8), made(3, 7)];
    const told = [];
    old.on('reconnect', (socket) => told.push(socket));
    take();
    one._onSocketClosed(old, 'replaced');
    one._onSocketSecure(elsewhere);
    assert.deepEqual(told, []);
    one._onSocketClosed(old, 'replaced');
    young.remoteAddress = '192.0.2.9';
    one._onSocketSecure(young);
    assert.deepEqual(told, []);
    young.remoteAddress = '192.0.2.1';
    one._onSocketClosed(old, 'replaced');
    one._onSocketSecure(young);
    one._onSocketSecure(young);
    assert.deepEqual(told, [young]);
    one._onSocketClosed(old, 'replaced');
    one._onConnection(hello(4, 9));
    one._onSocketSecure(young);
    assert.equal(told.length, 1);
    one._onSocketClosed(old, 'peer');
    one._onSocketSecure(young);
    assert.equal(told.length, 1);
  });

  test('of one identity are one, the later one', () => {
    const { one, server, take } = sockets({ identities: new Identities() });
    assert.equal(one.replacesByIdentity, true);
    const made = (handle, more) => {
      one._onConnection(hello(handle, handle));
      return Object.assign(server._endpoint.connections.get(handle), { pskIdentity: Buffer.from('bob'), ...more });
    };
    const [first, second, old] = [made(1), made(2), made(3, { handshakeTime: undefined })];
    const told = [];
    first.on('reconnect', (socket) => told.push(socket));
    take();
    one._onSocketSecure(first);
    one._onSocketSecure(second);
    assert.deepEqual(
      [told, take()],
      [
        [second],
        [
          ['emit secureConnection', first],
          ['close', 1, false],
          ['emit secureConnection', second],
        ],
      ],
    );
    one._onSocketSecure(old);
    assert.deepEqual([told, take()], [[second], [['close', 3, false]]]);
    one._onSocketClosed(second, 'peer');
    one._onSocketSecure(old);
    assert.deepEqual(take(), [['emit secureConnection', old]]);
  });

  test('that move are told where they were, and are there by their new address', () => {
    const { one, server, take } = sockets({ fleet: true });
    one._onConnection(hello(1, 7));
    const socket = server._endpoint.connections.get(1);
    const moves = [];
    socket.on('ipChanged', (...args) => moves.push(args));
    one.snapshot;
    take();
    const move = { connection: 1, address: '::1', port: 8, oldAddress: '192.0.2.1', oldPort: 7 };
    one._onMoved(move);
    assert.deepEqual([socket.remoteAddress, socket.remotePort, Object.keys(one.snapshot)], ['::1', 8, ['::1:8']]);
    const [[old]] = moves;
    assert.deepEqual([old.address, old.family, old.port], ['192.0.2.1', 'IPv4', 7]);
    assert.deepEqual(take()[0], ['fleet moved', socket]);
    one._onMoved({ ...move, connection: 2 });
    assert.equal(moves.length, 1);
    one.tellUnplaced({ address: '::1', port: 9 }, 'ab');
    assert.deepEqual(take().at(-1), ['emit forceDeviceRehandshake', { address: '::1', family: 'IPv6', port: 9 }, 'ab']);
  });

  test('that fail are told under both names, and destroyed', () => {
    const { one, server, take } = sockets();
    one._onConnection(hello(1, 7));
    const socket = server._endpoint.connections.get(1);
    take();
    const error = new Error('why');
    one._onHandshakeFailed(socket, error);
    assert.deepEqual(take(), [
      ['emit clientError', error, socket],
      ['emit tlsClientError', error, socket],
      ['destroy'],
    ]);
    server.on('clientError', () => {
      throw new Error('of the application');
    });
    assert.throws(() => one._onHandshakeFailed(socket, error), { message: 'of the application' });
    assert.deepEqual(take().at(-1), ['destroy']);
  });

  test('hand on what belongs to others', () => {
    const kept = [];
    const sessionStore = {
      keep: (...args) => kept.push(['keep', ...args]),
      forget: (...args) => kept.push(['forget', ...args]),
    };
    const { one, take } = sockets({ sessionStore, fleet: true });
    one._onNewSession({ sessionId: 'id', session: 's' });
    one._onSessionEnded({ sessionId: 'id' });
    assert.deepEqual(kept, [
      ['keep', 'id', 's'],
      ['forget', 'id'],
    ]);
    one._onCopyDue('socket');
    one._onParcel('p');
    one._onKeyLogWanted();
    one._onKeyLog('lines', 'socket');
    assert.deepEqual(take(), [
      ['fleet copy', 'socket'],
      ['parcel', 'p'],
      ['logKeys', true],
      ['emit keylog', 'lines', 'socket'],
    ]);
    assert.equal(one.wantKeys, true);
    const socket = { _wasOpen: false };
    const closed = (reason, sendClose) => {
      one._onSocketClosed(Object.assign(socket, { sendClose }), reason);
      return take()[0][2];
    };
    assert.deepEqual(
      [closed('exported', true), closed('local', false), closed('local', true), closed('peer', false)],
      [true, true, false, false],
    );
    const none = sockets();
    none.one._onNewSession({});
    none.one._onSessionEnded({});
    none.one._onCopyDue({});
    assert.deepEqual(none.take(), []);
  });

  test('that were saved go on, unless a listener closes them', () => {
    const { one, server, take } = sockets();
    const socket = one.create('192.0.2.1', 7);
    take();
    one.restore(5, socket, 'cipher', { servername: 'host' }, 'session');
    assert.deepEqual(take(), [
      ['emit connection', socket],
      ['_open', 'cipher', { servername: 'host' }, 'session'],
    ]);
    assert.deepEqual([socket.servername, socket._handle, server._endpoint.connections.get(5)], ['host', 5, socket]);
    server.on('connection', (one) => one.destroy());
    one.restore(6, one.create('192.0.2.1', 8), 'cipher', {}, 'session');
    assert.deepEqual(
      take().map(([name]) => name),
      ['emit connection', 'destroy'],
    );
  });
});
