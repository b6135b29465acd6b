'use strict';

// ASN.1 and the encryption by passphrase of PKCS#12 files, element by element: what is read, and what is refused in which words.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { describe, test } = require('node:test');

const { parse } = require('../../lib/pkcs12/der');
const { Passphrase, Unsupported } = require('../../lib/pkcs12/pbe');
const { WrongPassphrase, readPkcs12 } = require('../../lib/pkcs12/pkcs12');

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = (text) => parse(hex(text));

/** An element, with a length of as many bytes as it takes. */
function element(tag, ...contents) {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...contents) => element(0x30, ...contents);
const octets = (bytes) => element(0x04, bytes);
const integer = (number) => element(0x02, Buffer.from([number >> 8, number & 0xff]));
const explicit = (...contents) => element(0xa0, ...contents);

function oid(text) {
  const [first, second, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) + 128);
    return digits;
  });
  return element(0x06, Buffer.from(bytes));
}

function refused(act, Kind, message) {
  assert.throws(act, (error) => {
    assert(error instanceof Kind, error.stack);
    assert.equal(error.message, message);
    return true;
  });
}
const malformed = (act, message) => refused(act, SyntaxError, message);

describe('an element', () => {
  test('has its content, and the whole of it', () => {
    const one = read('0403 616263');
    assert.deepEqual([one.tag, one.octets().toString(), one.bytes.length], [4, 'abc', 5]);
    assert.equal(read('0481 03 616263').octets().toString(), 'abc');
    assert.equal(read('0484 00000003 616263').octets().toString(), 'abc');
    assert.equal(parse(octets(Buffer.alloc(300))).octets().length, 300);
    assert.equal(read('8003 616263').octets(0x80).toString(), 'abc');
  });

  test('has children, of whatever length', () => {
    const [a, b] = read('3006 020101 020102').children(0x30);
    assert.deepEqual([a.integer(), b.integer()], [1, 2]);
    assert.deepEqual(read('3000').children(0x30), []);
    const [inner] = read('3080 3080 020105 0000 0000').children(0x30);
    assert.equal(inner.only(0x30).integer(), 5);
    assert.equal(read('3080 3080 020105 0000 0000').bytes.length, 11);
    assert.equal(read('2480 0401 61 0402 6263 0000').octets().toString(), 'abc');
    assert.equal(read('a006 0401 61 0401 62').octets(0x80).toString(), 'ab');
    assert.equal(read('3080 0201 00 0000').fields(1)[0].integer(), 0);
  });

  test('is a number of up to six bytes', () => {
    assert.deepEqual(
      ['020100', '02017f', '02020080', '0206 7fffffffffff'].map((text) => read(text).integer()),
      [0, 127, 128, 0x7fff_ffff_ffff],
    );
    for (const text of ['0200', '020180', '0207 00000000000001'])
      malformed(() => read(text).integer(), 'an INTEGER out of range');
  });

  test('is an object identifier', () => {
    for (const [text, id] of [
      ['0601 00', '0.0'],
      ['0601 27', '0.39'],
      ['0601 28', '1.0'],
      ['0601 4f', '1.39'],
      ['0601 50', '2.0'],
      ['0602 8837', '2.999'],
      ['0606 2a864886f70d', '1.2.840.113549'],
      ['0603 550403', '2.5.4.3'],
    ]) {
      assert.equal(read(text).oid(), id);
    }
    for (const text of ['0600', '0601 80', '0602 5581'])
      malformed(() => read(text).oid(), 'a truncated OBJECT IDENTIFIER');
    assert.equal(read('0606 ffffffffff7f').oid(), `2.${2 ** 42 - 1 - 80}`);
    malformed(() => read('0607 ffffffffffff7f').oid(), 'an OBJECT IDENTIFIER out of range');
  });

  test('is refused where it is none, or another one', () => {
    for (const [text, message] of [
      ['', 'the input ends too soon'],
      ['04', 'the input ends too soon'],
      ['0481', 'the input ends too soon'],
      ['0482 01', 'the input ends too soon'],
      ['0402 61', '1 bytes where 2 belong'],
      ['0401 61 00', '1 bytes after the end'],
      ['1f01 61', 'a tag of several bytes'],
      ['3f01 61', 'a tag of several bytes'],
      ['0480 0000', 'a primitive element of indefinite length'],
      ['0485 0000000001 61', 'a length of 5 bytes'],
      ['3080 020101', 'the input ends too soon'],
      ['3080 020101 00', 'the input ends too soon'],
      ['3003 0402 61', '1 bytes where 2 belong'],
    ]) {
      malformed(() => read(text), message);
    }
    malformed(() => read('0401 61').integer(), 'a tag of 0x04 where 0x02 belongs');
    malformed(() => read('0201 01').octets(), 'a tag of 0x02 where 0x04 belongs');
    malformed(() => read('3000').octets(), 'a tag of 0x30 where 0x24 belongs');
    malformed(() => read('0201 01').oid(), 'a tag of 0x02 where 0x06 belongs');
    malformed(() => read('0201 01').children(0x02), 'a primitive element where a constructed one belongs');
    malformed(() => read('3100').fields(0), 'a tag of 0x31 where 0x30 belongs');
    malformed(() => read('3003 020101').fields(2), '1 fields where 2 belong');
    assert.equal(read('3003 020101').fields(1).length, 1);
    malformed(() => read('a000').only(0xa0), '0 elements where one belongs');
    malformed(() => read('a006 020101 020101').only(0xa0), '2 elements where one belongs');
  });

  test('is nested 32 deep at most', () => {
    const nested = (depth) => {
      let bytes = Buffer.alloc(0);
      for (let count = 0; count <= depth; count++) bytes = sequence(bytes);
      return bytes;
    };
    assert.equal(parse(nested(32)).tag, 0x30);
    malformed(() => parse(nested(33)), 'elements nested more than 32 deep');
    const indefinite = (depth) => hex('3080'.repeat(depth + 1) + '0000'.repeat(depth + 1));
    assert.equal(parse(indefinite(32)).tag, 0x30);
    malformed(() => parse(indefinite(33)), 'elements nested more than 32 deep');
  });
});

const [SHA1, HMAC_SHA256, PBKDF2, PBES2, PBMAC1, AES128, AES256] = [
  '1.3.14.3.2.26',
  '1.2.840.113549.2.9',
  '1.2.840.113549.1.5.12',
  '1.2.840.113549.1.5.13',
  '1.2.840.113549.1.5.14',
  '2.16.840.1.101.3.4.1.2',
  '2.16.840.1.101.3.4.1.42',
];

const algorithm = (id, ...parameters) => parse(sequence(oid(id), ...parameters));
const kdf = ({ id = PBKDF2, prf = [], rounds = 2, length = [] } = {}) =>
  sequence(oid(id), sequence(octets(Buffer.from('salt')), integer(rounds), ...length, ...prf));
const PRF = sequence(oid(HMAC_SHA256), element(0x05));

describe('encryption by passphrase', () => {
  test('wipes its key, whether that was the right one or not', (t) => {
    const iv = Buffer.alloc(16, 3);
    const cipher = crypto.createCipheriv('aes-256-cbc', crypto.pbkdf2Sync('pass', 'salt', 2, 32, 'sha1'), iv);
    const content = Buffer.concat([cipher.update('hello'), cipher.final()]);
    const how = algorithm(PBES2, sequence(kdf(), sequence(oid(AES256), octets(iv))));
    const { mock } = t.mock.method(crypto, 'createDecipheriv');
    assert.equal(new Passphrase('pass').decrypt(how, content).toString(), 'hello');
    assert.throws(() => new Passphrase('wrong').decrypt(how, content), { code: /^ERR_OSSL_/ });
    const keys = mock.calls.map((call) => call.arguments[1]);
    assert.deepEqual(keys, [Buffer.alloc(32), Buffer.alloc(32)]);
  });

  test('is PBES2, whose function is HMAC with SHA-1 unless it says so', () => {
    for (const [prf, hash] of [
      [[], 'sha1'],
      [[PRF], 'sha256'],
    ]) {
      const iv = Buffer.alloc(16, 3);
      const key = crypto.pbkdf2Sync('pass', 'salt', 2, 32, hash);
      const cipher = crypto.createCipheriv('aes-256-cbc', key, iv);
      const content = Buffer.concat([cipher.update('hello'), cipher.final()]);
      const how = (more) => algorithm(PBES2, sequence(kdf({ prf, ...more }), sequence(oid(AES256), octets(iv))));
      assert.equal(new Passphrase('pass').decrypt(how(), content).toString(), 'hello');
      assert.equal(new Passphrase('pass').decrypt(how({ length: [integer(32)] }), content).toString(), 'hello');
      assert.throws(() => new Passphrase('pass').decrypt(how({ rounds: 3 }), content), { code: /^ERR_OSSL_/ });
    }
  });

  test('is refused by the name of what is not there', () => {
    const decrypt = (...args) => new Passphrase('x').decrypt(algorithm(...args), Buffer.alloc(16));
    const unsupported = (act, message) => refused(act, Unsupported, message);
    const aes = (iv = 16) => sequence(oid(AES128), octets(Buffer.alloc(iv)));
    unsupported(() => decrypt('1.2.3', sequence()), 'the encryption 1.2.3');
    unsupported(() => decrypt(PBES2, sequence(kdf({ id: '1.2.3' }), aes())), 'the key derivation 1.2.3');
    unsupported(() => decrypt(PBES2, sequence(kdf(), sequence(oid('1.2.3')))), 'the cipher 1.2.3');
    unsupported(
      () => decrypt(PBES2, sequence(kdf({ prf: [sequence(oid('1.2.3'))] }), aes())),
      'the pseudo-random function 1.2.3',
    );
    malformed(() => decrypt(PBES2), 'an algorithm without its parameters');
    malformed(() => decrypt(PBES2, sequence(kdf(), sequence(oid(AES128)))), 'an algorithm without its parameters');
    malformed(() => decrypt(PBES2, sequence(kdf(), aes(15))), 'an initialisation vector of a wrong length');
    malformed(() => decrypt(PBES2, sequence(kdf({ rounds: 0 }), aes())), 'an iteration count of 0');
    malformed(() => decrypt('1.2.840.113549.1.12.1.3'), 'an algorithm without its parameters');
    const rc2 = () => decrypt('1.2.840.113549.1.12.1.6', sequence(octets(Buffer.alloc(8)), integer(1)));
    if (!crypto.getCiphers().includes('rc2-40-cbc')) unsupported(rc2, 'the cipher rc2-40-cbc');
  });

  test('costs what it costs: rounds count for each block of the key', () => {
    const most = 5_000_000;
    const message = `more than ${most} rounds of key derivation`;
    const aes = (id) => sequence(oid(id), octets(Buffer.alloc(16)));
    const spent = (id, prf) => {
      const passphrase = new Passphrase('x');
      passphrase._rounds = 2;
      const how = algorithm(PBES2, sequence(kdf({ prf }), aes(id)));
      try {
        passphrase.decrypt(how, Buffer.alloc(16));
      } catch (error) {
        if (error instanceof Unsupported) return error.message;
      }
      return passphrase._rounds;
    };
    // Two blocks of SHA-1, of 20 bytes each, make a key of 32.
    assert.equal(spent(AES256, []), message);
    assert.deepEqual([spent(AES128, []), spent(AES256, [PRF])], [0, 0]);
  });

  test("is PKCS#12's own, too, by the vectors of others", () => {
    // From Bouncy Castle's and OpenSSL's tests of RFC 7292 appendix B.
    const derive = (text, purpose, salt, iterations, length) =>
      new Passphrase(text)._derive('sha1', purpose, hex(salt), iterations, length).toString('hex');
    assert.equal(derive('smeg', 1, '0a58cf64530d823f', 1, 24), '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3');
    assert.equal(derive('smeg', 2, '0a58cf64530d823f', 1, 8), '79993dfe048d3b76');
    assert.equal(derive('smeg', 1, '642b99ab44fb4b1f', 1, 24), 'f3a95fec48d7711e985cfe67908c5ab79fa3d7c5caa5d966');
    assert.equal(derive('smeg', 2, '642b99ab44fb4b1f', 1, 8), 'c0a38d64a79bea1d');
    assert.equal(derive('smeg', 3, '3d83c0e4546ac140', 1, 20), '8d967d88f6caa9d714800ab3d48051d63f73a312');
    assert.equal(derive('queeg', 1, '05dec959acff72f7', 1000, 24), 'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4');
    assert.equal(derive('queeg', 2, '05dec959acff72f7', 1000, 8), '11dedad7758d4860');
    assert.equal(derive('queeg', 3, '263216fcc2fab31c', 1000, 20), '5ec4c7a80df652294c3925b6489a7ab857c83476');
  });

  test('leaves nothing of the passphrase when it is wiped', () => {
    const passphrase = new Passphrase('ab');
    const [utf8, bmp] = [passphrase._utf8, passphrase._bmp];
    assert.deepEqual([utf8.toString('hex'), bmp.toString('hex')], ['6162', '006100620000']);
    passphrase.wipe();
    assert.deepEqual([utf8.toString('hex'), bmp.toString('hex')], ['0000', '000000000000']);
  });
});

describe('a MAC', () => {
  test('is of the digest, or of RFC 9579 with a key of 20 to 128 bytes', () => {
    const content = Buffer.from('content');
    const key = new Passphrase('x')._derive('sha1', 3, Buffer.from('salt'), 2, 20);
    const expected = crypto.createHmac('sha1', key).update(content).digest();
    assert.deepEqual(new Passphrase('x').mac(algorithm(SHA1), Buffer.from('salt'), 2, content), expected);
    refused(
      () => new Passphrase('x').mac(algorithm('1.2.3'), Buffer.alloc(0), 1, content),
      Unsupported,
      'the digest 1.2.3',
    );
    const pbmac1 = (length, hmac = PRF) =>
      new Passphrase('x').mac(
        algorithm(PBMAC1, sequence(kdf({ length: [integer(length)], prf: [PRF] }), hmac)),
        Buffer.alloc(0),
        1,
        content,
      );
    for (const length of [20, 128]) {
      const derived = crypto.pbkdf2Sync('x', 'salt', 2, length, 'sha256');
      assert.deepEqual(pbmac1(length), crypto.createHmac('sha256', derived).update(content).digest());
    }
    for (const length of [19, 129]) refused(() => pbmac1(length), Unsupported, `a MAC key of ${length} bytes`);
    refused(() => pbmac1(20, sequence(oid('1.2.3'))), Unsupported, 'the message authentication 1.2.3');
  });
});

describe('a file', () => {
  const DATA = '1.2.840.113549.1.7.1';
  const info = (content, id = DATA) => sequence(oid(id), explicit(octets(content)));
  const bag = (id, ...value) => sequence(oid(`1.2.840.113549.1.12.10.1.${id}`), explicit(...value));
  const key = sequence(integer(0), octets(Buffer.from('key')));
  const cert = (text, kind = '1.2.840.113549.1.9.22.1') =>
    bag(3, sequence(oid(kind), explicit(octets(Buffer.from(text)))));
  const safes = (...contents) => sequence(...contents.map((bags) => info(sequence(...bags))));
  const file = (content, { version = 3, mac = [] } = {}) =>
    sequence(element(0x02, Buffer.from([version])), info(content), ...mac);
  const opened = (bytes, text = '') => {
    const { keys, certificates } = readPkcs12(bytes, text);
    return [keys.map((one) => one.toString('hex')), certificates.map(String)];
  };

  test('has keys and certificates in its safes, in their order, also in nested ones', () => {
    const others = [bag(5, octets(Buffer.from('secret'))), cert('sdsi', '1.2.840.113549.1.9.22.2')];
    const content = safes([bag(1, key), cert('one'), ...others], [cert('two'), bag(6, sequence(cert('three')))]);
    assert.deepEqual(opened(file(content)), [[key.toString('hex')], ['one', 'two', 'three']]);
    assert.deepEqual(opened(file(safes())), [[], []]);
    const nested = (depth) => {
      let inner = cert('deep');
      for (let count = 0; count < depth; count++) inner = bag(6, sequence(inner));
      return file(safes([inner]));
    };
    assert.deepEqual(opened(nested(8))[1], ['deep']);
    malformed(() => opened(nested(9)), 'safes nested more than 8 deep');
  });

  test('is refused where it is none of this kind', () => {
    malformed(() => opened(file(safes(), { version: 4 })), 'a PKCS#12 file of version 4');
    malformed(() => opened(file(sequence(info(sequence(), '1.2.3')))), 'a safe of the kind 1.2.3');
    malformed(
      () => opened(sequence(element(0x02, Buffer.from([3])), info(safes(), '1.2.3'))),
      'a content of the kind 1.2.3',
    );
    refused(() => opened(file(safes()), 'x'), Unsupported, 'no MAC beside its passphrase');
  });

  test('has a MAC that is verified, with one iteration unless it says more, and either form of no passphrase', () => {
    const content = safes([cert('one')]);
    const macOf = (passphrase, iterations) => passphrase.mac(algorithm(SHA1), Buffer.from('salt'), iterations, content);
    const withMac = (mac, iterations) => {
      const digest = sequence(sequence(oid(SHA1)), octets(mac));
      return file(content, {
        mac: [sequence(digest, octets(Buffer.from('salt')), ...(iterations ? [integer(iterations)] : []))],
      });
    };
    assert.deepEqual(opened(withMac(macOf(new Passphrase('x'), 1)), 'x')[1], ['one']);
    assert.deepEqual(opened(withMac(macOf(new Passphrase('x'), 3), 3), 'x')[1], ['one']);
    const [zero, none] = [new Passphrase(''), new Passphrase('')];
    none.takeOther();
    for (const passphrase of [zero, none]) assert.deepEqual(opened(withMac(macOf(passphrase, 1)))[1], ['one']);
    const mac = macOf(new Passphrase('x'), 1);
    for (const [wrong, text] of [
      [mac, 'y'],
      [mac, ''],
      [mac.subarray(1), 'x'],
      [Buffer.alloc(20), 'x'],
    ]) {
      assert.throws(() => opened(withMac(wrong), text), WrongPassphrase);
    }
  });
});
