'use strict';

// Addresses of a name that have their turns, with a clock that the test moves.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Attempts } = require('../../lib/transport/attempts');

describe('addresses of a name', () => {
  /** Attempts that the test ends, with what they have told. */
  function start(t, addresses, { port = 7 } = {}) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const log = [];
    let made = 0;
    const endpoint = (name) => ({
      name,
      native: {},
      connections: new Map(),
      dispose() {
        log.push(`${name} over`);
      },
      logKeys: (on) => log.push(`${name} logs ${on}`),
      close: (handle, tells) => log.push(`${name} closes ${handle} ${tells}`),
    });
    const opened = [];
    const client = {
      _onBound: ({ address }) => log.push(`bound ${address}`),
      _onAnswered: ({ address }) => log.push(`answered ${address}`),
      _onUdpClose: () => log.push('udp closed'),
      destroy: (error) => log.push(`destroyed ${error.code}${error.address ? ` ${error.address}:${error.port}` : ''}`),
    };
    const attempts = new Attempts(client, {
      endpoint: endpoint('first'),
      makeEndpoint: () => endpoint(`made ${++made}`),
      open: (attempt) => {
        opened.push(attempt);
        log.push(`open ${attempt.address}:${attempt.port} ${attempt.endpoint.name}`);
        attempt.setReferenced = (isReferenced) => log.push(`${attempt.address} referenced ${isReferenced}`);
        attempt.retry = () => log.push(`retry ${attempt.address}`);
        attempt.abandon = () => log.push(`abandon ${attempt.address}`);
        attempt.close = () => log.push(`close ${attempt.address}`);
      },
    });
    attempts.begin(addresses, port);
    const take = () => log.splice(0);
    return { attempts, opened, take, tick: (ms) => t.mock.timers.tick(ms) };
  }

  const error = (code) => Object.assign(new Error(code), { code });

  test('have their turns 250 ms after each other while nobody answers, in turns of the families', (t) => {
    const { take, tick } = start(t, ['a1', 'x'].map(() => '192.0.2.1').concat('192.0.2.2', '192.0.2.3', '::1', '::2'));
    assert.deepEqual(take(), ['open 192.0.2.1:7 first']);
    tick(249);
    assert.deepEqual(take(), []);
    tick(1);
    assert.deepEqual(take(), ['open ::1:7 made 1']);
    tick(250);
    tick(250);
    tick(250);
    tick(1000);
    assert.deepEqual(take(), ['open 192.0.2.2:7 made 2', 'open ::2:7 made 3', 'open 192.0.2.3:7 made 4']);
  });

  test('of one family follow those of the other, and eight have a turn at most', (t) => {
    const six = Array.from({ length: 9 }, (_, index) => `::${index + 1}`);
    const { take, tick } = start(t, ['192.0.2.1', ...six]);
    for (let count = 0; count < 12; count++) tick(250);
    const turns = take().map((line) => line.split(' ')[1].replace(/:7$/, ''));
    assert.deepEqual(turns, ['192.0.2.1', ...six.slice(0, 7)]);
  });

  test('have no more turns when one has answered, which has the connection', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    tick(250);
    take();
    attempts.answered(opened[1]);
    assert.deepEqual(take(), ['abandon 192.0.2.1', 'answered 192.0.2.2']);
    tick(1000);
    assert.deepEqual(take(), []);
    // ICMP that somebody has forged does nothing any more, and neither does a datagram that could not leave.
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH'])
      attempts.failed(opened[1], error(code));
    attempts.sendFailed(opened[1].endpoint, error('EPERM'));
    assert.deepEqual(take(), []);
    attempts.failed(opened[1], error('EBADF'));
    assert.deepEqual(take(), ['destroyed EBADF']);
    attempts.close();
    assert.deepEqual(take(), ['close 192.0.2.2']);
    attempts.close();
    assert.deepEqual(take(), []);
  });

  test('that are refused are tried again after 100 and 400 ms, and the next has its turn at once', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    take();
    attempts.failed(opened[0], error('ECONNREFUSED'));
    assert.deepEqual(take(), ['open 192.0.2.2:7 made 1']);
    tick(99);
    assert.deepEqual(take(), []);
    tick(1);
    assert.deepEqual(take(), ['retry 192.0.2.1']);
    attempts.failed(opened[0], error('ECONNREFUSED'));
    // One at a time: it has brought its successor about already.
    assert.deepEqual(take(), []);
    tick(150);
    assert.deepEqual(take(), ['open 192.0.2.3:7 made 2']);
    tick(250);
    assert.deepEqual(take(), ['retry 192.0.2.1']);
    attempts.failed(opened[0], error('ECONNREFUSED'));
    assert.deepEqual(take(), ['abandon 192.0.2.1']);
    for (const attempt of opened.slice(1)) {
      for (const delay of [100, 400, 0]) {
        attempts.failed(attempt, error('EHOSTUNREACH'));
        tick(delay);
      }
    }
    assert.deepEqual(take(), [
      'retry 192.0.2.2',
      'retry 192.0.2.2',
      'abandon 192.0.2.2',
      'retry 192.0.2.3',
      'retry 192.0.2.3',
      'abandon 192.0.2.3',
      'destroyed EHOSTUNREACH 192.0.2.3:7',
    ]);
  });

  test('that have been given up are not tried again', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2']);
    attempts.failed(opened[0], error('ECONNREFUSED'));
    attempts.closed(opened[0]);
    assert.deepEqual(take().slice(-1), ['abandon 192.0.2.1']);
    tick(1000);
    assert.deepEqual(take(), []);
  });

  test('that were refused do not give the next its turn once more', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    attempts.failed(opened[0], error('ECONNREFUSED'));
    take();
    tick(250);
    // That is the second one's turn's end, and not the first one's as well.
    assert.deepEqual(take(), ['retry 192.0.2.1', 'open 192.0.2.3:7 made 2']);
  });

  test('that fail in another way give up, and the next has its turn at once', (t) => {
    const { attempts, opened, take } = start(t, ['192.0.2.1', '192.0.2.2']);
    take();
    attempts.failed(opened[0], error('EMFILE'));
    assert.deepEqual(take(), ['abandon 192.0.2.1', 'open 192.0.2.2:7 made 1']);
    attempts.failed(opened[1], error('EMFILE'));
    assert.deepEqual(take(), ['abandon 192.0.2.2', 'destroyed EMFILE']);
  });

  test('whose datagram cannot leave have failed, unless there was no room for it', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2']);
    tick(250);
    take();
    for (const code of ['EAGAIN', 'ENOBUFS', 'ENOMEM']) attempts.sendFailed(opened[0].endpoint, error(code));
    assert.deepEqual(take(), []);
    attempts.sendFailed(opened[0].endpoint, error('EPERM'));
    assert.deepEqual(take(), ['abandon 192.0.2.1']);
    attempts.sendFailed({}, error('EPERM'));
    assert.deepEqual(take(), []);
  });

  test('whose UDP socket somebody has closed are given up, and the last one ends the client', (t) => {
    const { attempts, opened, take, tick } = start(t, ['192.0.2.1', '192.0.2.2']);
    tick(250);
    take();
    attempts.closed(opened[0]);
    assert.deepEqual(take(), ['abandon 192.0.2.1']);
    attempts.closed(opened[1]);
    assert.deepEqual(take(), ['udp closed']);
  });

  test('all keep the process alive or not, and all tell their keys', (t) => {
    const { attempts, take, tick } = start(t, ['192.0.2.1', '192.0.2.2']);
    tick(250);
    take();
    attempts.setReferenced(false);
    attempts.logKeys();
    assert.deepEqual(take(), [
      '192.0.2.1 referenced false',
      '192.0.2.2 referenced false',
      'first logs true',
      'made 1 logs true',
    ]);
    attempts.bound({ address: 'x' });
    assert.deepEqual(take(), ['bound x']);
    attempts.close();
    assert.deepEqual(take(), ['abandon 192.0.2.1', 'abandon 192.0.2.2']);
  });

  test('have not begun when their keys are wanted already', (t) => {
    const log = [];
    const attempts = new Attempts({}, { endpoint: { logKeys: (on) => log.push(on) }, makeEndpoint: null, open: null });
    attempts.logKeys();
    assert.deepEqual(log, [true]);
    attempts.close();
    t.mock.timers.enable({ apis: ['setTimeout'] });
  });

  test('is one alone without any timer', (t) => {
    const { take, tick, attempts } = start(t, ['192.0.2.1']);
    take();
    assert.equal(attempts._timers.length, 0);
    tick(1000);
    assert.deepEqual(take(), []);
  });
});
