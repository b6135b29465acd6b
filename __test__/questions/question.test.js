'use strict';

// Whatever the application does with a question, it decides about its own handshake only.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const { BOB, closeOfConnection, event, openClient, startServer } = require('../support/endpoints.js');

/** How a handshake with this server ends, on its side. */
async function handshakeOutcome(t, server, options = BOB) {
  const outcome = Promise.race([
    event(server, 'secureConnection').then(() => 'secure'),
    event(server, 'clientError').then(([error]) => error),
  ]);
  openClient(t, server, options).on('error', () => {});
  return outcome;
}

describe('a question that fails ends its own handshake, with the cause', () => {
  const failure = new Error('database down');
  const wrong = {
    'a callback that throws': () => {
      throw failure;
    },
    'a promise that is rejected': () => Promise.reject(failure),
    'a callback that is given an error': (_socket, _identity, callback) => callback(failure),
    'a callback that is given an error later': (_socket, _identity, callback) => void setImmediate(callback, failure),
  };
  for (const [title, pskCallback] of Object.entries(wrong)) {
    test(title, async (t) => {
      const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause, failure);
      assert.match(error.message, /database down/);
    });
  }

  for (const answer of [5, true, {}, '', Buffer.alloc(65), Symbol('key'), ['key'], { psk: 'secret' }]) {
    test(`an answer that is not a key: ${inspect(answer)}`, async (t) => {
      for (const pskCallback of [() => answer, async () => answer]) {
        const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
        assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
        assert.match(error.cause.code, /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
      }
    });
  }

  test('a callback that throws something other than an Error', async (t) => {
    for (const thrown of [undefined, null, 'a string', Symbol('symbol'), { __proto__: null }]) {
      const pskCallback = () => {
        throw thrown;
      };
      const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
    }
  });
});

describe('an answer', () => {
  test('counts once', async (t) => {
    const pskCallback = (_socket, _identity, callback) => {
      callback(null, BOB.psk);
      callback(null, 'another key');
      callback(new Error('after all not'));
      setImmediate(callback, null, null);
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback });
    assert.equal(await handshakeOutcome(t, server), 'secure');
    assert.equal(await handshakeOutcome(t, server), 'secure');
  });

  test('may come too late', async (t) => {
    let answer;
    const pskCallback = (_socket, _identity, callback) => {
      answer = callback;
    };
    const server = await startServer(t, { pskCallback, handshakeTimeout: 100, handshakeTimeoutMin: 20 });
    const error = await handshakeOutcome(t, server);
    assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
    answer(null, BOB.psk);
    await new Promise(setImmediate);
    assert.equal(server.getConnections(), 0);
    assert.equal(server.stats.lookups, 0);
  });

  test('may come after the server has closed', async (t) => {
    const server = await startServer(t, { pskCallback: (_socket, _identity, callback) => asked(callback) });
    let asked;
    const question = new Promise((resolve) => {
      asked = resolve;
    });
    openClient(t, server).on('error', () => {});
    const answer = await question;
    await new Promise((resolve) => server.close(resolve));
    answer(null, BOB.psk);
    await new Promise(setImmediate);
  });

  test('may end the socket that asks', async (t) => {
    const pskCallback = (socket) => {
      socket.destroy();
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback });
    const closed = closeOfConnection(server);
    openClient(t, server).on('error', () => {});
    assert.deepEqual(await closed, [false]);
  });
});
