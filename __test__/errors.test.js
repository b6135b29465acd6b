'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const {
  DtlsError,
  alpnCallbackWithProtocols,
  alpnInvalidResult,
  fromNative,
  invalidArgType,
  invalidArgValue,
  messageOf,
  missingOption,
  outOfRange,
  quote,
  stateError,
  unreachable,
} = require('../lib/errors.js');

const MAC_ERROR = { code: 'ERR_DTLS_BAD_RECORD_MAC', errno: -0x7180, alert: 20, address: '192.0.2.1', port: 5684 };

describe('a DtlsError', () => {
  test('is an Error with code, errno, alert, address and port', () => {
    const error = new DtlsError('The record is forged', MAC_ERROR);
    assert(error instanceof Error);
    assert.equal(error.name, 'DtlsError');
    assert.equal(error.message, 'The record is forged');
    assert.deepEqual({ ...error }, MAC_ERROR);
  });

  test('is the text of an Error in every conversion, with an errno and without', () => {
    for (const errno of [-0x7180, 0]) {
      const error = new DtlsError('The record is forged', { ...MAC_ERROR, errno });
      const text = 'DtlsError: The record is forged';
      // biome-ignore lint/style/useTemplate: a template asks for a string, a plus does not
      assert.equal('failed: ' + error, `failed: ${text}`);
      assert.equal(`${error}`, text);
      assert.equal(String(error), text);
      assert.equal(error.valueOf(), error);
      assert(Number.isNaN(Number(error)));
    }
  });

  test('has no property for what is not known', () => {
    assert.deepEqual(Object.keys(new DtlsError('message')), ['code', 'errno']);
  });

  test('shows its cause, which is not enumerable', () => {
    const cause = new Error('database down');
    const error = new DtlsError('message', { cause });
    assert.equal(error.cause, cause);
    assert(!Object.keys(error).includes('cause'));
    assert.match(inspect(error), /database down/);
  });

  test('takes over what the native layer says', () => {
    const native = Object.assign(new Error('bad certificate'), { code: 'CERT_HAS_EXPIRED', errno: -0x2700 });
    const error = fromNative(native, { address: '::1', port: 1 });
    assert(error instanceof DtlsError);
    assert.deepEqual({ ...error }, { code: 'CERT_HAS_EXPIRED', errno: -0x2700, address: '::1', port: 1 });
  });
});

describe("an argument error has Node's code, class and wording", () => {
  test('ERR_INVALID_ARG_TYPE', () => {
    const error = invalidArgType('options.mtu', 'of type number', '1200');
    assert(error instanceof TypeError);
    assert.equal(error.code, 'ERR_INVALID_ARG_TYPE');
    assert.equal(error.message, `The "options.mtu" property must be of type number. Received type string ('1200')`);
    assert.equal(
      invalidArgType('listener', 'of type function', null).message,
      'The "listener" argument must be of type function. Received null',
    );
    for (const [value, shown] of [
      [new Map(), 'an instance of Map'],
      [Object.create(null), 'an object without prototype'],
      [undefined, 'undefined'],
      [Object.assign(() => {}, {}), 'function '],
      [function named() {}, 'function named'],
      [17n, 'type bigint (17)'],
      ['x'.repeat(26), `type string ('${'x'.repeat(26)}')`],
      ['x'.repeat(27), `type string ('${'x'.repeat(24)}...)`],
    ]) {
      const { message } = invalidArgType('host', 'of type string', value);
      assert.equal(message, `The "host" argument must be of type string. Received ${shown}`);
    }
  });

  test('ERR_INVALID_ARG_TYPE does not show a secret', () => {
    const error = invalidArgType('options.psk', 'of type string', 4711, { secret: true });
    assert.match(error.message, /Received type number$/);
  });

  test('ERR_OUT_OF_RANGE', () => {
    const error = outOfRange('options.mtu', '>= 256 && <= 65507', 1);
    assert(error instanceof RangeError);
    assert.equal(error.code, 'ERR_OUT_OF_RANGE');
    assert.equal(
      error.message,
      'The value of "options.mtu" is out of range. It must be >= 256 && <= 65507. Received 1',
    );
  });

  test('ERR_INVALID_ARG_VALUE and ERR_MISSING_OPTION', () => {
    assert.equal(invalidArgValue('options.x', 'is not a known option').code, 'ERR_INVALID_ARG_VALUE');
    assert.equal(missingOption('"options.port"').code, 'ERR_MISSING_OPTION');
    assert(missingOption('"options.port"') instanceof TypeError);
  });
});

describe('a message', () => {
  const plain = (error) => [error.constructor.name, error.code, error.message];

  test('has the words of its kind, and a stack that begins where it was made', () => {
    for (const [error, ...expected] of [
      [invalidArgValue('x', 'is odd'), 'TypeError', 'ERR_INVALID_ARG_VALUE', 'The "x" argument is odd'],
      [invalidArgValue('options.x', 'is odd'), 'TypeError', 'ERR_INVALID_ARG_VALUE', 'The "options.x" property is odd'],
      [missingOption('"x"'), 'TypeError', 'ERR_MISSING_OPTION', '"x" is required'],
      [missingOption('"x"', 'why'), 'TypeError', 'ERR_MISSING_OPTION', '"x" is required: why'],
      [
        alpnCallbackWithProtocols(),
        'TypeError',
        'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS',
        'The ALPNCallback and ALPNProtocols TLS options are mutually exclusive',
      ],
      [
        alpnInvalidResult('x', ['a', 'b']),
        'TypeError',
        'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
        "ALPNCallback answered 'x', which is none of the client's protocols: 'a, b'",
      ],
      [stateError('ERR_X', 'words'), 'Error', 'ERR_X', 'words'],
    ]) {
      assert.deepEqual(plain(error), expected);
      assert.match(error.stack.split('\n')[1], /errors\.test\.js/);
    }
    assert.match(outOfRange('x', '1', 2).stack.split('\n')[1], /errors\.test\.js/);
    assert.match(invalidArgType('x', '1', 2).stack.split('\n')[1], /errors\.test\.js/);
  });

  test('says of a peer that cannot be there why, with the code of the system', () => {
    const remote = { address: '192.0.2.1', port: 5684 };
    for (const [given, code, message] of [
      ['ECONNREFUSED', 'ECONNREFUSED', 'Nobody listens at 192.0.2.1 on UDP port 5684 (ECONNREFUSED)'],
      ['ECONNRESET', 'ECONNREFUSED', 'Nobody listens at 192.0.2.1 on UDP port 5684 (ECONNREFUSED)'],
      ['EHOSTUNREACH', 'EHOSTUNREACH', 'The host 192.0.2.1 cannot be reached (EHOSTUNREACH)'],
      ['ENETUNREACH', 'ENETUNREACH', 'There is no route to the network of 192.0.2.1 (ENETUNREACH)'],
    ]) {
      const cause = Object.assign(new Error('system'), { code: given });
      const error = unreachable(cause, remote);
      assert.deepEqual([error.message, { ...error }, error.cause], [message, { code, errno: 0, ...remote }, cause]);
    }
  });

  test('of anything that was thrown is its own, or what it looks like', () => {
    assert.equal(messageOf(new Error('words')), 'words');
    assert.equal(messageOf({ message: 'words' }), 'words');
    assert.equal(messageOf({ message: 5 }), '{ message: 5 }');
    assert.equal(messageOf(undefined), 'undefined');
    assert.equal(messageOf(null), 'null');
    assert.equal(messageOf('words'), "'words'");
  });

  test('shows values in short', () => {
    assert.deepEqual([quote('x'), quote(5), quote(null), quote(true)], ["'x'", '5', 'null', 'true']);
    const error = invalidArgType('x', 'y', () => {});
    assert.match(error.message, /Received function $/);
    assert.match(invalidArgType('x', 'y', { constructor: undefined }).message, /an object without prototype$/);
    const secret = (value) => invalidArgType('x', 'y', value, { secret: true }).message.split('Received ')[1];
    assert.deepEqual(
      [secret('key'), secret(null), secret(Buffer.alloc(1))],
      ['type string', 'null', 'an instance of Buffer'],
    );
  });
});

test('a DtlsError has what it is told, and its own code otherwise', () => {
  const claim = { subject: 'CN=x', pskIdentity: Buffer.from('id') };
  const error = new DtlsError('m', { claim, port: 0, alert: 0, address: '' });
  assert.deepEqual({ ...error }, { code: 'ERR_DTLS_INTERNAL', errno: 0, alert: 0, address: '', port: 0, ...claim });
  assert.equal('cause' in new DtlsError('m'), false);
  assert.equal(Object.hasOwn(error, 'name'), false);
  const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(DtlsError.prototype, 'name');
  assert.deepEqual([writable, configurable, enumerable], [true, true, false]);
  const native = { message: 'm', code: 'C', errno: -1, alert: 5 };
  assert.deepEqual({ ...fromNative(native) }, { code: 'C', errno: -1, alert: 5 });
});
