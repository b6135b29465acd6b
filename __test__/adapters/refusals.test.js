'use strict';

// What the adapters refuse and in which words, and what they make of datagrams and options: made-up servers and sockets, no handshakes.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');
const { dtls } = require('../../lib/adapters/node-dtls-client');
const { MALFORMED_HELLO_REQUEST, PING, hearPlaintext, sendDatagram } = require('../../lib/adapters/plaintext');
const { PROFILES } = require('../../lib/adapters/profiles');
const { thrown } = require('../support/observed.js');

describe('node-dtls-client', () => {
  test('refuses options in its own words', () => {
    const good = { type: 'udp4', address: '127.0.0.1', port: 5684, psk: { id: 'key' } };
    const message = (options) => thrown(() => dtls.createSocket(options))[1];
    assert.equal(message(undefined), 'No connection options were given!');
    assert.equal(message(null), 'No connection options were given!');
    const type = 'The connection options must have a "type" property with value "udp4" or "udp6"!';
    assert.deepEqual([message({ ...good, type: 'udp5' }), message({ ...good, type: undefined })], [type, type]);
    const address = 'The connection options must contain the remote address as a string!';
    for (const value of ['', 5, undefined]) assert.equal(message({ ...good, address: value }), address);
    const port = 'The connection options must contain a remote port from 1 to 65535!';
    for (const value of [0, 65_536, 1.5, '5684', undefined]) assert.equal(message({ ...good, port: value }), port);
    for (const value of [0, 65_536, 1.5]) {
      assert.equal(message({ ...good, listenPort: value }), 'The listen port must be between 1 and 65535!');
    }
    const psk = 'The connection options must contain a PSK dictionary object!';
    for (const value of [null, 'key', {}, undefined]) assert.equal(message({ ...good, psk: value }), psk);
  });

  test('takes ports from 1 to 65535, of either family, and keys of any bytes', async () => {
    for (const options of [
      { type: 'udp6', address: '::1', port: 1, listenPort: null },
      {
        type: 'udp4',
        address: '127.0.0.1',
        port: 65_535,
        timeout: 1,
        psk: { 'id\u00ff': Buffer.from([1]) },
        ciphers: null,
      },
    ]) {
      const socket = dtls.createSocket({ psk: { id: 'key' }, ...options });
      socket.on('error', () => {});
      await new Promise((resolve) => socket.close(resolve));
      assert.throws(() => socket.send(Buffer.from('x')), { message: 'The socket is closed. Cannot send data.' });
    }
  });

  test('cannot send before its handshake is over', async () => {
    const socket = dtls.createSocket({ type: 'udp4', address: '127.0.0.1', port: 9, psk: { id: 'key' } });
    socket.on('error', () => {});
    assert.throws(() => socket.send(Buffer.from('x')), {
      message: 'DTLS handshake is not finished yet. Cannot send data.',
    });
    await new Promise((resolve) => socket.close(resolve));
  });
});

describe('datagrams outside of DTLS', () => {
  const REMOTE = { address: '192.0.2.1', port: 7 };

  /** A server with a socket at the address above, which notes what happens to it. */
  function start(options, socket) {
    const log = [];
    const udp = new EventEmitter();
    const server = Object.assign(new EventEmitter(), {
      dgramSocket: udp,
      listening: true,
      sockets: { __proto__: null },
      resumeSocket: (remote, session) => log.push(['resume', remote.port, session]),
    });
    if (socket !== undefined) {
      server.sockets['192.0.2.1:7'] = {
        connected: true,
        session: { restorable: true },
        emit: (name) => log.push([name]),
        end: () => log.push(['end']),
        reset: () => log.push(['reset']),
        ...socket,
      };
    }
    hearPlaintext(server, options);
    const hear = (bytes, from = REMOTE) => udp.emit('message', Buffer.from(bytes), from);
    return { server, hear, take: () => log.splice(0) };
  }

  const PINGS = { insecureLegacyPing: true };

  test('end a connection when they are alerts, if that is wanted', () => {
    const { hear, take } = start({ insecureLegacyAlerts: true }, {});
    hear([0x15, 1, 2]);
    assert.deepEqual(take(), [['end']]);
    hear([0x15], { address: '::ffff:192.0.2.1', port: 7 });
    assert.deepEqual(take(), [['end']]);
    hear([0x15], { address: '192.0.2.1', port: 8 });
    hear([0x16]);
    hear([PING]);
    assert.deepEqual(take(), []);
    const other = start(PINGS, {});
    other.hear([0x15]);
    assert.deepEqual(other.take(), []);
  });

  test('are a keep-alive of the connection at that address', () => {
    const { hear, take } = start(PINGS, {});
    hear([PING]);
    assert.deepEqual(take(), [['dumbPing']]);
    for (const other of [[], [PING, PING], [0x71], [0xfe]]) hear(other);
    assert.deepEqual(take(), []);
  });

  test('lead to a session that somebody has kept, once, while the server listens', () => {
    const { server, hear, take } = start(PINGS);
    let answer;
    server.on('resumeSession', (key, socket, callback) => {
      assert.deepEqual([key, socket], ['192.0.2.1:7', { remoteAddress: '192.0.2.1', remotePort: 7 }]);
      answer = callback;
    });
    hear([PING]);
    answer(null, 'session');
    answer(null, 'again');
    assert.deepEqual(take(), [['resume', 7, 'session']]);
    for (const none of [
      [new Error('x'), 'session'],
      [null, null],
      [null, undefined],
    ]) {
      hear([PING]);
      answer(...none);
    }
    hear([PING]);
    server.listening = false;
    answer(null, 'session');
    assert.deepEqual(take(), []);
  });

  test('say where a device was, by its name at the end', () => {
    const moved = (id, length = id.length) => [0xfe, PING, ...id, length];
    const from = { address: '192.0.2.9', port: 9 };
    const { server, hear, take } = start(PINGS, {});
    let answer;
    const ids = [];
    server.on('lookupKey', (id, callback) => {
      ids.push(id);
      answer = callback;
    });
    hear(moved([0xab, 1]), from);
    answer(null, REMOTE);
    answer(null, REMOTE);
    assert.deepEqual(take(), [['reset'], ['resume', 9, { restorable: true }]]);
    hear(moved([5, 6, 7], 1), from);
    assert.deepEqual(ids, ['ab01', '07']);
    for (const bytes of [moved([]), [0xfe, PING], moved([1], 2), [0xfe, 0x71, 1, 1]]) hear(bytes, from);
    assert.equal(ids.length, 2);
    for (const none of [
      [new Error('x'), REMOTE],
      [null, undefined],
      [null, { address: 'host', port: 7 }],
    ]) {
      hear(moved([1]), from);
      answer(...none);
    }
    hear(moved([1]), from);
    server.listening = false;
    answer(null, REMOTE);
    assert.deepEqual(take(), []);
  });

  test('leave a connection alone that has one life', () => {
    for (const [socket, expected] of [
      [{ session: { restorable: false } }, []],
      [{ connected: false }, ['resumeSession']],
    ]) {
      const { server, hear, take } = start(PINGS, socket);
      const asked = [];
      server.on('resumeSession', () => asked.push('resumeSession'));
      server.on('lookupKey', (_id, callback) => callback(null, REMOTE));
      hear([0xfe, PING, 1, 1], { address: '192.0.2.9', port: 9 });
      assert.deepEqual([take(), asked], [[], expected]);
    }
  });

  test('leave as well as they can', () => {
    const sent = [];
    const udp = (more) => ({
      type: 'udp4',
      send: (...args) => sent.push(args.slice(0, -1)),
      remoteAddress() {
        throw new Error('not connected');
      },
      ...more,
    });
    const bytes = Buffer.from('x');
    sendDatagram(udp(), bytes, REMOTE);
    sendDatagram(udp({ type: 'udp6' }), bytes, REMOTE);
    sendDatagram(udp({ remoteAddress: () => REMOTE }), bytes, REMOTE);
    assert.deepEqual(sent, [[bytes, 7, '192.0.2.1'], [bytes, 7, '::ffff:192.0.2.1'], [bytes]]);
    sendDatagram(
      udp({
        send() {
          throw new Error('closed');
        },
      }),
      bytes,
      REMOTE,
    );
    assert.equal(MALFORMED_HELLO_REQUEST.toString('hex'), '16fefd000100000000000000100000');
  });
});

describe('a profile', () => {
  const server = (name, all, options = { psk: 1, pskCallback: 2, identityPskCallback: 3 }) => {
    const given = { ...options };
    PROFILES[name].server(given, all);
    return given;
  };
  const client = (name, all) => thrown(() => PROFILES[name].client({}, all));
  const KEY = 'key';

  test('has what its fork threw', () => {
    assert.deepEqual(
      thrown(() => server('neustar', {})),
      [undefined, "Parameter 'key' is not set"],
    );
    assert.deepEqual(
      thrown(() => server('spark', { key: KEY })),
      [undefined, "Parameter 'identityPskCallback' is not set"],
    );
    const noKey = (name) => [
      'ERR_INVALID_ARG_TYPE',
      `The "options.${name}" property must be a Buffer or the name of a file. Received undefined`,
    ];
    for (const name of ['particle', 'trackle', 'matasarei'])
      assert.deepEqual(
        thrown(() => server(name, {})),
        noKey('key'),
      );
    for (const name of ['particle', 'trackle']) {
      assert.deepEqual(client(name, { peerPublicKey: KEY }), noKey('key'));
      assert.deepEqual(client(name, { key: KEY }), noKey('peerPublicKey'));
    }
    assert.deepEqual(client('matasarei', {}), [undefined, 'you must define either a PSK or a private key.']);
    PROFILES.matasarei.client({}, { psk: KEY });
    PROFILES.matasarei.client({}, { key: KEY });
    PROFILES.neustar.client({}, {});
    PROFILES.k4.client({}, {});
    assert.deepEqual(
      thrown(() => server('matasarei', { key: KEY, identityPskCallback: 5 })),
      [
        'ERR_INVALID_ARG_TYPE',
        'The "options.identityPskCallback" property must be of type function. Received type number (5)',
      ],
    );
  });

  test('changes the options that its fork had otherwise', async () => {
    assert.deepEqual(server('neustar', { key: KEY, identityPskCallback: 1 }), {
      pskCallback: 2,
      identityPskCallback: 3,
    });
    assert.deepEqual(server('particle', { key: KEY }), { omitServerCertificate: true });
    assert.deepEqual(server('trackle', { key: KEY }), { omitServerCertificate: true });
    assert.deepEqual(server('trackle', { key: KEY, sendServerCertificate: true }), { omitServerCertificate: false });
    assert.deepEqual([server('k4', {}), server('k4', { psk_cb: 5 })], [{}, {}]);
    const k4 = server('k4', { psk_cb: (identity) => (identity === 'a' ? Buffer.from('k') : 'text') });
    assert.equal(k4.pskIdentityEncoding, 'buffer');
    assert.deepEqual([await k4.identityPskCallback('a'), await k4.identityPskCallback('b')], [Buffer.from('k'), null]);
    for (const identityPskCallback of [undefined, null])
      assert.deepEqual(server('matasarei', { key: KEY, identityPskCallback }), {});
    const matasarei = server('matasarei', { key: KEY, identityPskCallback: (...args) => args });
    assert.equal(matasarei.pskIdentityEncoding, 'buffer');
    assert.deepEqual(matasarei.identityPskCallback('id'), ['id', Buffer.alloc(0)]);
  });

  test('tells in the words of its fork', () => {
    const words = Object.fromEntries(
      Object.entries(PROFILES).map(([name, { errors, clientErrors, ...flags }]) => [
        name,
        [errors, clientErrors, Object.keys(flags).filter((flag) => flags[flag] === true)],
      ]),
    );
    const plain = ['number', 'text', []];
    assert.deepEqual(words, {
      neustar: plain,
      spark: plain,
      particle: ['number', 'text', ['mustAcknowledge']],
      trackle: ['error', 'error', ['sendsHelloRequest', 'prefixesLength', 'renamesErrors']],
      k4: plain,
      matasarei: ['number', 'text', ['sendsHelloRequest', 'answersBare', 'tellsSessions']],
    });
    const old = { deviceId: 'ab' };
    const move = (name) => PROFILES[name].ipChanged(old, 'acknowledge', 'done');
    assert.deepEqual(move('neustar'), [old]);
    for (const name of ['particle', 'k4', 'matasarei']) assert.deepEqual(move(name), [old, 'acknowledge', 'done']);
    assert.deepEqual(move('trackle'), [old, 'ab', 'acknowledge', 'done']);
  });
});
