'use strict';

// A question by itself, whatever it is about: when it is answered, failed, withdrawn or told.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { channels } = require('../../lib/diagnostics');
const { Question } = require('../../lib/questions/question');
const { start } = require('../support/made-up-questions.js');
const { later, warned } = require('../support/observed.js');

describe('a question', () => {
  class Plain extends Question {
    static about = 'plain';
    ask(respond) {
      this.source(respond, this);
    }
    check(answer) {
      if (answer === 'bad') throw new Error('a bad answer');
      return answer ?? null;
    }
    answered(...args) {
      this.results = args;
    }
    expired() {
      this.isExpired = true;
    }
  }

  test('that is answered at once is over when it has been put', () => {
    const { ask, take, questions } = start();
    let one;
    assert.equal(
      ask(Plain, (respond, question) => {
        one = question;
        assert.equal(questions.isOpen(question), true);
        respond(null, 'good');
        respond(null, 'again');
        respond(new Error('again'));
      }),
      undefined,
    );
    assert.deepEqual([take(), one.results, one.cause], [[['answer', 'good'], 'settle'], [9, 'good'], undefined]);
    assert.equal(questions.isOpen(one), false);
  });

  test('that is answered later takes effect in a tick of its own', async () => {
    const { ask, take, questions, socket } = start();
    let respond;
    const one = ask(Plain, (callback) => {
      respond = callback;
    });
    assert.deepEqual([take(), questions.isOpen(one), socket._question], [[], true, one]);
    respond(undefined, 'good');
    assert.deepEqual(take(), []);
    await later();
    assert.deepEqual(take(), [['answer', 'good'], 'settle']);
  });

  test('of the deferred kind takes effect later even if it is answered at once', async () => {
    class Deferred extends Plain {
      static isDeferred = true;
    }
    const { ask, take } = start();
    ask(Deferred, (respond) => respond(null, 'good'));
    assert.deepEqual(take(), []);
    await later();
    assert.deepEqual(take(), [['answer', 'good'], 'settle']);
  });

  test('that fails says why, whatever was thrown', async () => {
    for (const [act, message] of [
      [(respond) => respond(new Error('why')), 'why'],
      [(respond) => respond('why'), "'why'"],
      [
        () => {
          throw new Error('why');
        },
        'why',
      ],
      [
        () => {
          throw undefined;
        },
        'The callback threw nothing',
      ],
      [
        () => {
          throw null;
        },
        'The callback threw nothing',
      ],
      [(respond) => respond(null, 'bad'), 'a bad answer'],
    ]) {
      const { ask, take } = start();
      let one;
      ask(Plain, (respond, question) => {
        one = question;
        act(respond);
      });
      assert.deepEqual(take(), [['fail', message], 'settle']);
      assert.notEqual(one.cause, undefined);
      assert.equal(one.results, undefined);
    }
  });

  test('whose answer the native object refuses has failed', () => {
    const { ask, take, endpoint } = start();
    endpoint.answer = () => {
      throw new Error('refused');
    };
    ask(Plain, (respond) => respond(null, 'good'));
    assert.deepEqual(take(), [['fail', 'refused'], 'settle']);
  });

  test('that has expired takes no answer any more', async () => {
    const { ask, take, questions } = start();
    let respond;
    const one = ask(Plain, (callback) => {
      respond = callback;
    });
    questions.onExpired(one.event.question);
    assert.deepEqual([one.isExpired, questions.isOpen(one)], [true, false]);
    respond(null, 'late');
    assert.equal(one.answerNow('late'), false);
    await later();
    assert.deepEqual(take(), []);
    questions.onExpired(one.event.question);
    questions.onExpired(5);
  });

  test('that is withdrawn between an answer and its effect has no effect', async () => {
    const { ask, take } = start();
    let respond;
    const one = ask(Plain, (callback) => {
      respond = callback;
    });
    respond(null, 'good');
    one.withdraw();
    await later();
    assert.deepEqual(take(), []);
  });

  test('is answered before that returns, where it is to be', () => {
    const { ask, take } = start();
    const one = ask(Plain, () => {});
    assert.equal(one.answerNow('good'), true);
    assert.deepEqual(take(), [['answer', 'good'], 'settle']);
    assert.equal(one.answerNow('again'), false);
    assert.deepEqual(take(), []);
  });

  test('about a connection that is gone is answered with nothing, and nobody is asked', () => {
    class Peer extends Plain {
      static nothing = false;
    }
    const { ask, take } = start();
    ask(Peer, assert.fail, { connection: 2 });
    assert.deepEqual(take(), [['answer', false]]);
    let asked = 0;
    ask(Plain, () => asked++, { connection: undefined });
    assert.deepEqual([asked, take()], [1, []]);
  });

  test('ends with its server, and has no answer where it has no connection', () => {
    const { ask, take, questions } = start();
    const own = ask(Plain, () => {});
    ask(Plain, () => {}, { connection: undefined, question: 7 });
    const free = questions._open.get(7);
    questions.withdrawAll();
    assert.equal(questions._open.size, 0);
    assert.deepEqual(take(), [['answer', null]]);
    assert.deepEqual([own.isExpired, free.isExpired], [true, true]);
  });

  test('is published with its outcome and its time, to whoever wants it', async (t) => {
    const messages = [];
    const { ask, socket } = start();
    const listen = (message) => messages.push(message);
    ask(Plain, (respond) => respond(null, 'nobody listens'));
    channels.question.subscribe(listen);
    t.after(() => channels.question.unsubscribe(listen));
    ask(Plain, (respond) => respond(null, 'good'));
    ask(Plain, (respond) => respond(new Error('why')));
    ask(Plain, () => {}).withdraw();
    const [good, bad, withdrawn] = messages.map(({ duration, ...rest }) => {
      assert(duration >= 0 && duration < 10_000);
      return rest;
    });
    assert.deepEqual(good, { socket, about: 'plain', outcome: 'answered', error: undefined });
    assert.deepEqual([bad.outcome, bad.error.message], ['answered', 'why']);
    assert.deepEqual([withdrawn.outcome, messages.length], ['withdrawn', 3]);
  });
});

describe('the kinds of questions', () => {
  class ByEvent extends Question {
    static about = 'event';
    static event = 'ask';
  }
  class ByBoth extends Question {
    static about = 'both';
    static event = 'other';
    static isAnsweredBy = (source) => source === 'somebody';
  }
  class Always extends Question {
    static about = 'always';
  }

  test('are asked that somebody answers', () => {
    const { questions, emitter, told } = start();
    questions.register(Always, null);
    questions.register(ByEvent, null);
    questions.register(ByBoth, 'nobody');
    questions.listen();
    emitter.on('ask', () => {});
    questions.listen();
    questions.register(ByBoth, 'somebody');
    questions.listen();
    assert.deepEqual(told, [
      ['ask', 'always'],
      ['ask', 'always', 'event'],
      ['ask', 'always', 'event', 'both'],
    ]);
    assert.deepEqual(
      [questions.isAskedBy('ask'), questions.isAskedBy('other'), questions.isAskedBy('x')],
      [true, true, false],
    );
  });

  test('warn once each of what counts as none, and of a clock', async () => {
    const { questions } = start();
    const warnings = await warned(() => {
      questions.warn('Somebody', new Error('why'));
      questions.warn('Somebody', new Error('again'));
      questions.onClockBehind({ address: '192.0.2.1', port: 7 });
      questions.onClockBehind({ address: '192.0.2.1', port: 7 });
    });
    assert.deepEqual(warnings, [
      ['ERR_DTLS_LOOKUP_FAILED', 'Somebody gave an answer that cannot be used and counts as none: why'],
      [
        'ERR_DTLS_CLOCK_BEHIND',
        'The clock is behind that of the saved session of 192.0.2.1:7. The peer may have heard higher record numbers, and then drops what is sent to it',
      ],
    ]);
    const own = await warned(() =>
      start().questions.warn('x', Object.assign(new Error('y'), { code: 'ERR_DTLS_INVALID_SESSION' })),
    );
    assert.equal(own[0][0], 'ERR_DTLS_INVALID_SESSION');
    const other = await warned(() =>
      start().questions.warn('x', Object.assign(new Error('y'), { code: 'XERR_DTLS_' })),
    );
    assert.equal(other[0][0], 'ERR_DTLS_LOOKUP_FAILED');
  });
});
