'use strict';

// Certificates of `mbed-dtls keygen`, field by field, and the DER that they are made of, without a process for each.

const assert = require('node:assert/strict');
const { X509Certificate, createHash, createPublicKey, generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const { commonName, makeAuthority, makeCertificate } = require('../../lib/cli/certificate');
const keygen = require('../../lib/cli/commands/keygen');
const der = require('../../lib/cli/der');
const { UsageError } = require('../../lib/cli/failures');
const { temporaryDirectory } = require('../support/cli');

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2030, 0, 31, 12, 30, 15);

describe('DER', () => {
  const hex = (bytes) => bytes.toString('hex');

  test('has lengths of one byte, and of several from 128 on', () => {
    const start = (size) => hex(der.octetString(Buffer.alloc(size)).subarray(0, 6));
    assert.equal(hex(der.octetString(Buffer.alloc(0))), '0400');
    assert.equal(start(127), '047f00000000');
    assert.equal(start(128), '048180000000');
    assert.equal(start(255), '0481ff000000');
    assert.equal(start(256), '048201000000');
    assert.equal(start(0x10000), '048301000000');
  });

  test('has integers without needless bytes, and never negative', () => {
    const integer = (...bytes) => hex(der.integer(Buffer.from(bytes)));
    assert.equal(integer(0), '020100');
    assert.equal(integer(0, 0), '020100');
    assert.equal(integer(0, 0x7f), '02017f');
    assert.equal(integer(0x80, 0), '0203008000');
    assert.equal(integer(0, 0, 0xff), '020200ff');
  });

  test('has everything else that a certificate is made of', () => {
    assert.equal(hex(der.boolean(true)), '0101ff');
    assert.equal(hex(der.boolean(false)), '010100');
    assert.equal(hex(der.bitString(Buffer.from([5]))), '03020005');
    assert.equal(hex(der.bitString(Buffer.from([6]), 1)), '03020106');
    assert.equal(hex(der.utf8String('\u00e9')), '0c02c3a9');
    assert.equal(hex(der.sequence(der.set(), der.set(der.boolean(true)))), '300731003103' + '0101ff');
    assert.equal(hex(der.oid('1.2.840.10045.4.3.2')), '06082a8648ce3d040302');
    assert.equal(hex(der.oid('2.5.4.3')), '0603550403');
    assert.equal(hex(der.oid('2.5.128.16384')), '0606558100818000');
  });

  test('has dates with two digits for the year until 2049, and with four from then on', () => {
    const time = (...date) => {
      const bytes = der.time(new Date(Date.UTC(...date)));
      return [bytes[0], bytes.subarray(2).toString()];
    };
    assert.deepEqual(time(2049, 11, 31, 23, 59, 59, 999), [0x17, '491231235959Z']);
    assert.deepEqual(time(2050, 0, 1), [0x18, '20500101000000Z']);
  });
});

describe('a certificate', () => {
  const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const [caKey, ownKey] = [key(), key()];
  const issuer = { name: commonName('the CA'), key: caKey };
  const idOf = (one) => {
    const spki = createPublicKey(one).export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(spki).digest('hex').slice(0, 40);
  };
  const hexOf = (pem) => new X509Certificate(pem).raw.toString('hex');
  const made = (more) =>
    makeCertificate({ subject: 'me', role: 'server', names: [], key: ownKey, issuer, days: 7, now: NOW, ...more });

  function assertHas(pem, ...parts) {
    for (const part of parts) assert(hexOf(pem).includes(part), part);
  }

  test('of an authority signs certificates of others alone, and no authorities', () => {
    const pem = makeAuthority({ name: 'the CA', key: caKey, days: 10, now: NOW });
    const certificate = new X509Certificate(pem);
    assert(certificate.ca && certificate.verify(createPublicKey(caKey)));
    assert.deepEqual([certificate.subject, certificate.issuer], ['CN=the CA', 'CN=the CA']);
    const basicConstraints = '300f0603551d130101ff040530030101ff'
      .replace('300f', '3012')
      .replace('040530030101ff', '040830060101ff020100');
    assertHas(pem, basicConstraints, '300e0603551d0f0101ff040403020106', `301d0603551d0e04160414${idOf(caKey)}`);
    assert(!hexOf(pem).includes('0603551d11'));
  });

  test('begins a day ago, and ends when it was told to', () => {
    for (const [pem, days] of [
      [makeAuthority({ name: 'the CA', key: caKey, days: 10, now: NOW }), 10],
      [made(), 7],
    ]) {
      const { validFrom, validTo } = new X509Certificate(pem);
      assert.deepEqual([validFrom, validTo].map(Date.parse), [NOW - DAY, NOW + days * DAY]);
    }
  });

  test('is one of its role, which signs handshakes', () => {
    const [server, client] = [made(), made({ role: 'client' })];
    for (const pem of [server, client]) {
      assert(new X509Certificate(pem).verify(createPublicKey(caKey)));
      const authority = `301f0603551d230418301680 14${idOf(caKey)}`.replace(' ', '');
      // Without basic constraints that say otherwise, it is no authority.
      assertHas(pem, '300c0603551d130101ff04023000', '300e0603551d0f0101ff040403020780', authority);
      assertHas(pem, `301d0603551d0e04160414${idOf(ownKey)}`, 'a003020102');
      assert(!hexOf(pem).includes('0603551d11'));
    }
    assertHas(server, '30130603551d25040c300a06082b06010505070301');
    assertHas(client, '30130603551d25040c300a06082b06010505070302');
  });

  test('has its names, each in its form', () => {
    const names = ['host', '10.0.0.255', '::1', '1:2::', '2001:db8::c000:221', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8'];
    const pem = made({ names });
    const ip = (text) => `8710${text.padStart(32, '0')}`;
    assertHas(
      pem,
      `8204686f73748704 0a0000ff`.replace(' ', '') +
        ip('1') +
        ip('00010002000000000000000000000000') +
        ip('20010db80000000000000000c0000221') +
        ip('ffff01020304') +
        ip('00010002000300040005000600070008'),
    );
  });

  test('has a serial number of 127 bits, which nobody can guess', () => {
    const numbers = new Set();
    for (let count = 0; count < 20; count++) {
      const { serialNumber } = new X509Certificate(made());
      assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/);
      numbers.add(serialNumber);
    }
    assert.equal(numbers.size, 20);
  });

  test('is PEM with lines of 64 characters', () => {
    const lines = made().trimEnd().split('\n');
    assert.equal(lines[0], '-----BEGIN CERTIFICATE-----');
    assert.equal(lines.at(-1), '-----END CERTIFICATE-----');
    assert(lines.slice(1, -2).every((line) => line.length === 64));
  });
});

describe('keygen', () => {
  /** Runs the command here. Answers what it has printed. */
  function run(kind, values, directory) {
    const out = [];
    const terminal = { quote: (text) => `<${text}>`, result: (value, text) => out.push(value, text) };
    keygen.run({ terminal, values: { out: directory, ...values }, positionals: [kind] });
    return out;
  }

  test('says which files it has made, and how they are used', (t) => {
    const directory = temporaryDirectory(t);
    const at = (name) => path.join(directory, name);
    const [psk, inWords] = run('psk', {}, directory);
    assert.deepEqual(psk, {
      files: [{ file: at('device-1.psk'), isSecret: true }],
      server: `mbed-dtls server 5684 --echo --psk ${at('device-1.psk')}`,
      client: `mbed-dtls ping localhost:5684 --psk ${at('device-1.psk')}`,
    });
    assert.equal(
      inWords,
      [
        'Wrote',
        `  ${at('device-1.psk')} (secret)`,
        '',
        'Server:',
        `  npx ${psk.server}`,
        '',
        'Device:',
        `  npx ${psk.client}`,
      ].join('\n'),
    );
    const [rpk] = run('rpk', { device: 'lamp', name: ['::1'] }, directory);
    assert.deepEqual(
      rpk.files.map(({ file, isSecret }) => [path.basename(file), isSecret]),
      [
        ['server.key', true],
        ['server.pub', false],
        ['lamp.key', true],
        ['lamp.pub', false],
      ],
    );
    assert.equal(rpk.server, `mbed-dtls server 5684 --echo --key ${at('server.key')} --peer-key ${at('lamp.pub')}`);
    assert.equal(rpk.client, `mbed-dtls ping [::1]:5684 --key ${at('lamp.key')} --peer-key ${at('server.pub')}`);
    const spaced = at("it's here");
    const [quoted] = run('psk', {}, spaced);
    assert.equal(quoted.client, `mbed-dtls ping localhost:5684 --psk '${at("it'\\''s here")}/device-1.psk'`);
  });

  test('makes a CA and two certificates, and then one more', (t) => {
    const directory = temporaryDirectory(t);
    const at = (name) => path.join(directory, name);
    const read = (name) => new X509Certificate(fs.readFileSync(at(name)));
    const [made] = run('certificates', {}, directory);
    assert.deepEqual(
      made.files.map(({ file, isSecret }) => [path.basename(file), isSecret]),
      [
        ['ca.key', true],
        ['ca.crt', false],
        ['server.key', true],
        ['server.crt', false],
        ['device-1.key', true],
        ['device-1.crt', false],
      ],
    );
    const files = (name) => `--key ${at(`${name}.key`)} --cert ${at(`${name}.crt`)} --ca ${at('ca.crt')}`;
    assert.equal(made.server, `mbed-dtls server 5684 --echo ${files('server')}`);
    assert.equal(made.client, `mbed-dtls ping localhost:5684 ${files('device-1')}`);
    const days = (name) => Math.round((Date.parse(read(name).validTo) - Date.now()) / DAY);
    assert.deepEqual(['ca.crt', 'server.crt', 'device-1.crt'].map(days), [4015, 365, 365]);
    assert.equal(read('server.crt').subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    const [more, inWords] = run('device', { device: 'door', days: '1' }, directory);
    assert.deepEqual(more, {
      files: [
        { file: at('door.key'), isSecret: true },
        { file: at('door.crt'), isSecret: false },
      ],
      server: undefined,
      client: `mbed-dtls ping localhost:5684 ${files('door')}`,
    });
    assert(!inWords.includes('Server:'));
    assert.equal(days('door.crt'), 1);
    assert(read('door.crt').checkIssued(read('ca.crt')));
  });

  test('names a server whose name is too long for a common name in another way', (t) => {
    const subject = (name) => {
      const directory = temporaryDirectory(t);
      run('certificates', { name: [name] }, directory);
      const { subject: found, subjectAltName } = new X509Certificate(
        fs.readFileSync(path.join(directory, 'server.crt')),
      );
      assert.equal(subjectAltName, `DNS:${name}`);
      return found;
    };
    assert.equal(subject('x'.repeat(64)), `CN=${'x'.repeat(64)}`);
    assert.equal(subject('x'.repeat(65)), 'CN=server');
  });

  test('refuses what it cannot do, with what it can', (t) => {
    const directory = temporaryDirectory(t);
    const refused = (kind, values, message, advice = '') =>
      assert.throws(
        () => run(kind, values, directory),
        (error) => {
          assert(error instanceof UsageError, error.stack);
          assert.deepEqual([error.message, error.advice], [message, advice]);
          return true;
        },
      );
    refused('rsa', {}, 'there is no kind <rsa>', 'The kinds are psk, rpk, certificates, device.');
    const rule = 'up to 64 letters, digits, dots, dashes, underscores and @, and neither "ca" nor "server"';
    refused('psk', { device: 'ca' }, `--device takes ${rule}, not <ca>`);
    refused('psk', { device: 'x'.repeat(65) }, `--device takes ${rule}, not <${'x'.repeat(65)}>`);
    refused('psk', { name: ['fe80::1%eth0'] }, '--name takes a DNS name or an IP address, not <fe80::1%eth0>');
    for (const days of ['0', '36501']) {
      refused('psk', { days }, `--days takes a whole number from 1 to 36500, not "${days}"`);
    }
    const makes = 'mbed-dtls keygen certificates makes a CA; --out says where it is.';
    refused('device', {}, `${path.join(directory, 'ca.key')} is not there`, makes);
    run('psk', { device: 'x'.repeat(64), name: [`${'x'.repeat(126)}.${'y'.repeat(126)}`], days: '36500' }, directory);
    assert.deepEqual(fs.readdirSync(directory), [`${'x'.repeat(64)}.psk`]);
  });

  test('issues in the name of its own CA alone, with its key', (t) => {
    const directory = temporaryDirectory(t);
    const at = (name) => path.join(directory, name);
    const caOf = (name, own = key()) => {
      fs.writeFileSync(at('ca.key'), own.export({ type: 'pkcs8', format: 'pem' }));
      fs.writeFileSync(at('ca.crt'), makeAuthority({ name, key: own, days: 1, now: Date.now() }));
    };
    const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const message = (pattern) => assert.throws(() => run('device', {}, directory), { name: 'Error', message: pattern });
    caOf('another CA');
    message(/ca\.crt was not made by mbed-dtls keygen certificates$/);
    caOf('mbed-dtls keygen CA');
    fs.writeFileSync(at('ca.key'), key().export({ type: 'pkcs8', format: 'pem' }));
    message(/ca\.key is not the key of .*ca\.crt$/);
    fs.writeFileSync(at('ca.key'), 'no key');
    message(/ca\.key and .*ca\.crt cannot be read: ./);
  });
});
