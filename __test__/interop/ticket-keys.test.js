'use strict';

// Sessions that one process has made and another one resumes, with OpenSSL on the other side.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { freePort } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { Program } = require('../support/program.js');

const { ca, server: own } = certificates;

function start(t, ...args) {
  const program = new Program(process.execPath, [path.join(__dirname, '..', 'support', 'session-process.js'), ...args]);
  t.after(() => program.kill());
  return program;
}

describe('A session of one process', { skip: openssl.missing }, () => {
  test("is resumed by another server that has the ticket keys, for OpenSSL's client", async (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const file = path.join(directory, 'session.pem');
    const keys = randomBytes(48).toString('hex');
    const servers = [keys, keys, randomBytes(48).toString('hex')].map((ticketKeys) =>
      start(t, 'server', ticketKeys, own.certPath, own.keyPath),
    );
    const visits = [
      ['full', '-sess_out'],
      ['resumed', '-sess_in'],
      ['full', '-sess_in'],
    ];
    for (const [index, [kind, option]] of visits.entries()) {
      const server = servers[index];
      await server.printed('\n');
      const port = Number(/port (\d+)/.exec(server.output)[1]);
      const peer = openssl.sClient(t, port, ['-CAfile', ca.certPath, option, file]);
      await server.printed(`${kind}\n`);
      peer.say('hello');
      await peer.exit();
    }
  });

  test("is resumed by another client, at OpenSSL's server", async (t) => {
    const port = await freePort();
    const peer = openssl.sServer(t, port, ['-cert', own.certPath, '-key', own.keyPath]);
    await peer.printed('ACCEPT');
    const first = start(t, 'client', String(port), ca.certPath);
    await first.exit();
    const [, kind, session] = /(full|resumed)\nsession ([0-9a-f]+)/.exec(first.output);
    assert.equal(kind, 'full');
    const second = start(t, 'client', String(port), ca.certPath, session);
    await second.exit();
    assert.match(second.output, /^resumed\n/);
  });
});
