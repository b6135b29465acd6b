'use strict';

// What a person is told about an error, and where each kind of output goes, without a process for each.

const assert = require('node:assert/strict');
const process = require('node:process');
const { describe, test } = require('node:test');

const { EXIT, Failure, UsageError, configured, explain } = require('../../lib/cli/failures');
const { Terminal, printable } = require('../../lib/cli/terminal');

describe('an error is explained', () => {
  test('as it is when it comes from the tool', () => {
    const usage = { code: 'USAGE', message: 'm', advice: '', isUsage: true };
    assert.deepEqual(explain(new UsageError('m')), usage);
    assert.deepEqual(explain(new UsageError('m', 'a', 'C')), { ...usage, advice: 'a', code: 'C' });
    const failure = { code: 'FAILED', message: 'm', advice: '', isUsage: false };
    assert.deepEqual(explain(new Failure('m')), failure);
    assert.deepEqual(explain(new Failure('m', 'a', 'C')), { ...failure, advice: 'a', code: 'C' });
    assert.deepEqual(EXIT, { OK: 0, FAILED: 1, USAGE: 2 });
  });

  test('in the words of the tool when the system says it', () => {
    assert.deepEqual(explain(Object.assign(new Error('bind EACCES'), { code: 'EACCES' })), {
      code: 'EACCES',
      message: 'this port may not be used',
      advice: 'Choose a port above 1023, or run with the right to use this one.',
      isUsage: false,
    });
  });

  test('with what to do about it, where that is known', () => {
    const advice = (code, alert) => explain(Object.assign(new Error('m'), { code, alert })).advice;
    assert.match(advice('CERT_HAS_EXPIRED'), /^The peer needs a new certificate/);
    assert.match(advice('ERR_DTLS_ALERT_RECEIVED', 48), /does not know the authority/);
    assert.match(advice('ERR_DTLS_ALERT_RECEIVED', 20), /^Check that key and identity/);
    const heading = (code) => `docs/errors.md has a heading for ${code}.`;
    assert.equal(advice('ERR_DTLS_ALERT_RECEIVED', 1), heading('ERR_DTLS_ALERT_RECEIVED'));
    assert.equal(advice('ERR_DTLS_CLOSED', 48), heading('ERR_DTLS_CLOSED'));
    assert.equal(advice('ERR_TLS_X'), heading('ERR_TLS_X'));
    assert.equal(advice('X_ERR_TLS_X'), '');
    assert.equal(advice('toString'), '');
  });

  test('whatever was thrown', () => {
    const internal = 'docs/errors.md has a heading for ERR_DTLS_INTERNAL.';
    const unknown = (message) => ({ code: 'ERR_DTLS_INTERNAL', message, advice: internal, isUsage: false });
    assert.deepEqual(explain(new Error('m')), unknown('m'));
    for (const thrown of [undefined, null, 'text', 5]) assert.deepEqual(explain(thrown), unknown(String(thrown)));
    assert.deepEqual(explain({ message: 5 }), unknown('[object Object]'));
  });

  test('as wrong usage when it comes of the options', () => {
    assert.equal(
      configured(() => 7),
      7,
    );
    const fails = (error) =>
      configured(() => {
        throw error;
      });
    const wrong = Object.assign(new Error('m'), { code: 'ERR_DTLS_INVALID_KEY' });
    assert.throws(
      () => fails(wrong),
      (error) =>
        error instanceof UsageError &&
        error.message === 'm' &&
        error.code === 'ERR_DTLS_INVALID_KEY' &&
        error.advice.startsWith('Check the file.'),
    );
    const none = Object.assign(new Error('m'), { code: 'ERR_DTLS_NO_BINARY' });
    assert.throws(
      () => fails(none),
      (error) => error === none,
    );
  });
});

/** Has a terminal say something, and answers what came out: `[stream, text]`, with 'stopped' where it gave up. */
function said(act, { stdout = {}, stderr = {} } = {}) {
  const out = [];
  const listeners = {};
  const streamOf = (name, properties) => ({
    write: (text) => out.push([name, Buffer.isBuffer(text) ? text : String(text)]),
    on: (event, listener) => {
      listeners[`${name} ${event}`] = listener;
    },
    destroy: () => out.push([name, 'destroyed']),
    ...properties,
  });
  const fakes = { stdout: streamOf('out', stdout), stderr: streamOf('err', stderr), stdin: streamOf('in', {}) };
  const originals = Object.keys(fakes).map((name) => [name, Object.getOwnPropertyDescriptor(process, name)]);
  for (const [name, value] of Object.entries(fakes)) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
  try {
    act(new Terminal({ abort: () => out.push('stopped') }), listeners);
  } finally {
    for (const [name, descriptor] of originals) Object.defineProperty(process, name, descriptor);
  }
  return out;
}

describe('a command says', () => {
  const CLEAR = '\r\u001b[K';

  test('results on stdout and notes on stderr, each line by line', () => {
    const out = said((terminal) => {
      assert.equal(terminal.isJson, false);
      terminal.line('a\u0007\nb');
      terminal.result({ x: 1 }, 'text');
      terminal.event('name', { x: 1 }, 'happened');
      terminal.warning('careful');
      terminal.use('ping', false);
      terminal.warning('careful');
    });
    assert.deepEqual(out, [
      ['out', 'a\\x07\nb\n'],
      ['out', 'text\n'],
      ['err', 'happened\n'],
      ['err', 'mbed-dtls: warning: careful\n'],
      ['err', 'mbed-dtls ping: warning: careful\n'],
    ]);
  });

  test('everything but notes as JSON, when it is told to', () => {
    const out = said((terminal) => {
      terminal.use('ping', true);
      assert.equal(terminal.isJson, true);
      terminal.result({ x: 'a\u009b\u202e' }, 'text');
      terminal.event('name', { x: 1 }, 'happened');
      terminal.message(Buffer.from('\ufeffx'), 'peer', { raw: false });
      terminal.message(Buffer.from([0xff]), 'peer', { raw: true });
      terminal.note('note');
    });
    assert.deepEqual(out, [
      ['out', '{"ok":true,"x":"a\\u009b\\u202e"}\n'],
      ['out', '{"event":"name","x":1}\n'],
      ['out', '{"event":"message","peer":"peer","text":"\ufeffx"}\n'],
      ['out', '{"event":"message","peer":"peer","base64":"/w=="}\n'],
      ['err', 'note\n'],
    ]);
  });

  test('messages as they are to a pipe, and as text to a terminal', () => {
    const bytes = Buffer.from('a\u001bb');
    const say = (raw, stdout) => said((terminal) => terminal.message(bytes, 'peer', { raw }), { stdout });
    assert.deepEqual(say(true, {}), [['out', bytes]]);
    assert.deepEqual(say(false, {}), [['out', Buffer.from('a\u001bb\n')]]);
    for (const raw of [true, false]) assert.deepEqual(say(raw, { isTTY: true }), [['out', 'a\\x1bb\n']]);
  });

  test('its progress on a terminal alone, within its width, and takes it back before anything else', () => {
    assert.deepEqual(
      said((terminal) => {
        terminal.progress('x');
        terminal.note('n');
      }),
      [['err', 'n\n']],
    );
    const acts = {
      line: ['out', 'n\n'],
      note: ['err', 'n\n'],
      message: ['out', Buffer.from('n\n')],
      close: ['in', 'destroyed'],
    };
    for (const [act, last] of Object.entries(acts)) {
      const out = said(
        (terminal) => {
          terminal.progress('0123456789');
          terminal[act](act === 'message' ? Buffer.from('n') : 'n', 'peer', { raw: false });
          terminal.note('m');
        },
        { stderr: { isTTY: true, columns: 5 } },
      );
      assert.deepEqual(out, [['err', `${CLEAR}0123`], ['err', CLEAR], last, ['err', 'm\n']], act);
    }
    const wide = (columns, text) =>
      said((terminal) => terminal.progress(text), { stderr: { isTTY: true, columns } })[0][1].length - CLEAR.length;
    assert.deepEqual([wide(undefined, 'x'.repeat(90)), wide(0, 'x'.repeat(90)), wide(1, 'x')], [79, 79, 0]);
    const json = said(
      (terminal) => {
        terminal.use('ping', true);
        terminal.progress('x');
        terminal.event('e', {}, '');
      },
      { stderr: { isTTY: true } },
    );
    assert.deepEqual(json, [
      ['err', `${CLEAR}x`],
      ['err', CLEAR],
      ['out', '{"event":"e"}\n'],
    ]);
  });

  test('why it has failed, with the code where it has one, and what to do', () => {
    const fail = (error, isJson = false) =>
      said((terminal) => {
        terminal.use('ping', isJson);
        terminal.fail({ code: 'FAILED', message: 'm', advice: '', isUsage: false, ...error });
      }).map(([, text]) => text);
    assert.deepEqual(fail({}), ['mbed-dtls ping: m\n']);
    assert.deepEqual(fail({ code: 'ERR_X' }), ['mbed-dtls ping: m (ERR_X)\n']);
    assert.deepEqual(fail({ advice: 'a' }), ['mbed-dtls ping: m\n', 'a\n']);
    assert.deepEqual(fail({ code: 'USAGE', isUsage: true }), ['mbed-dtls ping: m\n', 'See mbed-dtls ping --help.\n']);
    assert.deepEqual(fail({ code: 'USAGE', isUsage: true, advice: 'a' }), ['mbed-dtls ping: m\n', 'a\n']);
    assert.deepEqual(fail({}, true), ['{"ok":false,"error":{"code":"FAILED","message":"m"}}\n', 'mbed-dtls ping: m\n']);
  });

  test('nothing more when nobody reads, on either stream', () => {
    for (const name of ['out error', 'err error']) {
      assert.deepEqual(
        said((_, listeners) => listeners[name](new Error('EPIPE'))),
        ['stopped'],
        name,
      );
    }
  });

  test('quotations without anything that acts on a terminal', () => {
    said((terminal) => assert.equal(terminal.quote('a"\u009b'), '"a\\"\\x9b"'));
    assert.equal(printable('\u0000\u001f \u007f\u009f\u00a0\u200e\u2066'), '\\x00\\x1f \\x7f\\x9f\u00a0\\u200e\\u2066');
  });
});
