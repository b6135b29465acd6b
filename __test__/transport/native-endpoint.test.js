'use strict';

// What is called for datagrams finds its endpoint by a number.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { createServer } = require('../..');
const { Frequent } = require('../../lib/native');

const ROOT = path.join(__dirname, '..', '..');
const numberOf = ({ _endpoint }) => _endpoint.native._number;
const no = (number) => ({ code: 'ERR_DTLS_INTERNAL', message: `No endpoint has the number ${number}` });

test('each endpoint has a number of its own, which no other endpoint gets', () => {
  const numbers = Array.from({ length: 5 }, () => numberOf(createServer({ psk: { bob: 'secret' } })));
  assert.equal(new Set(numbers).size, 5);
});

test('a call for a number that no endpoint has is an error, and nothing else', () => {
  const calls = {
    receive: [Buffer.alloc(1), '127.0.0.1', 1, false],
    receiveMore: [false],
    handleTimeout: [],
    handleJobs: [],
    send: [1, Buffer.alloc(1)],
    sendBatch: [Buffer.alloc(1), new Uint32Array([1, 1]), 1],
    payloadLimit: [1],
    close: [1],
    abort: [1],
    answer: [1, null],
    pollTransmit: [],
    pollEvent: [],
  };
  assert.deepEqual(Object.keys(calls).sort(), Object.getOwnPropertyNames(Frequent).filter(isMethod).sort());
  for (const [name, rest] of Object.entries(calls)) {
    for (const number of [0, 2 ** 32 - 1]) assert.throws(() => Frequent[name](number, ...rest), no(number), name);
  }
});

test('an endpoint that has been collected is not found any more, and the number is not given again', async () => {
  const code = `
    const { createServer } = require(${JSON.stringify(ROOT)});
    const { Frequent } = require(${JSON.stringify(path.join(ROOT, 'lib', 'native'))});
    const make = () => createServer({ psk: { bob: 'secret' } })._endpoint.native._number;
    const number = make();
    const isThere = () => {
      try {
        return Frequent.payloadLimit(number, 1) === 0;
      } catch {
        return false;
      }
    };
    const wasThere = isThere();
    const collect = () => {
      gc();
      if (isThere()) setTimeout(collect, 5);
      else console.log(JSON.stringify([wasThere, make() > number]));
    };
    collect();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', code], { timeout: 30_000 });
  assert.deepEqual(JSON.parse(stdout), [true, true]);
});

function isMethod(name) {
  return typeof Frequent[name] === 'function';
}
