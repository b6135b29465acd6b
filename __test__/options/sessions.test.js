'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { connect, createServer } = require('../..');

const PSK = { psk: { bob: 'secret' } };

describe('options about sessions', () => {
  for (const [option, values, code] of [
    ['sessionTimeout', [-1, 1.5, 604_801, Infinity], 'ERR_OUT_OF_RANGE'],
    ['sessionTimeout', ['300', null], 'ERR_INVALID_ARG_TYPE'],
    [
      'ticketKeys',
      [Buffer.alloc(0), Buffer.alloc(47), Buffer.alloc(49), Buffer.alloc(17 * 48)],
      'ERR_INVALID_ARG_VALUE',
    ],
    ['ticketKeys', ['x'.repeat(48), 48, {}], 'ERR_INVALID_ARG_TYPE'],
    ['sessionStore', [null, {}, { get() {}, set() {} }, 'redis', new WeakSet()], 'ERR_INVALID_ARG_TYPE'],
    ['maxSessions', [-1, 0.5], 'ERR_OUT_OF_RANGE'],
    ['pskSessions', ['yes', 1], 'ERR_INVALID_ARG_TYPE'],
  ]) {
    test(`${option} is refused with ${code}`, () => {
      for (const value of values)
        assert.throws(() => createServer({ ...PSK, [option]: value }), { code }, String(value));
    });
  }

  test('are accepted at their limits', () => {
    for (const options of [
      { sessionTimeout: 0 },
      { sessionTimeout: 604_800 },
      { ticketKeys: Buffer.alloc(48) },
      { ticketKeys: new Uint8Array(16 * 48) },
      { ticketKeys: new ArrayBuffer(96) },
      { sessionStore: new Map() },
      { maxSessions: 0 },
      { pskSessions: true },
    ]) {
      createServer({ ...PSK, ...options });
    }
  });

  test('a session of a client must be bytes, and does not print', () => {
    const options = { port: 1, psk: 'secret', pskIdentity: 'bob' };
    for (const session of ['c2VjcmV0', 7, {}, null]) {
      assert.throws(
        () => connect({ ...options, session }),
        (error) => error.code === 'ERR_INVALID_ARG_TYPE' && !error.message.includes('c2VjcmV0'),
      );
    }
  });
});
