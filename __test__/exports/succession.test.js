'use strict';

// The two sides of a handover by themselves, each before a process that does not do its part.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const { Offer, Succession } = require('../../lib/exports/handover');

const KEY = Buffer.alloc(32, 1);
const GREETING = Buffer.from('mbed-dtls handover 1');

function directory(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

describe('a successor', { skip: process.platform === 'win32' && 'it has no Unix sockets' }, () => {
  /** A process at a path that says this, and answers with that. */
  async function before(t, serve) {
    const made = directory(t);
    const where = path.join(made, 'path');
    const server = net.createServer((stream) => {
      stream.on('error', () => {});
      serve(stream);
    });
    t.after(() => server.close());
    await new Promise((resolve) => server.listen(where, resolve));
    const begun = new Succession({ path: where, key: KEY }).begin();
    return { begun, made };
  }

  const refused = async ({ begun, made }, why) => {
    await assert.rejects(begun, {
      name: 'DtlsError',
      code: 'ERR_DTLS_HANDOVER_REFUSED',
      message: `The handover has failed: ${why}`,
    });
    assert.deepEqual(fs.readdirSync(made), ['path']);
  };

  test('has nobody before it where nobody serves, or nobody does any more', async (t) => {
    const made = directory(t);
    assert.equal(await new Succession({ path: path.join(made, 'nobody'), key: KEY }).begin(), null);
  });

  test('refuses a process of another version, with another key, or that hangs up', async (t) => {
    await refused(
      await before(t, (stream) => stream.write(Buffer.alloc(52))),
      'the process there speaks another version',
    );
    await refused(await before(t, (stream) => stream.end(GREETING)), 'the other process has hung up');
    await refused(await before(t, (stream) => stream.destroy()), 'the other process has hung up');
    const wrong = await before(t, (stream) => {
      stream.write(Buffer.concat([GREETING, Buffer.alloc(32)]));
      stream.once('data', () => stream.write(Buffer.alloc(32)));
    });
    await refused(wrong, 'the process there has another key');
  });

  test('waits five seconds for an answer', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let heard;
    const connected = new Promise((resolve) => {
      heard = resolve;
    });
    const silent = await before(t, heard);
    await connected;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    t.mock.timers.tick(5000);
    await refused(silent, 'no answer within 5000 ms');
  });
});

describe('an offer', { skip: process.platform === 'win32' && 'it has no Unix sockets' }, () => {
  /** What a process warns of when somebody has said this to it. */
  async function warning(t, say, descriptor = 1) {
    const where = path.join(directory(t), 'path');
    const offer = new Offer({ _udp: { descriptor }, listening: true }, { path: where, key: KEY });
    offer.open();
    t.after(() => offer.close());
    const warned = new Promise((resolve) => {
      const listen = (one) => {
        if (one.code !== 'ERR_DTLS_HANDOVER_REFUSED') return;
        process.off('warning', listen);
        resolve(one.message);
      };
      process.on('warning', listen);
    });
    while (!fs.existsSync(where)) await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.equal(fs.statSync(where).mode & 0o777, 0o600);
    const stream = net.connect(where);
    stream.on('error', () => {});
    t.after(() => stream.destroy());
    stream.once('data', (greeting) => {
      assert.deepEqual(greeting.subarray(0, GREETING.length), GREETING);
      assert.equal(greeting.length, GREETING.length + 32);
      say(stream);
    });
    return (await warned).replace(`Nobody has taken the server over at ${where}: The handover has failed: `, '');
  }

  test('is for who has the key and asks as it should, and says who has not', async (t) => {
    const answer = (length) => Buffer.concat([Buffer.alloc(64), Buffer.of(length), Buffer.alloc(length)]);
    assert.equal(await warning(t, (stream) => stream.write(answer(5))), 'a process with another key has asked for it');
    assert.equal(
      await warning(t, (stream) => stream.write(answer(108))),
      'a process with another key has asked for it',
    );
    assert.equal(await warning(t, (stream) => stream.write(answer(109))), 'a process has asked for it in another way');
    assert.equal(await warning(t, (stream) => stream.end()), 'the other process has hung up');
  });

  test('that cannot be made is a warning', async (t) => {
    const where = path.join(directory(t), 'no', 'path');
    const offer = new Offer({}, { path: where, key: KEY });
    const warned = new Promise((resolve) => {
      const listen = (one) => {
        if (!one.message.includes(where)) return;
        process.off('warning', listen);
        resolve([one.name, /^(ENOENT|EACCES)$/.test(one.code)]);
      };
      process.on('warning', listen);
    });
    offer.open();
    assert.deepEqual(await warned, ['DtlsWarning', true]);
    offer.close();
  });
});
