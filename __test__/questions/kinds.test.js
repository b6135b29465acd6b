'use strict';

// Each kind of question by itself: how it asks, which answers are good, and what the native object is told.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');
const { ContextQuestion, ProtocolQuestion } = require('../../lib/questions/hello');
const { MoveQuestion, Moves } = require('../../lib/questions/move');
const { PeerQuestion } = require('../../lib/questions/peer');
const { OwnPskQuestion, PskQuestion, tellKeys } = require('../../lib/questions/psk');
const { addressKeys, resumeNow } = require('../../lib/questions/restore');
const { ResumptionQuestion } = require('../../lib/questions/resumption');
const { ServerIdentityQuestion } = require('../../lib/questions/server-identity');
const { StoredSessionQuestion } = require('../../lib/questions/stored-session');
const { start } = require('../support/made-up-questions.js');
const { later, warned } = require('../support/observed.js');

describe('what is asked', () => {
  test('of names and protocols is asked as a method of the socket', () => {
    const { ask, take, socket } = start();
    socket.servername = 'host';
    const contexts = { answer: (context) => `native ${context}` };
    ask(
      ContextQuestion,
      {
        contexts,
        SNICallback(...args) {
          assert.deepEqual([this, args.length, args[0]], [socket, 2, 'host']);
          return 'mine';
        },
      },
      { servername: 'host' },
    );
    assert.deepEqual(take(), [['answer', 'native mine'], 'settle']);
    const protocols = Buffer.from('\x01a\x02bc');
    const choose = (answer) => {
      ask(
        ProtocolQuestion,
        function ALPNCallback(offer) {
          assert.equal(this, socket);
          assert.deepEqual(offer, { servername: 'host', protocols: ['a', 'bc'] });
          offer.protocols.length = 0;
          return answer;
        },
        { protocols },
      );
      return take()[0];
    };
    assert.deepEqual(choose('bc'), ['answer', Buffer.from('bc')]);
    assert.deepEqual(
      [choose(undefined), choose(null)],
      [
        ['answer', null],
        ['answer', null],
      ],
    );
    assert.deepEqual(choose('x'), [
      'fail',
      "ALPNCallback answered 'x', which is none of the client's protocols: 'a, bc'",
    ]);
  });

  test('of a peer is answered with true or false alone', () => {
    const { ask, take, socket } = start();
    const [publicKey, certificate] = [Buffer.from('key'), Buffer.from('cert')];
    const verify = (answer, event = {}, expected = { publicKey }) => {
      const verifyPeer = (...args) => {
        assert.deepEqual(args.slice(0, 2), [socket, expected]);
        return answer;
      };
      ask(PeerQuestion, { verifyPeer }, { publicKey, ...event });
      return take()[0];
    };
    assert.deepEqual(
      [verify(true), verify(false)],
      [
        ['answer', true],
        ['answer', false],
      ],
    );
    verify(true, { certificate }, { publicKey, cert: certificate });
    for (const answer of [undefined, 1, null, 'yes']) {
      const [outcome, message] = verify(answer);
      assert.equal(outcome, 'fail');
      assert.match(message, /^The "verifyPeer's answer" argument must be of type boolean/);
    }
    assert.equal(PeerQuestion.nothing, false);
  });

  test('of a server is its name, then its key, as the rules say', () => {
    const { ask, take, socket } = start();
    const certificate = undefined;
    const decide = (rules, event = {}) => {
      socket._refusal = null;
      ask(
        ServerIdentityQuestion,
        { rejectUnauthorized: true, servername: 'host', ...rules },
        { publicKey: Buffer.from('k'), certificate, ...event },
      );
      const [[outcome, answer]] = take();
      return [outcome, answer, socket._refusal?.code ?? socket._refusal?.message ?? null];
    };
    assert.deepEqual(decide({}), ['answer', false, 'ERR_DTLS_PEER_KEY_MISMATCH']);
    assert.deepEqual(decide({ rejectUnauthorized: false }), ['answer', true, 'ERR_DTLS_PEER_KEY_MISMATCH']);
    assert.deepEqual(decide({ verifyPeer: () => true }), ['answer', true, null]);
    assert.deepEqual(decide({ verifyPeer: () => false }), ['answer', false, null]);
    const checkServerIdentity = () => assert.fail('a key has no name');
    assert.deepEqual(decide({ checkServerIdentity, verifyPeer: () => true }), ['answer', true, null]);
  });

  test('of a key is an identity in the form that was wanted', () => {
    const { ask, take, socket } = start();
    const key = (identity, answer, more = {}) => {
      const seen = [];
      const callback = (...args) => {
        seen.push(...args.filter((arg) => typeof arg !== 'function'));
        return answer;
      };
      ask(PskQuestion, { callback, withSocket: true, encoding: 'utf8', ...more }, { identity });
      return [seen, take()[0]];
    };
    assert.deepEqual(key('bob', 'secret'), [
      [socket, 'bob'],
      ['answer', Buffer.from('secret')],
    ]);
    assert.deepEqual(key('bob', 'secret', { withSocket: false }), [['bob'], ['answer', Buffer.from('secret')]]);
    assert.deepEqual(key('\u00c3\u00a9', null), [
      [socket, '\u00e9'],
      ['answer', null],
    ]);
    assert.deepEqual(key('~ !', undefined), [
      [socket, '~ !'],
      ['answer', null],
    ]);
    // No string stands for these bytes, so nobody is asked.
    assert.deepEqual(key('\u00ff', 'secret'), [[], ['answer', null]]);
    assert.deepEqual(key('\u00ff', 'secret', { encoding: 'buffer' }), [
      [socket, Buffer.from([0xff])],
      ['answer', Buffer.from('secret')],
    ]);
    assert.deepEqual(key('bob', '', { withSocket: false }), [['bob'], ['answer', null]]);
    assert.equal(key('bob', '')[1][0], 'fail');
    assert.match(key('bob', 5)[1][1], /^The "key" argument must be of type string or an instance of Buffer/);
    assert.match(key('bob', Buffer.alloc(65))[1][1], /"key\.length" is out of range/);
  });

  test('of our own key is a hint, or none', () => {
    const { ask, take } = start();
    const own = (hint, answer) => {
      const seen = [];
      ask(
        OwnPskQuestion,
        (...args) => {
          seen.push(...args);
          return answer;
        },
        { hint },
      );
      return [seen, take()[0]];
    };
    const both = { psk: 'secret', identity: 'bob' };
    const native = { psk: Buffer.from('secret'), identity: Buffer.from('bob') };
    assert.deepEqual(own(undefined, both), [[null], ['answer', native]]);
    assert.deepEqual(own(Buffer.from('caf\u00e9'), null), [['caf\u00e9'], ['answer', null]]);
    assert.deepEqual(own(Buffer.from([0xff]), both)[0], [null]);
    assert.match(
      own(undefined, 'secret')[1][1],
      /^The "pskCallback's answer" argument must be of type object\. Received type string$/,
    );
    assert.match(own(undefined, { psk: 'x' })[1][1], /^The "identity" argument must be of type string/);
    assert.match(own(undefined, Object.create(both))[1][1], /^The "psk" argument must be/);
  });

  test('of keys that are known already is told once', () => {
    const told = [];
    const native = { knowKeys: (...args) => told.push(args) };
    tellKeys({ key: Buffer.from('k') }, native);
    tellKeys(
      {
        table: new Map([
          ['a\u00ff', Buffer.from('1')],
          ['b', Buffer.from('2')],
        ]),
      },
      native,
    );
    assert.deepEqual(told, [
      [Buffer.from('k'), [], []],
      [undefined, [Buffer.from([97, 0xff]), Buffer.from('b')], [Buffer.from('1'), Buffer.from('2')]],
    ]);
  });

  test('of a store is a session within a second, and anything else is a warning', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const warnings = [];
    const { ask, take } = start();
    const sessionId = Buffer.from([1]);
    const session = (get) => {
      ask(
        StoredSessionQuestion,
        {
          get: (id) => {
            assert.equal(id, sessionId);
            return get();
          },
          warn: (error) => warnings.push(error.message),
        },
        { sessionId },
      );
      return take();
    };
    const bytes = Buffer.from('session');
    assert.deepEqual(
      session(() => bytes),
      [['answer', bytes], 'settle'],
    );
    assert.deepEqual(
      session(() => undefined),
      [['answer', null], 'settle'],
    );
    assert.deepEqual(warnings, []);
    const none = [['answer', null], 'settle'];
    assert.deepEqual(
      session(() => 'text'),
      none,
    );
    assert.match(
      warnings.pop(),
      /^The "sessionStore\.get\(\)'s answer" property must be an instance of Buffer, TypedArray, or DataView/,
    );
    assert.deepEqual(
      session(() => {
        throw new Error('away');
      }),
      none,
    );
    assert.deepEqual(
      session(() => {
        throw undefined;
      }),
      none,
    );
    assert.deepEqual(warnings.splice(0), ['away', 'It threw nothing']);
    assert.deepEqual(
      session(() => new Promise(() => {})),
      [],
    );
    t.mock.timers.tick(999);
    await later();
    assert.deepEqual(take(), []);
    t.mock.timers.tick(1);
    await later();
    assert.deepEqual([take(), warnings], [none, ['It has not answered within 1000 ms']]);
    // What comes in time stops the clock.
    let answer;
    session(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    answer(bytes);
    await later();
    assert.deepEqual(take(), [['answer', bytes], 'settle']);
    t.mock.timers.tick(1000);
    await later();
    assert.equal(warnings.length, 1);
  });

  test("of 'renegotiate' is a session that fits, and anything else leads to a full handshake", async () => {
    const { ask, take, socket } = start();
    socket.servername = false;
    const server = new EventEmitter();
    const sessionId = Buffer.alloc(32, 1);
    const saved = { id: sessionId, ciphersuite: 0xc0a8, master: Buffer.alloc(48, 2), psk_identity: Buffer.from('bob') };
    const answers = [];
    const session = () => {
      ask(ResumptionQuestion, { server }, { sessionId });
      return take();
    };
    assert.deepEqual(session(), [['answer', null], 'settle']);
    server.on('renegotiate', (id, one, callback) => {
      assert.deepEqual([id, one], [sessionId.toString('hex'), socket]);
      callback(...answers.shift());
    });
    answers.push([null, saved], [null, undefined], [null, { ...saved, id: Buffer.alloc(31) }]);
    const [[, native]] = session();
    assert.deepEqual([native.master, socket._resumable], [saved.master, native]);
    assert.deepEqual(session(), [['answer', null], 'settle']);
    assert.equal(socket._resumable, null);
    assert.deepEqual(session(), [['answer', null], 'settle']);
    const warnings = await warned(() => {
      answers.push([null, { ...saved, master: Buffer.alloc(1) }]);
      assert.deepEqual(session(), [['answer', null], 'settle']);
    });
    assert.deepEqual(warnings, [
      [
        'ERR_DTLS_INVALID_SESSION',
        "A listener of 'renegotiate' gave an answer that cannot be used and counts as none: The saved session cannot be used: its 'master' has 1 bytes, not 48",
      ],
    ]);
    answers.push([new Error('away')]);
    assert.deepEqual(session(), [['fail', 'away'], 'settle']);
  });
});

describe('moves', () => {
  const move = (port, oldPort) => ({
    remote: { address: '192.0.2.1', port },
    deviceId: 'ab',
    oldKey: oldPort === undefined ? undefined : `192.0.2.1:${oldPort}`,
  });

  test('are found by where they lead to, and by where they come from, once', () => {
    const moves = new Moves();
    const [one, other] = [move(1, 11), move(2, 12)];
    moves.add(one);
    moves.add(other);
    assert.equal(moves.takeTo({ address: '192.0.2.1', port: 3 }), undefined);
    assert.equal(moves.takeTo(other.remote), other);
    assert.equal(moves.takeTo(other.remote), undefined);
    moves.add(other);
    assert.equal(moves.takeFrom({ address: '192.0.2.1', port: 12 }), other);
    assert.equal(moves.takeFrom({ address: '192.0.2.1', port: 12 }), undefined);
    assert.equal(moves.takeFrom({ address: '192.0.2.1', port: 11 }), one);
    moves.add(one);
    const newer = move(1, 13);
    moves.add(newer);
    assert.deepEqual([moves.remove(one), moves.remove(newer), moves.remove(newer)], [false, true, false]);
    moves.add(one);
    moves.clear();
    assert.equal(moves.remove(one), false);
  });

  test('are asked for by the name of the device, and told when nothing comes of them', async () => {
    const { ask, take } = start();
    const server = new EventEmitter();
    const unplaced = [];
    server._sockets = { tellUnplaced: (...args) => unplaced.push(args) };
    const moves = new Moves();
    const remote = { address: '192.0.2.9', port: 9 };
    const event = { ...remote, deviceId: Buffer.from([0xab]), connection: undefined };
    const stored = [];
    server.on('lookupKey', (id, callback) => {
      assert.equal(id, 'ab');
      callback(...stored.shift());
    });
    const asked = (...answer) => {
      stored.push(answer);
      ask(MoveQuestion, { server, moves }, event);
      return take()[0][1];
    };
    assert.deepEqual(asked(null, { address: '::ffff:192.0.2.1', port: '7' }), { address: '192.0.2.1', port: 7 });
    assert.equal(moves.takeFrom({ address: '192.0.2.1', port: 7 }).deviceId, 'ab');
    await later();
    assert.deepEqual(unplaced, []);
    for (const wrong of [
      undefined,
      null,
      {},
      { address: 'x', port: 7 },
      ...[0, 65_536, 1.5, 'x'].map((port) => ({ address: '::1', port })),
    ]) {
      assert.equal(asked(null, wrong), null);
      await later();
      assert.deepEqual(unplaced.splice(0), [[remote, 'ab']]);
    }
    assert.deepEqual(asked(null, { address: '::1', port: 65_535 }), { address: '::1', port: 65_535 });
    await later();
    unplaced.length = 0;
    const warnings = await warned(async () => assert.equal(asked(new Error('away')), null));
    assert.deepEqual(warnings, [
      [
        'ERR_DTLS_LOOKUP_FAILED',
        "A listener of 'lookupKey' gave an answer that cannot be used and counts as none: away",
      ],
    ]);
    assert.deepEqual(unplaced, [[remote, 'ab']]);
  });
});

describe('addresses of saved connections', () => {
  test('have two forms', () => {
    assert.deepEqual(addressKeys(['192.0.2.1:7', '::1:65535', { address: '::2', port: 1 }]), [
      '192.0.2.1:7',
      '::1:65535',
      '::2:1',
    ]);
    assert.deepEqual(addressKeys(new Set()), []);
    const message = (value) => {
      try {
        addressKeys(value);
      } catch (error) {
        return error.message;
      }
      return assert.fail('nothing was thrown');
    };
    for (const value of ['192.0.2.1:7', 5, undefined, {}]) {
      assert.match(message(value), /^The "addresses" argument must be an iterable of addresses\. Received/);
    }
    for (const value of ['192.0.2.1', 'host:7', {}, null, 5]) {
      assert.match(
        message(['::1:1', value]),
        /^The "addresses\[1\]" argument must be 'address:port' or an instance of Object\. Received/,
      );
    }
    assert.match(message([{ address: '::1', port: 0 }]), /"addresses\[0\]\.port" is out of range\. It must be >= 1/);
    assert.match(message(['192.0.2.1:x']), /"addresses\[0\]\.port" is out of range/);
  });

  test('of a socket without a question are none', () => {
    assert.equal(resumeNow({ _question: null }, {}), false);
    assert.equal(resumeNow({ _question: { answerNow: assert.fail } }, {}), false);
  });
});
