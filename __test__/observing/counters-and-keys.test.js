'use strict';

// Counters, exported keys and names by themselves.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { openMetrics } = require('../..');
const { suiteName, opensslName, suiteVersion } = require('../../lib/ciphers');
const { exportKeyingMaterial } = require('../../lib/exporter');
const { nameFor, nameOf } = require('../../lib/fleet/names');
const { NO_TALLY, connectionStats } = require('../../lib/stats');

describe('names', () => {
  test('of suites are of both registries, and a number where nobody has one', () => {
    assert.equal(suiteName(0xc0a8), 'TLS_PSK_WITH_AES_128_CCM_8');
    assert.equal(suiteName(0x0ab), '0x00ab');
    assert.equal(suiteName(0xfeed), '0xfeed');
    assert.equal(opensslName('TLS_PSK_WITH_AES_128_CCM_8'), 'PSK-AES128-CCM8');
    assert.equal(opensslName('x'), 'x');
    assert.deepEqual(['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_AES_128_GCM_SHA256'].map(suiteVersion), [
      'DTLSv1.2',
      'DTLSv1.3',
    ]);
  });

  test('in the store of a fleet are connection IDs, or addresses', () => {
    const remote = { address: '192.0.2.1', port: 7 };
    assert.equal(nameFor(Buffer.from([1, 0xff]), remote), 'id:01ff');
    assert.equal(nameFor(Buffer.alloc(0), remote), '192.0.2.1:7');
    assert.equal(nameFor(undefined, remote), '192.0.2.1:7');
    assert.equal(nameOf({ connectionId: Buffer.from([1]), remoteAddress: 'x', remotePort: 1 }), 'id:01');
    assert.equal(nameOf({ connectionId: undefined, remoteAddress: '::1', remotePort: 1 }), '::1:1');
  });
});

describe('exported keys', () => {
  const socket = { connected: true, _handle: 7, _endpoint: { native: { exportKeyingMaterial: (...args) => args } } };
  const exported = (...args) => exportKeyingMaterial(socket, ...args);

  test('have a length, a label and perhaps a context', () => {
    assert.deepEqual(exported(1, 'l'), [7, 1, Buffer.from('l'), undefined]);
    assert.deepEqual(exported(65_536, 'l', new Uint8Array(2)), [7, 65_536, Buffer.from('l'), Buffer.alloc(2)]);
    const message = (...args) => {
      try {
        exported(...args);
      } catch (error) {
        return error.message;
      }
      return assert.fail('nothing was thrown');
    };
    for (const length of [0, 65_537]) assert.match(message(length, 'l'), />= 1 && <= 65536\. Received/);
    for (const label of ['', 'a\0'])
      assert.equal(message(1, label), 'The "label" argument must have bytes other than 0');
    assert.match(message(1, 5), /^The "label" argument must be of type string/);
    for (const context of ['text', null, 5]) {
      assert.match(
        message(1, 'l', context),
        /^The "context" argument must be an instance of Buffer, TypedArray or DataView\. Received/,
      );
    }
  });

  test('are of a connection that is open, and fail as its engine does', () => {
    assert.throws(() => exportKeyingMaterial({ connected: false }, 1, 'l'), {
      code: 'ERR_TLS_INVALID_STATE',
      message: 'There is no connection to export keys from',
    });
    const native = {
      exportKeyingMaterial() {
        throw Object.assign(new Error('no'), { code: 'ERR_DTLS_X' });
      },
    };
    assert.throws(() => exportKeyingMaterial({ ...socket, _endpoint: { native } }, 1, 'l'), {
      code: 'ERR_DTLS_X',
      name: 'DtlsError',
    });
  });
});

describe('counters', () => {
  test('of a connection without one are zeros, and no time', () => {
    const { roundTripTime, ...counts } = connectionStats(NO_TALLY);
    assert.equal(roundTripTime, undefined);
    assert(Object.values(counts).every((count) => count === 0) && Object.keys(counts).length === 6);
    assert.equal(Object.getPrototypeOf(connectionStats(NO_TALLY)), null);
    assert.deepEqual(connectionStats(NO_TALLY.toString('latin1')), connectionStats(NO_TALLY));
    const written = Buffer.from(NO_TALLY);
    for (let at = 0; at < written.length; at += 8) written.writeDoubleLE(at + 1, at);
    assert.deepEqual(
      Object.values(connectionStats(written)).toSorted((a, b) => a - b),
      [1, 9, 17, 25, 33, 41, 49],
    );
  });

  test('are families of samples, with escaped labels and bounds in seconds', () => {
    class Counted {
      constructor(sent) {
        this.sent = sent;
      }
      get stats() {
        return {
          datagramsReceived: 1,
          datagramsSent: this.sent,
          drops: { mac: 4 },
          ends: {},
          errors: {},
          connections: 5,
          handshakeTimes: { bounds: [2.5, 1000], counts: [1, 2, 3], sum: 1500 },
          roundTrips: { bounds: [], counts: [0], sum: 0 },
        };
      }
    }
    const lines = openMetrics(new Counted(2)).split('\n');
    const start = lines.indexOf('# TYPE mbed_dtls_datagrams_sent counter');
    assert.deepEqual(lines.slice(start, start + 3), [
      '# TYPE mbed_dtls_datagrams_sent counter',
      '# HELP mbed_dtls_datagrams_sent Datagrams to the UDP socket.',
      'mbed_dtls_datagrams_sent_total 2',
    ]);
    assert(lines.includes('# UNIT mbed_dtls_datagram_sent_bytes bytes'));
    assert(lines.includes('mbed_dtls_drops_total{reason="mac"} 4'));
    assert(lines.includes('# TYPE mbed_dtls_connections gauge') && lines.includes('mbed_dtls_connections 5'));
    const histogram = lines.indexOf('# TYPE mbed_dtls_handshake_duration_seconds histogram');
    assert.deepEqual(lines.slice(histogram, histogram + 8), [
      '# TYPE mbed_dtls_handshake_duration_seconds histogram',
      '# UNIT mbed_dtls_handshake_duration_seconds seconds',
      '# HELP mbed_dtls_handshake_duration_seconds Duration of completed handshakes.',
      'mbed_dtls_handshake_duration_seconds_bucket{le="0.0025"} 1',
      'mbed_dtls_handshake_duration_seconds_bucket{le="1.0"} 3',
      'mbed_dtls_handshake_duration_seconds_bucket{le="+Inf"} 6',
      'mbed_dtls_handshake_duration_seconds_count 6',
      'mbed_dtls_handshake_duration_seconds_sum 1.5',
    ]);
    assert.deepEqual(lines.slice(-2), ['# EOF', '']);
    const named = openMetrics({ 'a"\\\n': new Counted(3), b: new Counted(4) });
    assert(named.includes('mbed_dtls_datagrams_sent_total{endpoint="a\\"\\\\\\n"} 3\n'));
    assert(named.includes('mbed_dtls_drops_total{endpoint="b",reason="mac"} 4\n'));
    const message = (source) => {
      try {
        openMetrics(source);
      } catch (error) {
        return error.message;
      }
      return assert.fail('nothing was thrown');
    };
    assert.equal(
      message(null),
      'The "source" argument must be a server, a client, or an object of them. Received null',
    );
    assert.match(message(5), /Received type number \(5\)$/);
    assert.equal(message({}), 'The "source" argument must have at least one server or client');
    assert.equal(
      message({ a: { stats: {} } }),
      'The "source.a" property must be a server or a client. Received an instance of Object',
    );
    assert.equal(
      message({ stats: { datagramsReceived: 1 } }),
      'The "source.stats" property must be a server or a client. Received an instance of Object',
    );
  });
});
