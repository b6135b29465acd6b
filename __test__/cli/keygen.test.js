'use strict';

// What `mbed-dtls keygen` makes: files that work, for their owner only, and never in the place of others unasked.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { X509Certificate, createPrivateKey, createPublicKey } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { run, startServer, temporaryDirectory } = require('../support/cli');
const openssl = require('../support/openssl');

const WINDOWS = process.platform === 'win32';
const DAY = 24 * 60 * 60 * 1000;

for (const kind of ['psk', 'rpk', 'certificates']) {
  test(`the lines that keygen ${kind} prints connect a server and a device`, async (t) => {
    const cwd = temporaryDirectory(t);
    const { code, stdout } = await run(t, ['keygen', kind, '--out', 'some keys', '--json'], { cwd });
    assert.equal(code, 0);
    const { files, server, client } = JSON.parse(stdout);
    for (const { file } of files) assert(fs.existsSync(path.join(cwd, file)), file);
    const [, ...serverOptions] = words(server.replace(/^mbed-dtls server /, ''));
    const [, ...clientOptions] = words(client.replace(/^mbed-dtls ping /, ''));
    const listening = await startServer(t, serverOptions, { cwd });
    const ping = await run(t, ['ping', `localhost:${listening.port}`, ...clientOptions, '--interval', '0'], { cwd });
    assert.equal(ping.code, 0, ping.stderr);
    assert.match(ping.stdout, /5 sent, 5 answered, 0 % lost/);
    await listening.printed(/connected: DTLSv1\.[23]/);
  });
}

/** The words of a line, as a shell reads them. */
function words(line) {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}

test('private keys and pre-shared keys can be read by their owner only', {
  skip: WINDOWS && 'it has no modes',
}, async (t) => {
  const cwd = temporaryDirectory(t);
  for (const kind of ['psk', 'rpk', 'certificates']) {
    const { stdout } = await run(t, ['keygen', kind, '--out', kind, '--json'], { cwd });
    const { files } = JSON.parse(stdout);
    for (const { file, isSecret } of files) {
      assert.equal(isSecret, /\.(key|psk)$/.test(file), file);
      const mode = fs.statSync(path.join(cwd, file)).mode & 0o777;
      if (isSecret) assert.equal(mode, 0o600, file);
    }
    assert.equal(fs.statSync(path.join(cwd, kind)).mode & 0o777, 0o700);
  }
});

test('a replaced private key can be read by its owner only, whatever it replaces', {
  skip: WINDOWS && 'it has no modes',
}, async (t) => {
  const cwd = temporaryDirectory(t);
  const file = path.join(cwd, 'device-1.psk');
  fs.writeFileSync(file, 'device-1:00\n', { mode: 0o666 });
  fs.chmodSync(file, 0o666);
  const { code } = await run(t, ['keygen', 'psk', '--force'], { cwd });
  assert.equal(code, 0);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.match(fs.readFileSync(file, 'utf8'), /^device-1:[0-9a-f]{32}\n$/);
});

test('files that are there already stay as they are without --force, and no other is written', async (t) => {
  const cwd = temporaryDirectory(t);
  const existing = path.join(cwd, 'device-1.crt');
  fs.writeFileSync(existing, 'precious');
  const refused = await run(t, ['keygen', 'certificates'], { cwd });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /device-1\.crt is there already; nothing was written.*\n.*--force/);
  assert.equal(fs.readFileSync(existing, 'utf8'), 'precious');
  assert.deepEqual(fs.readdirSync(cwd), ['device-1.crt']);
  const forced = await run(t, ['keygen', 'certificates', '--force'], { cwd });
  assert.equal(forced.code, 0, forced.stderr);
  assert.notEqual(fs.readFileSync(existing, 'utf8'), 'precious');
  assert.equal(fs.readdirSync(cwd).length, 6);
});

test('a link that leads nowhere is not written through', { skip: WINDOWS && 'links need a privilege' }, async (t) => {
  const cwd = temporaryDirectory(t);
  fs.symlinkSync(path.join(cwd, 'elsewhere'), path.join(cwd, 'device-1.psk'));
  const { code } = await run(t, ['keygen', 'psk'], { cwd });
  assert.equal(code, 2);
  assert(!fs.existsSync(path.join(cwd, 'elsewhere')));
});

test('a place that cannot be written to is named, and nothing is left behind', async (t) => {
  const cwd = temporaryDirectory(t);
  fs.writeFileSync(path.join(cwd, 'file'), '');
  const below = await run(t, ['keygen', 'psk', '--out', 'file/keys'], { cwd });
  assert.equal(below.code, 1, below.stderr);
  assert.match(below.stderr, /file.keys: .*nothing was written.*\n.*--out/);
  const onIt = await run(t, ['keygen', 'psk', '--out', 'file'], { cwd });
  assert.notEqual(onIt.code, 0);
  assert.doesNotMatch(onIt.stderr, /\n {4}at /);
  // A directory where one of the files belongs.
  fs.mkdirSync(path.join(cwd, 'server.crt'));
  const blocked = await run(t, ['keygen', 'certificates', '--force'], { cwd });
  assert.equal(blocked.code, 1, blocked.stderr);
  assert.match(blocked.stderr, /server\.crt: a directory is there/);
  assert.deepEqual(
    fs.readdirSync(cwd).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('a full disk leaves no half-written key', {
  skip: !fs.existsSync('/dev/full') && 'there is no /dev/full',
}, async (t) => {
  const cwd = temporaryDirectory(t);
  // Nobody can fill a disk in a test; a limit on the size of files fails in the same place.
  const main = require('../support/cli').MAIN;
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `ulimit -f 0; exec "${process.execPath}" "${main}" keygen rpk`],
    { cwd, encoding: 'utf8' },
  );
  assert.notEqual(status, 0);
  assert.doesNotMatch(stderr, /\n {4}at /);
  assert.deepEqual(fs.readdirSync(cwd), []);
});

test('names that could leave the directory, or that no certificate can have, are refused', async (t) => {
  const cwd = temporaryDirectory(t);
  for (const device of ['../evil', 'a/b', '', '.hidden', 'ca', 'server', 'x'.repeat(65), 'a\nb', 'a:b']) {
    const { code, stderr } = await run(t, ['keygen', 'psk', `--device=${device}`], { cwd });
    assert.equal(code, 2, device);
    assert.match(stderr, /--device takes/);
  }
  for (const name of ['', 'a b', 'a..b', '.a', 'fe80::1%eth0', 'x'.repeat(254), 'b\u00fccher']) {
    const { code, stderr } = await run(t, ['keygen', 'certificates', `--name=${name}`], { cwd });
    assert.equal(code, 2, name);
    assert.match(stderr, /--name takes/);
  }
  assert.deepEqual(fs.readdirSync(cwd), []);
});

test('certificates have the names, the dates and the purposes that were asked for', async (t) => {
  const cwd = temporaryDirectory(t);
  const names = ['gateway.example', '*.example.org', '192.0.2.1', '2001:db8::192.0.2.33', '::'];
  const args = ['certificates', '--days', '20000', '--device', 'lamp', ...names.map((name) => `--name=${name}`)];
  const { code, stderr } = await run(t, ['keygen', ...args], { cwd });
  assert.equal(code, 0, stderr);
  const [ca, server, device] = ['ca', 'server', 'lamp'].map((name) => {
    const certificate = new X509Certificate(fs.readFileSync(path.join(cwd, `${name}.crt`)));
    assert(certificate.checkPrivateKey(createPrivateKey(fs.readFileSync(path.join(cwd, `${name}.key`)))));
    return certificate;
  });
  assert(ca.ca && ca.verify(ca.publicKey) && ca.checkIssued(ca));
  for (const certificate of [server, device]) {
    assert(!certificate.ca && certificate.verify(ca.publicKey) && certificate.checkIssued(ca));
    // Beyond 2049, the date has another form (RFC 5280 section 4.1.2.5).
    assert(Math.abs(Date.parse(certificate.validTo) - (Date.now() + 20000 * DAY)) < DAY);
  }
  assert.equal(server.checkHost('gateway.example'), 'gateway.example');
  assert.equal(server.checkHost('any.example.org'), '*.example.org');
  assert.equal(server.checkIP('192.0.2.1'), '192.0.2.1');
  assert.match(server.subjectAltName, /IP Address:2001:DB8:0:0:0:0:C000:221, IP Address:0:0:0:0:0:0:0:0/);
  assert.equal(device.subject, 'CN=lamp');
  assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.deepEqual(device.keyUsage, ['1.3.6.1.5.5.7.3.2']);
});

test('keygen device issues a further certificate from the CA in the directory, and from no other', async (t) => {
  const cwd = temporaryDirectory(t);
  const without = await run(t, ['keygen', 'device'], { cwd });
  assert.equal(without.code, 2);
  assert.match(without.stderr, /ca\.key is not there.*\n.*keygen certificates/);
  assert.equal((await run(t, ['keygen', 'certificates'], { cwd })).code, 0);
  assert.equal((await run(t, ['keygen', 'device', '--device', 'lamp'], { cwd })).code, 0);
  const [ca, lamp] = ['ca.crt', 'lamp.crt'].map((name) => new X509Certificate(fs.readFileSync(path.join(cwd, name))));
  assert(lamp.checkIssued(ca) && lamp.verify(ca.publicKey));
  fs.copyFileSync(path.join(cwd, 'server.key'), path.join(cwd, 'ca.key'));
  const wrong = await run(t, ['keygen', 'device', '--device', 'door'], { cwd });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /ca\.key is not the key of .*ca\.crt/);
});

test('raw public keys are halves of the private ones', async (t) => {
  const cwd = temporaryDirectory(t);
  await run(t, ['keygen', 'rpk'], { cwd });
  for (const name of ['server', 'device-1']) {
    const read = (extension) => fs.readFileSync(path.join(cwd, `${name}.${extension}`));
    assert(createPublicKey(read('key')).equals(createPublicKey(read('pub'))));
  }
});

test('OpenSSL finds no fault with the certificates', { skip: openssl.missing }, async (t) => {
  const cwd = temporaryDirectory(t);
  await run(t, ['keygen', 'certificates'], { cwd });
  for (const [purpose, file] of [
    ['sslserver', 'server.crt'],
    ['sslclient', 'device-1.crt'],
  ]) {
    const args = ['verify', '-x509_strict', '-CAfile', 'ca.crt', '-purpose', purpose, file];
    const { status, stdout, stderr } = spawnSync('openssl', args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, `${stdout}${stderr}`);
  }
});
