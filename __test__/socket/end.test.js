'use strict';

// Writes and the end of one connection as a stream, with a made-up endpoint and owner.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { channels } = require('../../lib/diagnostics');
const { DtlsError } = require('../../lib/errors');
const { start } = require('../support/made-up-endpoint.js');
const { later } = require('../support/observed.js');

const EMPTY = { data: 'tally', reason: 'peer' };

describe('a write', () => {
  test('waits for the end of the handshake, and leaves then', async () => {
    const { socket, open, take } = start();
    const written = [];
    socket.write('a', () => written.push('a'));
    socket.write('b', () => written.push('b'));
    await later();
    assert.deepEqual([take(), written], [[], []]);
    socket._onSecure({ cipher: 'CIPHER', authorized: true });
    await later();
    assert.deepEqual(
      [take(), written],
      [
        [
          ['_onSocketSecure', undefined],
          ['send', 'a'],
          ['send', 'b'],
        ],
        ['a', 'b'],
      ],
    );
    assert.equal(open.length, 1);
  });

  test('that waits fails with the handshake, by its reason or by ours', async () => {
    for (const [reason, expected] of [
      [undefined, ['ERR_DTLS_CLOSED_DURING_HANDSHAKE', 'The connection was closed before the handshake was over']],
      [Object.assign(new Error('why'), { code: 'E' }), ['E', 'why']],
    ]) {
      const { socket } = start();
      const error = new Promise((resolve) => socket.write('a', resolve));
      socket.destroy(reason);
      const { code, message } = await error;
      assert.deepEqual([code, message], expected);
    }
  });

  test('is discarded when the peer has closed, and refused when the connection goes on elsewhere', async () => {
    const { socket, open, take } = start();
    open();
    socket._onClosed(EMPTY);
    assert.equal(await new Promise((resolve) => socket.write('a', (error) => resolve(error ?? null))), null);
    assert(!take().some(([name]) => name === 'send'));
    const other = start();
    other.open();
    other.endpoint.connections.set(5, other.socket);
    other.socket._goElsewhere();
    assert.deepEqual(
      [other.socket.exported, other.socket.connected, other.socket._handle, other.endpoint.connections.size],
      [true, false, 0, 0],
    );
    assert.deepEqual(other.take(), [['_onSocketClosed', 'exported']]);
    const error = await new Promise((resolve) => other.socket.write('a', resolve));
    assert.deepEqual(
      [error.message, { ...error }],
      [
        'The connection goes on in another process, and this message was not sent',
        { code: 'ERR_DTLS_EXPORTED', errno: 0, address: '192.0.2.1', port: 7 },
      ],
    );
    other.socket.destroy();
    await later();
    assert.deepEqual(other.take(), [['emit closing'], ['emit close', false]]);
  });

  test('has its longest length from the native object, once', () => {
    const { socket, endpoint, open } = start();
    let asked = 0;
    endpoint.native.payloadLimit = (handle) => {
      assert.equal(handle, 5);
      return [0, 77, 88][asked++];
    };
    assert.deepEqual([socket._longestMessage(), asked], [0, 0]);
    open();
    assert.deepEqual(
      [socket._longestMessage(), socket._longestMessage(), socket._longestMessage(), asked],
      [0, 77, 77, 2],
    );
    socket._lacksNumbers = true;
    assert.equal(socket._longestMessage(), 0);
  });

  test('without a record number is refused, the first one by an event', async () => {
    const { socket, open } = start();
    open();
    const errors = [];
    socket.on('writeError', ({ message }) => errors.push(message));
    const chunks = [Buffer.from('a'), Buffer.from('b')];
    for (const chunk of chunks) socket._refuseUnnumbered(chunk, new Error(`${chunk}`));
    assert.deepEqual([errors, socket._lacksNumbers], [['a'], true]);
  });
});

describe('the end of a socket', () => {
  test('says goodbye once, as it is told to', async () => {
    for (const sendClose of [true, false]) {
      const { socket, open, take } = start({ sendClose });
      open();
      socket.end();
      await later();
      assert.deepEqual(take(), [['close', 5, sendClose], ['emit closing'], ['emit end'], ['emit close', false]]);
      socket.destroy();
      await later();
      assert.deepEqual(take(), []);
    }
  });

  test('that comes before the end of the handshake waits for it', async () => {
    const { socket, take } = start();
    socket.end('last');
    await later();
    assert.deepEqual(take(), []);
    socket._onSecure({ cipher: 'CIPHER', authorized: true });
    await later();
    assert.deepEqual(take(), [
      ['_onSocketSecure', undefined],
      ['send', 'last'],
      ['close', 5, true],
      ['emit closing'],
      ['emit end'],
      ['emit close', false],
    ]);
  });

  test('does not wait for a reader who has never begun, and waits for one who has', async () => {
    const { socket, open, take } = start();
    open();
    socket._onMessage(Buffer.from('x'), 1);
    socket.end();
    await later();
    assert.deepEqual(take().at(-1), ['emit close', false]);
    for (const begin of [(one) => one.pause(), (one) => one.on('readable', () => {})]) {
      const other = start();
      other.open();
      begin(other.socket);
      other.socket._onMessage(Buffer.from('x'), 1);
      other.socket.end();
      await later();
      assert(!other.take().some(([name]) => name === 'emit close'));
      assert.equal(`${other.socket.read()}`, 'x');
      other.socket.resume();
      await later();
      await later();
      assert.deepEqual(other.take().at(-1), ['emit close', false]);
    }
  });

  test('without a connection in the native object is a matter of the socket alone', async () => {
    const { socket, take } = start();
    socket._handle = 0;
    socket.destroy();
    await later();
    assert.deepEqual(take(), [['emit closing'], ['emit close', false]]);
  });

  test('by an error has it, in its own scope, with its message', async () => {
    const { socket, open, take } = start();
    open();
    const error = new DtlsError('why');
    socket.destroy(error);
    await later();
    assert.deepEqual(take(), [
      ['close', 5, true],
      ['emit closing'],
      ['emit error', error, 'why'],
      ['emit close', true],
    ]);
  });

  test('is published', async (t) => {
    const messages = [];
    const note = ({ socket, hadError }) => messages.push([socket.constructor.name, hadError]);
    channels.closed.subscribe(note);
    t.after(() => channels.closed.unsubscribe(note));
    start().socket.destroy();
    start().socket.destroy(new Error('why'));
    await later();
    assert.deepEqual(messages, [
      ['ConnectionStream', false],
      ['ConnectionStream', true],
    ]);
  });

  test('of a question that is open is told to it', () => {
    const { socket, take } = start();
    let withdrawn = 0;
    socket._question = { withdraw: () => withdrawn++ };
    socket.destroy();
    take();
    socket._onClosed({ ...EMPTY, reason: 'local' });
    assert.deepEqual([withdrawn, take()], [1, [['_onSocketClosed', 'local']]]);
  });

  test('elsewhere is a beginning: the peer, its data and what nobody has read', () => {
    const { socket, take } = start();
    const peer = {
      authorized: true,
      authorizationError: 'E',
      alpnProtocol: 'coap',
      data: { x: 1 },
      details: { resumed: true },
      pskIdentity: 'id',
      publicKey: Buffer.from('key'),
      messages: [Buffer.from('a'), Buffer.from('b')],
    };
    socket._goOn('CIPHER', peer);
    assert.deepEqual(
      [socket.resumed, socket.authorized, socket.authorizationError, socket.alpnProtocol, socket.data, socket._details],
      [true, true, 'E', 'coap', { x: 1 }, { resumed: true }],
    );
    assert.deepEqual(
      [socket._identity, socket._publicKey, socket.handshakeTime],
      ['id', Buffer.from('key'), undefined],
    );
    assert.deepEqual(
      [socket.read(), socket.read(), socket.read()].map((one) => one && `${one}`),
      ['a', 'b', null],
    );
    assert.deepEqual(take(), [['_onSocketSecure', undefined]]);
    const other = start();
    other.socket._goOn('CIPHER', { ...peer, messages: undefined });
    assert.equal(other.socket.read(), null);
  });
});
