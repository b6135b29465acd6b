'use strict';

// Hints about pre-shared keys (RFC 4279), with OpenSSL and GnuTLS in both roles.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');

const { echo, event, freePort, messages, openClient, startServer } = require('../support/endpoints.js');
const gnutls = require('../support/gnutls.js');
const openssl = require('../support/openssl.js');
const { Program } = require('../support/program.js');

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const PSK = ['-psk', KEY.toString('hex')];
const HINT = 'which sensor?';
const at = (port) => ({ address: () => ({ port }) });

/** What a pskCallback was called with, but for the call before the hello: DTLS 1.3 has no hints. */
function hintsIn(pskCallback) {
  return pskCallback.mock.calls.map((call) => call.arguments[0]).filter((hint) => hint !== null);
}

describe('hints and OpenSSL:', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  for (const suite of ['PSK-AES128-GCM-SHA256', 'ECDHE-PSK-CHACHA20-POLY1305']) {
    test(`of ours are printed by openssl s_client, with ${suite}`, async (t) => {
      const ours = await startServer(t, { psk: { sensor: KEY }, pskIdentityHint: HINT }, echo);
      const args = [...PSK, '-psk_identity', 'sensor', '-cipher', suite];
      const peer = openssl.sClient(t, ours.address().port, args);
      await peer.printed(`PSK identity hint: ${HINT}\n`);
      peer.say('a line from openssl');
      await peer.printed('a line from openssl\n');
    });

    test(`of openssl s_server reach our pskCallback, with ${suite}`, async (t) => {
      const port = await freePort();
      const args = [...PSK, '-psk_identity', 'sensor', '-psk_hint', HINT, '-nocert', '-cipher', suite];
      const peer = openssl.sServer(t, port, args);
      await peer.printed('ACCEPT');
      const pskCallback = t.mock.fn(async () => ({ psk: KEY, identity: 'sensor' }));
      const client = openClient(t, at(port), { pskCallback });
      await event(client, 'secureConnect');
      assert.deepEqual(hintsIn(pskCallback), [HINT]);
      client.write('a line from us\n');
      await peer.printed('a line from us\n');
    });

    test(`are not there with openssl s_server without one, with ${suite}`, async (t) => {
      const port = await freePort();
      const peer = openssl.sServer(t, port, [...PSK, '-psk_identity', 'sensor', '-nocert', '-cipher', suite]);
      await peer.printed('ACCEPT');
      const pskCallback = t.mock.fn(() => ({ psk: KEY, identity: 'sensor' }));
      await event(openClient(t, at(port), { pskCallback }), 'secureConnect');
      assert.deepEqual(pskCallback.mock.calls[0].arguments, [null]);
    });
  }

  test('of none: openssl s_client says so', async (t) => {
    const ours = await startServer(t, { psk: { sensor: KEY } });
    const args = [...PSK, '-psk_identity', 'sensor', '-cipher', 'PSK-AES128-GCM-SHA256'];
    await openssl.sClient(t, ours.address().port, args).printed('PSK identity hint: None\n');
  });

  test('for a key that we do not have make openssl s_server hear why we stop', async (t) => {
    const port = await freePort();
    const peer = openssl.sServer(t, port, [...PSK, '-psk_identity', 'sensor', '-nocert']);
    await peer.printed('ACCEPT');
    const client = openClient(t, at(port), { pskCallback: () => null });
    assert.equal((await event(client, 'error'))[0].code, 'ERR_DTLS_NO_PSK');
    await peer.printed('alert handshake failure');
  });
});

describe('hints and GnuTLS:', { skip: gnutls.missing && `skipped (${gnutls.missing})` }, () => {
  const priority = (exchange) => ['--priority', `NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+${exchange}`];
  // gnutls-cli 3.7 crashes after each handshake with ECDHE-PSK, with a hint and without.
  test('ours are printed by gnutls-cli', async (t) => {
    const ours = await startServer(t, { psk: { sensor: KEY }, pskIdentityHint: HINT }, echo);
    const own = ['--pskusername', 'sensor', '--pskkey', KEY.toString('hex')];
    const common = ['--udp', '--port', String(ours.address().port), '--insecure', ...priority('PSK')];
    const peer = new Program('gnutls-cli', [...common, ...own, '127.0.0.1']);
    t.after(() => peer.kill());
    await peer.printed(`PSK hint '${HINT}'`);
    peer.say('a line from gnutls');
    await peer.printed('a line from gnutls');
  });

  for (const exchange of ['PSK', 'ECDHE-PSK']) {
    test(`those of gnutls-serv reach our pskCallback, with ${exchange}`, async (t) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'psk-'));
      t.after(() => fs.rmSync(directory, { recursive: true }));
      const file = path.join(directory, 'keys');
      fs.writeFileSync(file, `sensor:${KEY.toString('hex')}\n`);
      const port = await freePort();
      const common = ['--udp', '--port', String(port), '--echo', ...priority(exchange)];
      const peer = new Program('gnutls-serv', [...common, '--pskpasswd', file, '--pskhint', HINT]);
      t.after(() => peer.kill());
      await peer.printed('Echo Server listening');
      const pskCallback = t.mock.fn(() => ({ psk: KEY, identity: 'sensor' }));
      const client = openClient(t, at(port), { pskCallback });
      await event(client, 'secureConnect');
      assert.deepEqual(hintsIn(pskCallback), [HINT]);
      const echoed = messages(client, 1);
      client.write('a line from us\n');
      assert.deepEqual(await echoed, ['a line from us\n']);
    });
  }
});
