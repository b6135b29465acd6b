'use strict';

// What arguments, lines of input, times and numbers of suites come to, without a process for each: every form, every bound.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { constants } = require('../..');
const { address, formatAddress, parse, seconds, whole } = require('../../lib/cli/arguments');
const { UsageError } = require('../../lib/cli/failures');
const { payloads } = require('../../lib/cli/input');
const { counted, inMilliseconds, spread } = require('../../lib/cli/measures');
const { SUITES, WEAK_KINDS, suiteName } = require('../../lib/cli/suites');

const COMMAND = { OPTIONS: { size: { type: 'string' } }, POSITIONALS: [1, 2], USAGE: 'HOST:PORT [OPTIONS]' };

function usage(message, advice = '') {
  return (error) => {
    assert(error instanceof UsageError);
    assert.deepEqual(
      { message: error.message, advice: error.advice, code: error.code },
      { message, advice, code: 'USAGE' },
    );
    return true;
  };
}

describe('the arguments of a command', () => {
  test('are its own options and those of all, and as many others as it takes', () => {
    const read = (...args) => {
      const { values, positionals } = parse('ping', COMMAND, args);
      return [{ ...values }, positionals];
    };
    assert.deepEqual(read('a'), [{}, ['a']]);
    assert.deepEqual(read('a', 'b', '--size', '4', '--json'), [{ size: '4', json: true }, ['a', 'b']]);
    assert.deepEqual(read('-h'), [{ help: true }, []]);
    assert.deepEqual(read('--help', 'a', 'b', 'c'), [{ help: true }, ['a', 'b', 'c']]);
  });

  test('are refused when they are too few or too many, or unknown, in one sentence', () => {
    const form = 'the form is mbed-dtls ping HOST:PORT [OPTIONS]';
    assert.throws(() => parse('ping', COMMAND, []), usage(`an argument is missing; ${form}`));
    assert.throws(() => parse('ping', COMMAND, ['a', 'b', 'c']), usage(`there are too many arguments; ${form}`));
    assert.throws(() => parse('ping', COMMAND, ['a', '--loss']), usage("Unknown option '--loss'"));
    assert.throws(() => parse('ping', COMMAND, ['a', '--size']), usage("Option '--size <value>' argument missing"));
    const ambiguous = "Option '--size' argument is ambiguous.";
    assert.throws(() => parse('ping', COMMAND, ['a', '--size', '-4']), usage(ambiguous));
  });

  test('are whole numbers within their bounds, or what is said otherwise', () => {
    const read = (text) => whole({ n: text }, 'n', { least: 2, most: 20, otherwise: 7 });
    assert.deepEqual([undefined, '2', '20', '0000000003'].map(read), [7, 2, 20, 3]);
    for (const text of ['1', '21', '', '3.0', '-3', '00000000003', ' 3', '0x3', 'x']) {
      assert.throws(() => read(text), usage(`--n takes a whole number from 2 to 20, not ${JSON.stringify(text)}`));
    }
  });

  test('are seconds within their bounds, in milliseconds, or what is said otherwise', () => {
    const read = (text) => seconds({ n: text }, 'n', { least: 0.1, most: 20, otherwise: 1.5 });
    assert.deepEqual([undefined, '0.1', '20', '1.001', '000003'].map(read), [1500, 100, 20_000, 1001, 3000]);
    for (const text of ['0.099', '20.001', '', '1.', '.5', '1.0001', '0000003', '1e1', '-1', '1s']) {
      assert.throws(() => read(text), usage(`--n takes seconds from 0.1 to 20, not ${JSON.stringify(text)}`));
    }
  });

  test('are addresses with a port, and with a host where one is needed', () => {
    const read = (text, needsHost) => {
      const { host, port } = address(text, { needsHost });
      return [host, port];
    };
    for (const needsHost of [true, false]) {
      assert.deepEqual(read('localhost:1', needsHost), ['localhost', 1]);
      assert.deepEqual(read('[::1]:65535', needsHost), ['::1', 65535]);
    }
    assert.deepEqual(read('0', false), [undefined, 0]);
    assert.deepEqual(read('h:0', false), ['h', 0]);
    const wrong = (text, needsHost, form, lowest) =>
      assert.throws(
        () => read(text, needsHost),
        usage(
          `${JSON.stringify(text)} is not ${form}`,
          `An example is localhost:5684, or [::1]:5684 for an IPv6 address. Ports go from ${lowest} to 65535.`,
        ),
      );
    for (const text of ['1', 'h:0', 'h:65536', 'h', '::1:1', ':1', '[]:1', 'h:123456', 'h:1x', '']) {
      wrong(text, true, 'HOST:PORT', 1);
    }
    for (const text of ['h', '65536', '::1:1', ':1', '']) wrong(text, false, '[HOST:]PORT', 0);
  });

  test('are shown as addresses in the form of their family', () => {
    assert.equal(formatAddress('127.0.0.1', 1), '127.0.0.1:1');
    assert.equal(formatAddress('::1', 1), '[::1]:1');
    assert.equal(formatAddress('::ffff:127.0.0.1', 1), '127.0.0.1:1');
    assert.equal(formatAddress('::ffff:7f00:1', 1), '[::ffff:7f00:1]:1');
    assert.equal(formatAddress('1::ffff:127.0.0.1', 1), '[1::ffff:127.0.0.1]:1');
    assert.equal(formatAddress(undefined, 1), 'undefined:1');
  });
});

describe('the input', () => {
  async function* from(chunks) {
    for (const chunk of chunks) {
      if (chunk instanceof Error) throw chunk;
      yield Buffer.from(chunk);
    }
  }
  const read = async (chunks, isWhole = false) => {
    const all = [];
    for await (const payload of payloads(from(chunks), isWhole)) all.push(payload.toString());
    return all;
  };

  test('has a payload for each line, however it is cut, and for what follows the last one', async () => {
    assert.deepEqual(await read([]), []);
    assert.deepEqual(await read(['a\nb\r\n\n\r\nc\rd']), ['a', 'b', '', '', 'c\rd']);
    assert.deepEqual(await read(['a', 'b\n', 'c', '\r', '\n']), ['ab', 'c']);
    assert.deepEqual(await read(['\n']), ['']);
  });

  test('is one payload as a whole, and none when it is empty', async () => {
    assert.deepEqual(await read(['a\nb', '\r\n'], true), ['a\nb\r\n']);
    assert.deepEqual(await read([], true), []);
  });

  test('ends where the terminal closes, and fails where anything else does', async () => {
    assert.deepEqual(await read(['a', Object.assign(new Error('closed'), { syscall: 'read' })]), ['a']);
    await assert.rejects(read(['a', new Error('broken')]), { message: 'broken' });
  });

  test('has no more in a datagram than fits, and says which line has', async () => {
    const most = constants.MAX_MESSAGE_LENGTH;
    const full = 'x'.repeat(most);
    const wrong = (name) =>
      usage(
        `${name} has more than ${most} bytes, the most that a datagram of DTLS can hold`,
        'Send it in several datagrams.',
      );
    assert.deepEqual(await read([`${full}\n${full}`]), [full, full]);
    assert.deepEqual(await read([full], true), [full]);
    await assert.rejects(read([`a\nb\n${full}x\n`]), wrong('line 3 of the input'));
    await assert.rejects(read(['a\n', full, 'x']), wrong('line 2 of the input'));
    await assert.rejects(read([full, 'x'], true), wrong('the input'));
  });
});

describe('measures', () => {
  test('are the least, the middle and the most, with three decimals', () => {
    assert.deepEqual(spread([]), {});
    assert.deepEqual(spread([2]), { min: 2, median: 2, max: 2 });
    assert.deepEqual(spread([10, 2.00049, 9]), { min: 2, median: 9, max: 10 });
    assert.deepEqual(spread([10, 1, 4, 3.0015]), { min: 1, median: 3.501, max: 10 });
    const times = [3, 1];
    spread(times);
    assert.deepEqual(times, [3, 1]);
    assert.equal(inMilliseconds({ min: 1, median: 2.345, max: 10.004 }), '1.00/2.35/10.00 ms');
  });

  test('are counted in the singular and in the plural', () => {
    assert.deepEqual(
      [0, 1, 2].map((number) => counted(number, 'datagram')),
      ['0 datagrams', '1 datagram', '2 datagrams'],
    );
  });
});

describe('suites', () => {
  test('have their numbers and names, each once', () => {
    assert.equal(SUITES.size, 157);
    assert.equal(new Set(SUITES.values()).size, SUITES.size);
    assert.deepEqual([...SUITES.entries()][0], [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256']);
    assert.equal(suiteName(0xc0a8), 'PSK-AES128-CCM8');
    assert.equal(suiteName(0x0006), 'EXP-RC2-CBC-MD5');
    assert.equal(suiteName(0x1301), '0x1301');
    assert.equal(suiteName(0xab), 'DHE-PSK-AES256-GCM-SHA384');
    assert.equal(suiteName(0x99), '0x0099');
  });

  test('are weak by their names, in one or in several ways', () => {
    const kinds = (name) => WEAK_KINDS.filter(([, pattern]) => pattern.test(name)).map(([kind]) => kind);
    assert.deepEqual(kinds('ECDHE-ECDSA-AES128-GCM-SHA256'), []);
    assert.deepEqual(kinds('PSK-AES128-CCM8'), []);
    assert.deepEqual(kinds('NULL-MD5'), ['without encryption', 'with RSA key exchange', 'with SHA-1 or MD5']);
    assert.deepEqual(kinds('ADH-AES128-SHA'), ['without authentication', 'with SHA-1 or MD5']);
    assert.deepEqual(kinds('EXP-RC4-MD5'), ['for export', 'with RC4', 'with SHA-1 or MD5']);
    assert.deepEqual(kinds('ECDHE-RSA-DES-CBC3-SHA'), ['with DES or 3DES', 'with SHA-1 or MD5']);
  });
});
