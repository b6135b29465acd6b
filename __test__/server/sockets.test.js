'use strict';

// The sockets of a server, with a made-up server around them: what is told of them, and in which order.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');

const { Identities } = require('../../lib/identities');
const { ServerSockets } = require('../../lib/server-sockets');
const { AsyncScope } = require('../../lib/async-scope');

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
    one._onMoved({ connection: 1, address: '192.0.2.1', port: 7, oldAddress: '192.0.2.1', oldPort: 8 });
    assert.deepEqual([...server._endpoint.connections.keys()], [2, 3, 1]);
    assert.equal(shown(true, true, true), 0);
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
