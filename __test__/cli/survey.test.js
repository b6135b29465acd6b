'use strict';

// What `mbed-dtls inspect` asks a server, and what it concludes of the answers, with a made-up server.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { Failure } = require('../../lib/cli/failures');
const { u8 } = require('../../lib/cli/hello');
const { SUITES, suiteName } = require('../../lib/cli/suites');
const { Survey } = require('../../lib/cli/survey');

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('a survey', () => {
  const ALL = [...SUITES.keys()];
  const number = (name) => ALL.find((one) => suiteName(one) === name);

  /** A server that chooses among these, in place of one at an address. */
  class Server {
    constructor(model) {
      this.model = { suites: [], groups: [29, 23], extensions: [], versions: [0xfefd], cookie: true, ...model };
      this.asked = 0;
      this.offers = [];
    }

    ask({ version, suites, extensions }) {
      this.asked += 1;
      const offered = new Map(extensions);
      const numbers = (type, from) => {
        const content = offered.get(type)?.subarray(from) ?? Buffer.alloc(0);
        return Array.from({ length: content.length / 2 }, (_, at) => content.readUInt16BE(2 * at));
      };
      const { model } = this;
      this.offers.push({ version, suites, extensions });
      const none = { hello: null, alert: model.alert ?? 40, hasCookie: model.cookie };
      if (model.isSilent) return { ...none, alert: null };
      const wanted = offered.has(43) ? 0xfefc : version;
      if (!model.versions.includes(wanted)) return none;
      if (wanted === 0xfefc) {
        const retry = new Map(model.cookie ? [[44, Buffer.alloc(0)]] : []);
        return { hello: { version: wanted, suite: 0x1301, extensions: retry }, alert: null, hasCookie: false };
      }
      const groups = numbers(10, 2);
      const usable = (suite) =>
        !/ECDHE|AECDH/.test(suiteName(suite)) || model.groups.some((one) => groups.includes(one));
      const suite = model.prefersClient
        ? suites.find((one) => model.suites.includes(one) && usable(one))
        : model.suites.find((one) => suites.includes(one) && usable(one));
      if (suite === undefined) return none;
      return {
        hello: { version: wanted, suite, extensions: new Map(model.extensions) },
        alert: null,
        isRawKey: offered.get(20)?.length === 2 && model.hasRawKey === true,
        certificates: model.certificates ?? [],
        group: model.groups.find((one) => groups.includes(one)),
        hint: model.hint,
        asksForCertificate: model.asks === true,
        hasCookie: model.cookie,
      };
    }
  }

  async function survey(model, settings = {}) {
    const server = new Server(model);
    const progress = [];
    const one = new Survey(server, { alpn: [], progress: (text) => progress.push(text), ...settings });
    return { found: await one.run(), credentials: [...one.credentials.values()], server, progress };
  }

  const named = (...names) => names.map(number);
  const GROUPS = [
    'P-256',
    'X25519',
    'P-384',
    'P-521',
    'X448',
    'secp256k1',
    'brainpoolP256r1',
    'brainpoolP384r1',
    'brainpoolP512r1',
  ];

  test('finds suites in order, groups, extensions and the rest', async () => {
    const names = ['ECDHE-PSK-AES128-GCM-SHA256', 'PSK-AES128-CBC-SHA256'];
    const { found, server, progress, credentials } = await survey(
      {
        suites: named(...names),
        extensions: [
          [23, Buffer.alloc(0)],
          [54, u8(0)],
          [16, hex('0005 04 636f6170')],
        ],
        versions: [0xfefd, 0xfeff],
        hint: Buffer.from('hint'),
        hasRawKey: true,
      },
      { alpn: ['coap', 'x'], servername: 'host' },
    );
    assert.deepEqual(found.versions, { 'DTLSv1.3': false, 'DTLSv1.2': true, DTLSv1: true });
    assert.deepEqual([found.cookie, found.refusal, found.hint, found.clientCertificate], [true, null, 'hint', false]);
    assert.deepEqual(found.suites.accepted, names);
    assert.equal(found.suites.refused.length, SUITES.size - 2);
    assert.equal(found.suites.order, 'server');
    assert.deepEqual(found.groups, {
      accepted: ['X25519', 'P-256'],
      refused: GROUPS.filter((name) => !['X25519', 'P-256'].includes(name)),
      unknown: [],
    });
    assert.deepEqual(found.extensions, {
      extendedMasterSecret: true,
      secureRenegotiation: false,
      encryptThenMac: false,
      sessionTickets: false,
      connectionId: true,
      maxFragmentLength: false,
      rawPublicKey: true,
      alpn: 'coap',
    });
    assert.deepEqual(credentials, []);
    assert.deepEqual(progress, [
      'question 1: DTLS 1.2',
      'question 2: DTLS 1.0',
      'question 3: DTLS 1.3',
      'question 4: suites, 1 accepted',
      'question 5: suites, 2 accepted',
      'question 6: groups, 0 accepted',
      'question 7: groups, 1 accepted',
      'question 8: groups, 2 accepted',
      'question 9: extensions',
      'question 10: raw public keys',
      'question 11: order of suites',
    ]);
    const [first, old, newest] = server.offers;
    assert.deepEqual([first.version, old.version, newest.version], [0xfefd, 0xfeff, 0xfefd]);
    assert.deepEqual(newest.suites, [0x1301, 0x1302, 0x1303, 0x1304, 0x1305]);
    const contents = (offer) => offer.extensions.map(([type, content]) => [type, content.toString('hex')]);
    const always = [
      [0, '0007000004686f7374'],
      [10, '00120017001d00180019001e0016001a001b001c'],
      [11, '0100'],
      [13, '001a0403050306030807080808040805080604010501060102030201'],
      [19, '020002'],
      [20, '020002'],
      [23, ''],
      [0xff01, '00'],
    ];
    assert.deepEqual(contents(first), always);
    assert.deepEqual(contents(newest).slice(8), [
      [43, '02fefc'],
      [51, '0000'],
    ]);
    const extensions = server.offers[8];
    // The question about Encrypt-then-MAC is about CBC alone.
    assert.deepEqual(extensions.suites, named('PSK-AES128-CBC-SHA256'));
    assert.deepEqual(contents(extensions).slice(8), [
      [22, ''],
      [35, ''],
      [54, '00'],
      [1, '04'],
      [16, '000704636f61700178'],
    ]);
    assert.deepEqual(
      contents(server.offers[9]).find(([type]) => type === 20),
      [20, '0102'],
    );
  });

  test('says whose order decides, where there are two suites', async () => {
    const order = async (model) => (await survey({ ...model })).found.suites.order;
    const suites = named('PSK-AES128-CCM', 'PSK-AES256-CCM');
    assert.equal(await order({ suites }), 'server');
    assert.equal(await order({ suites, prefersClient: true }), 'client');
    assert.equal(await order({ suites: suites.slice(1) }), null);
  });

  test('finds no extension where none was offered, and says what it cannot know', async () => {
    const { found, credentials } = await survey({
      suites: named('ECDHE-ECDSA-AES128-CCM8'),
      groups: [23],
      certificates: [Buffer.from('leaf'), Buffer.from('ca')],
      asks: true,
      cookie: false,
    });
    assert.deepEqual(found.groups.accepted, ['P-256']);
    // The certificate's own group may be the reason that no other is accepted.
    assert.deepEqual(found.groups.refused, []);
    assert.deepEqual(found.groups.unknown, GROUPS.slice(1));
    assert.equal(found.extensions.encryptThenMac, null);
    assert.equal('alpn' in found.extensions, false);
    assert.deepEqual([found.cookie, found.clientCertificate, found.hint], [false, true, null]);
    assert.deepEqual(credentials, [{ isRawKey: false, certificates: [Buffer.from('leaf'), Buffer.from('ca')] }]);
  });

  test('finds no ALPN where the server takes none, and Encrypt-then-MAC where it has CBC', async () => {
    const model = { suites: named('PSK-AES128-CBC-SHA256', 'PSK-AES128-CCM'), extensions: [[22, Buffer.alloc(0)]] };
    const { found } = await survey(model, { alpn: ['x'] });
    assert.deepEqual([found.extensions.alpn, found.extensions.encryptThenMac], [null, true]);
    assert.deepEqual(found.groups, { accepted: [], refused: [], unknown: [] });
  });

  test('of a server that has all suites asks no further', async () => {
    const { found, progress } = await survey({ suites: ALL });
    assert.deepEqual([found.suites.accepted.length, found.suites.refused], [ALL.length, []]);
    assert(!progress.some((text) => text.endsWith(`suites, ${ALL.length} accepted`)));
  });

  test('of a server of DTLS 1.3 alone says whether it asks for a cookie', async () => {
    for (const cookie of [true, false]) {
      const { found } = await survey({ versions: [0xfefc], cookie });
      assert.deepEqual(found.versions, { 'DTLSv1.3': true, 'DTLSv1.2': false, DTLSv1: false });
      assert.deepEqual(
        [found.cookie, found.refusal, found.extensions, found.clientCertificate],
        [cookie, null, null, null],
      );
      assert.deepEqual(found.suites, { accepted: [], refused: [], order: null });
      assert.deepEqual(found.groups, { accepted: [], refused: [], unknown: [] });
    }
  });

  test('of a server that refuses everything says with which alert', async () => {
    const { found } = await survey({ versions: [], alert: 70, cookie: false });
    assert.deepEqual([found.cookie, found.refusal], [null, 70]);
    const { found: asked } = await survey({ versions: [], alert: 70, cookie: true });
    assert.equal(asked.cookie, true);
  });

  test('fails where nobody answers, and where a server chooses what was not offered', async () => {
    await assert.rejects(survey({ isSilent: true }), (error) => {
      assert(error instanceof Failure);
      assert.deepEqual([error.message, error.code], ['the server does not answer', 'ERR_DTLS_NO_ANSWER']);
      return /^Check host and port/.test(error.advice);
    });
    const server = new Server({ suites: [ALL[0]] });
    const ask = server.ask.bind(server);
    server.ask = (offer) => ask({ ...offer, suites: ALL });
    await assert.rejects(
      new Survey(server, { alpn: [], progress: () => {} }).run(),
      (error) =>
        error instanceof Failure &&
        error.message === 'the server chose ECDHE-ECDSA-AES128-GCM-SHA256, which was not offered' &&
        error.code === 'MALFORMED',
    );
  });
});
