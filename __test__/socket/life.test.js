'use strict';

// The handshake and the messages of one connection as a stream, with a made-up endpoint and owner: what it tells, and in which order.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { channels } = require('../../lib/diagnostics');
const { start } = require('../support/made-up-endpoint.js');
const { later } = require('../support/observed.js');

const EMPTY = { data: 'tally', reason: 'peer' };

describe('a handshake', () => {
  test('ends with all that it has found out', () => {
    const { socket, take } = start();
    assert.deepEqual([socket.connected, socket._inHandshake, socket._wasOpen], [false, true, false]);
    const publicKey = Buffer.from('key');
    socket._onSecure({
      cipher: 'CIPHER',
      authorized: true,
      authorizationError: 'E',
      protocol: Buffer.from('coap'),
      handshakeTime: 3,
      resumed: false,
      pskIdentity: 'id',
      publicKey,
      certificate: 'c',
      issuers: ['i'],
      srtpProfile: 's',
    });
    assert.deepEqual([socket.connected, socket._inHandshake, socket._wasOpen], [true, false, true]);
    assert.deepEqual(
      [socket.authorized, socket.authorizationError, socket.alpnProtocol, socket.handshakeTime, socket.resumed],
      [true, 'E', 'coap', 3, false],
    );
    assert.deepEqual([socket._cipher, socket._identity, socket._publicKey], ['CIPHER', 'id', publicKey]);
    assert.deepEqual(socket._details, { certificate: 'c', issuers: ['i'], resumed: false, srtpProfile: 's' });
    assert.deepEqual(take(), [['_onSocketSecure', undefined]]);
    socket._onSecure({ cipher: 'OTHER' });
    assert.deepEqual([socket._cipher, take()], ['CIPHER', []]);
  });

  test('has details only where there are some, and no key where there is none', () => {
    for (const [event, details] of [
      [{}, null],
      [{ resumed: true }, { certificate: undefined, issuers: undefined, resumed: true, srtpProfile: undefined }],
      [{ srtpProfile: 'x' }, { certificate: undefined, issuers: undefined, resumed: false, srtpProfile: 'x' }],
    ]) {
      const { socket, open } = start();
      open(event);
      assert.deepEqual([socket._details, socket._publicKey.length, socket.alpnProtocol], [details, 0, false]);
    }
  });

  test('is not authorized where the application has refused, whatever the engine says', () => {
    for (const [refusal, event, expected] of [
      [{ code: 'R' }, { authorized: true }, [false, 'R']],
      [{}, { authorized: true }, [false, null]],
      [null, { authorized: true }, [true, null]],
      [null, { authorized: false, authorizationError: 'E' }, [false, 'E']],
      [{ code: 'R' }, { authorized: false, authorizationError: 'E' }, [false, 'E']],
    ]) {
      const { socket, open } = start();
      socket._refusal = refusal;
      open(event);
      assert.deepEqual([socket.authorized, socket.authorizationError], expected);
    }
  });

  test('that resumes has the peer of the session', () => {
    const saved = { pskIdentity: 'saved', publicKey: Buffer.from('saved') };
    for (const [resumed, resumable, expected] of [
      [true, saved, 'saved'],
      [true, null, 'now'],
      [false, saved, 'now'],
    ]) {
      const { socket, open } = start();
      socket._resumable = resumable;
      socket._question = 'question';
      open({ resumed, pskIdentity: 'now' });
      assert.deepEqual([socket._identity, socket._resumable, socket._question], [expected, null, null]);
    }
  });

  test('is published, and so is one that resumes', (t) => {
    const messages = [];
    const note = (message, name) => messages.push([name, { ...message, socket: undefined }]);
    for (const channel of [channels.handshakeEnd, channels.resumed]) {
      channel.subscribe(note);
      t.after(() => channel.unsubscribe(note));
    }
    start().open();
    start().open({ resumed: true });
    const end = (resumed) => ['mbed-dtls:handshake:end', { socket: undefined, cipher: 'CIPHER', duration: 3, resumed }];
    assert.deepEqual(messages, [
      end(false),
      end(true),
      ['mbed-dtls:connection:resumed', { socket: undefined, from: 'session' }],
    ]);
  });

  test('tells its keys to the socket, then to its owner, until it is over', () => {
    const { socket, take, listen, open } = start();
    listen('keylog');
    socket._onKeyLog('lines');
    assert.deepEqual(take(), [
      ['emit keylog', 'lines'],
      ['_onKeyLog', 'lines'],
    ]);
    open();
    socket._onKeyLog('late');
    assert.deepEqual(take(), []);
  });

  test('that fails is its owner’s, with who the peer claims to be', async () => {
    const { socket, take } = start();
    const error = { code: 'ERR_X', message: 'why', errno: -5, alert: 40, pskIdentity: Buffer.from('id') };
    socket._onClosed({ ...EMPTY, error });
    const [[name, failure], closed, closing] = take();
    assert.deepEqual(
      [name, failure.message, socket.claim],
      ['_onHandshakeFailed', 'why', { pskIdentity: Buffer.from('id') }],
    );
    assert.deepEqual(
      { ...failure },
      { code: 'ERR_X', errno: -5, alert: 40, address: '192.0.2.1', port: 7, pskIdentity: Buffer.from('id') },
    );
    assert.deepEqual([closed, closing], [['_onSocketClosed', 'peer'], ['emit closing']]);
    assert.deepEqual([socket._handle, socket._failure], [0, failure]);
    socket.destroy();
    await later();
    assert.deepEqual(take(), [['emit close', true]]);
  });

  test('that somebody ends is no error on our own side, and one on the other', async () => {
    for (const reason of ['local', 'replaced']) {
      const { socket, take } = start();
      socket._onClosed({ ...EMPTY, reason });
      await later();
      assert.deepEqual(take(), [['_onSocketClosed', reason], ['emit closing'], ['emit close', false]]);
    }
    const { socket, take } = start();
    socket._onClosed(EMPTY);
    const [[name, error]] = take();
    assert.deepEqual(
      [name, error.message, { ...error }],
      [
        '_onHandshakeFailed',
        'The peer closed the connection before the handshake was over',
        { code: 'ERR_DTLS_CLOSED_DURING_HANDSHAKE', errno: 0, address: '192.0.2.1', port: 7 },
      ],
    );
  });

  test('that the application has refused has its words, and that of a look-up its cause', () => {
    const refused = { code: 'ERR_DTLS_PEER_REFUSED', message: 'refused', errno: -1, alert: 42 };
    for (const [refusal, expected] of [
      [{ code: 'MINE', message: 'my words' }, ['MINE', 'my words']],
      [{}, ['ERR_DTLS_PEER_REFUSED', 'refused']],
      [null, ['ERR_DTLS_PEER_REFUSED', 'refused']],
    ]) {
      const { socket, take } = start();
      socket._refusal = refusal;
      socket._onClosed({ ...EMPTY, error: refused });
      const [[, error]] = take();
      assert.deepEqual([error.code, error.message, error.errno, error.alert], [...expected, -1, 42]);
      assert.equal(error.cause, refusal ?? undefined);
    }
    for (const [code, expected] of [
      ['ERR_DTLS_LOOKUP_FAILED', 'cause'],
      ['ERR_X', undefined],
    ]) {
      const { socket, take } = start();
      socket._question = { withdraw() {}, cause: 'cause' };
      socket._refusal = { code: 'MINE' };
      socket._onClosed({ ...EMPTY, error: { code, message: 'm' } });
      assert.deepEqual([take()[0][1].cause, socket._tally], [expected, 'tally']);
    }
  });

  test('that fails is published, and a connection that fails is not', async (t) => {
    const errors = [];
    const note = ({ error }) => errors.push(error.message);
    channels.handshakeError.subscribe(note);
    t.after(() => channels.handshakeError.unsubscribe(note));
    const { socket, open } = start();
    open();
    socket.destroy(new Error('later'));
    start().socket.destroy(new Error('early'));
    start().socket.destroy();
    await later();
    assert.deepEqual(errors, ['early']);
  });
});

describe('messages', () => {
  test('come in their order, and those that nobody reads wait up to a limit', async () => {
    const { socket, open } = start({ receiveQueueLimit: 2 * 129 });
    socket._onMessage(Buffer.from('early'), 5);
    open();
    // The readable side itself takes so many objects.
    const most = socket.readableHighWaterMark;
    for (let count = 0; count < most + 4; count++) socket._onMessage(Buffer.from(String.fromCharCode(97 + count)), 1);
    assert.equal(socket.messagesDropped, 2);
    const read = [];
    socket.on('data', (message) => read.push(message.toString()));
    await later();
    assert.equal(read.join(''), 'abcdefghijklmnopqrstuvwxyz'.slice(0, most + 2));
    socket._onMessage(Buffer.from('!'), 1);
    assert.equal(read.at(-1), '!');
  });

  test('are told with the length of their datagram while the connection lasts', () => {
    const { socket, open, take, listen } = start();
    listen('receive');
    socket._onMessage(Buffer.from('early'), 5);
    assert.deepEqual(take(), []);
    open();
    socket._onMessage(Buffer.from('x'), 50);
    assert.deepEqual(take(), [['emit receive', 50]]);
    socket.removeAllListeners('receive').on('receive', () => {
      throw new Error('of the application');
    });
    const read = [];
    socket.on('data', (message) => read.push(`${message}`));
    assert.throws(() => socket._onMessage(Buffer.from('y'), 50), { message: 'of the application' });
    return later().then(() => assert.deepEqual(read, ['x', 'y']));
  });

  test('that nobody has read go with the connection', () => {
    const { socket, open } = start();
    open();
    assert.equal(socket._takeUnread(), undefined);
    const texts = Array.from({ length: socket.readableHighWaterMark + 2 }, (_, index) => `m${index}`);
    for (const text of texts) socket._onMessage(Buffer.from(text), 1);
    assert.deepEqual(socket._takeUnread().map(String), texts);
    assert.equal(socket._takeUnread(), undefined);
  });

  test('are followed by the end, when the peer has said goodbye', async () => {
    const { socket, open, take, log } = start();
    open();
    socket._onMessage(Buffer.from('last'), 1);
    socket._onClosed(EMPTY);
    assert.deepEqual([socket.connected, take()], [false, [['_onSocketClosed', 'peer'], ['emit closing']]]);
    await later();
    assert.deepEqual(take(), []);
    socket.on('data', (message) => log.push(`${message}`));
    await later();
    assert.deepEqual(take(), ['last', ['emit end'], ['emit close', false]]);
  });

  test('are not waited for where there are none', async () => {
    const { socket, open, take } = start();
    open();
    socket._onClosed(EMPTY);
    await later();
    assert.deepEqual(take(), [['_onSocketClosed', 'peer'], ['emit closing'], ['emit end'], ['emit close', false]]);
  });

  test('end with an error of the connection', async () => {
    const { socket, open, take } = start();
    open();
    socket._onClosed({ ...EMPTY, error: { code: 'ERR_X', message: 'why' } });
    await later();
    const [closed, closing, [name, error, message], close] = take();
    assert.deepEqual(
      [closed, closing, name, error.code, message, close],
      [['_onSocketClosed', 'peer'], ['emit closing'], 'emit error', 'ERR_X', 'why', ['emit close', true]],
    );
    assert.equal(socket.claim, null);
  });
});
