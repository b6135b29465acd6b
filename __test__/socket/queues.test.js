'use strict';

// The parts of a socket by themselves: the queue of messages, writes of any length, and the time without messages.

const assert = require('node:assert/strict');
const process = require('node:process');
const { describe, mock, test } = require('node:test');

const { AsyncScope } = require('../../lib/async-scope');
const { IdleTimer } = require('../../lib/idle-timer');
const { MessageQueue } = require('../../lib/message-queue');
const { MessageStream } = require('../../lib/message-stream');

describe('a queue of messages', () => {
  test('has them in their order, each once', () => {
    const queue = new MessageQueue(10_000);
    assert.equal(queue.isEmpty, true);
    for (const text of ['a', 'b', 'c']) assert.equal(queue.push(text), true);
    assert.equal(queue.isEmpty, false);
    assert.equal(queue.shift(), 'a');
    queue.push('d');
    assert.deepEqual(
      [queue.shift(), queue.shift(), queue.isEmpty, queue.shift(), queue.isEmpty],
      ['b', 'c', false, 'd', true],
    );
    queue.push('e');
    assert.deepEqual([queue.shift(), queue.isEmpty], ['e', true]);
  });

  test('has room for its limit, where each counts 128 bytes more than it has', () => {
    const queue = new MessageQueue(2 * 128 + 10);
    assert.deepEqual(
      [queue.push('12345'), queue.push('123456'), queue.push('12345'), queue.push('')],
      [true, false, true, false],
    );
    queue.shift();
    assert.deepEqual([queue.push('123456'), queue.push('12345'), queue.push('')], [false, true, false]);
    assert.equal(new MessageQueue(127).push(''), false);
    assert.equal(new MessageQueue(128).push(''), true);
  });
});

describe('a stream of messages', () => {
  /** A stream on which so many bytes fit into a message; others are refused. */
  class Stream extends MessageStream {
    sent = [];
    refusesAll = false;
    constructor(longest) {
      super({ decodeStrings: true });
      this.longest = longest;
    }
    _longestMessage() {
      return this.longest;
    }
    _read() {}
    _write(chunk, encoding, callback) {
      if (chunk.length > 4 || this.refusesAll) this._refuse(chunk, new Error(`${chunk.length} bytes`));
      else this.sent.push([chunk.toString(), encoding]);
      callback();
    }
  }

  const settled = (stream, ...args) =>
    new Promise((resolve) => stream.write(...args, (error) => resolve(error?.message ?? null)));

  test('sends each write as one message, and tells of one that is too long alone', async () => {
    for (const longest of [0, 4]) {
      const stream = new Stream(longest);
      assert.equal(await settled(stream, 'abcd'), null);
      assert.equal(await settled(stream, 'abcde'), '5 bytes');
      assert.equal(await settled(stream, Buffer.from('abcde'), 'utf8'), '5 bytes');
      assert.equal(await settled(stream, new Uint8Array(5)), '5 bytes');
      assert.equal(await settled(stream, '6162', 'hex'), null);
      assert.equal(await settled(stream, '616263646566', 'hex'), '6 bytes');
      assert.equal(await settled(stream, '\u00e9'.repeat(3)), '6 bytes');
      assert.equal(await settled(stream, '\u00e9'.repeat(3), 'latin1'), null);
      assert.deepEqual(
        stream.sent.map(([text]) => text),
        ['abcd', 'ab', '\ufffd\ufffd\ufffd'],
      );
      assert.equal(stream.destroyed, false);
    }
  });

  test('has the encoding that was set for strings', async () => {
    const stream = new Stream(0);
    stream.setDefaultEncoding('hex');
    assert.equal(await settled(stream, '6162'), null);
    assert.deepEqual(stream.sent[0][0], 'ab');
  });

  test("tells of a write without a callback by 'writeError', or a warning", async () => {
    const stream = new Stream(0);
    const errors = [];
    stream.on('writeError', ({ message }) => errors.push(message));
    stream.write('abcde');
    stream.write('abcd');
    await new Promise(setImmediate);
    assert.deepEqual(errors, ['5 bytes']);
    stream.removeAllListeners('writeError');
    const warnings = [];
    const listen = ({ name, message }) => warnings.push([name, message]);
    process.on('warning', listen);
    stream.write('abcdef');
    await new Promise(setImmediate);
    process.off('warning', listen);
    assert.deepEqual(warnings, [['DtlsWarning', '6 bytes']]);
  });

  test('tells of what was to be sent without a look at its length, when it is asked', async () => {
    const stream = new Stream(100);
    const errors = [];
    stream.on('writeError', ({ message }) => errors.push(message));
    const chunk = Buffer.from('abcde');
    stream.write(chunk);
    await new Promise(setImmediate);
    assert.deepEqual(errors, []);
    stream._tellRefusal(chunk);
    assert.deepEqual(errors, ['5 bytes']);
    stream._tellRefusal(Buffer.from('x'));
    assert.deepEqual(errors, ['5 bytes']);
  });

  test('refuses what is no message as any stream does', async () => {
    for (const longest of [0, 4]) {
      const stream = new Stream(longest);
      assert.throws(() => stream.write(5), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => stream.write(null), { code: 'ERR_STREAM_NULL_VALUES' });
      assert.throws(() => stream.write({ byteLength: 50 }), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => stream.write('abcdef', 'nonsense'), { code: 'ERR_UNKNOWN_ENCODING' });
    }
  });

  test('ends in all the ways of a stream, with a last message or without', async () => {
    const ended = (...args) =>
      new Promise((resolve) => {
        const stream = new Stream(0);
        stream.end(...args, () => resolve(stream.sent.map(([text]) => text)));
      });
    assert.deepEqual(await ended(), []);
    assert.deepEqual(await ended('ab'), ['ab']);
    assert.deepEqual(await ended('6162', 'hex'), ['ab']);
    assert.deepEqual(await ended(null), []);
    assert.deepEqual(await ended(undefined, undefined), []);
    const stream = new Stream(0);
    const errors = [];
    stream.on('writeError', ({ message }) => errors.push(message));
    await new Promise((resolve) => stream.end('abcde', resolve));
    assert.deepEqual(errors, ['5 bytes']);
    assert.equal(stream.writableFinished, true);
  });
});

describe('the time without messages', () => {
  test('is over when nothing has come for so long, and keeps no process alive', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const socket = { emit: mock.fn(), _scope: new AsyncScope('TEST') };
    const timer = new IdleTimer(socket, 100);
    assert.equal(timer.duration, 100);
    t.mock.timers.tick(99);
    assert.equal(socket.emit.mock.callCount(), 0);
    t.mock.timers.tick(1);
    assert.deepEqual(socket.emit.mock.calls[0].arguments, ['timeout']);
    assert.equal(socket.emit.mock.calls[0].this, socket);
    const other = new IdleTimer(socket, 100);
    other.stop();
    t.mock.timers.tick(100);
    assert.equal(socket.emit.mock.callCount(), 1);
  });

  test('keeps no process alive', () => {
    assert.equal(new AsyncScope('TEST').hasRef(), false);
    const timer = new IdleTimer({ _scope: new AsyncScope('TEST') }, 100_000);
    assert.equal(timer._timer.hasRef(), false);
    timer.restart();
    timer.stop();
  });
});
