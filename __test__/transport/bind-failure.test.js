'use strict';

// Runtimes whose node:dgram takes no descriptor, as Deno's: why they fail must not be hidden by what follows.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const process = require('node:process');
const { test } = require('node:test');

const { createServer } = require('../..');
const { defaults } = require('../../lib/options/defaults.js');
const { bindUdp } = require('../../lib/transport/udp.js');

test('the error of bind() is the one that is thrown, although the descriptor is closed already', (t) => {
  if (process.platform === 'win32') {
    t.skip('there is no descriptor on Windows');
    return;
  }
  // The test is about the native socket, also where all other tests do without one.
  const { nativeUdp } = defaults;
  t.after(() => {
    defaults.nativeUdp = nativeUdp;
  });
  defaults.nativeUdp = true;
  const server = createServer({ psk: 'secret' });
  const udp = {
    bind({ fd }) {
      fs.closeSync(fd);
      throw new Error('bind() takes no fd here');
    },
  };
  const where = { address: '127.0.0.1', port: 0 };
  assert.throws(() => bindUdp(udp, where, server._endpoint.native), /bind\(\) takes no fd here/);
});

test('peers are dealt where several processes have one socket, and nowhere else', (t) => {
  const { nativeUdp, systemDeals } = defaults;
  t.after(() => Object.assign(defaults, { nativeUdp, systemDeals }));
  for (const [where, deals, isDealt] of [
    [{ address: '127.0.0.1', port: 0 }, false, false],
    [{ address: '127.0.0.1', port: 0 }, true, false],
    [{ fd: 7 }, false, true],
    [{ fd: 7 }, true, false],
  ]) {
    Object.assign(defaults, { nativeUdp: false, systemDeals: deals });
    const calls = [];
    const udp = { once: (name, act) => calls.push(name, act()), bind: (given) => calls.push({ ...given }) };
    assert.equal(bindUdp(udp, where, { dealPeers: () => 'dealt' }, { isNode: true }), false);
    assert.deepEqual(calls, [...(isDealt ? ['listening', 'dealt'] : []), where]);
  }
});
