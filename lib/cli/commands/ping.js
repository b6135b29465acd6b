'use strict';

// mbed-dtls ping: how long handshakes and round trips take, and how many messages are lost.

const { randomBytes } = require('node:crypto');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');

const { constants } = require('../../..');
const { address, formatAddress, seconds, whole } = require('../arguments');
const { TIMEOUT_OPTION, close, describe, describeInWords, handshakeTimeout, judged, open } = require('../connection');
const { CLIENT_OPTIONS, HELP: CREDENTIALS, clientCredentials } = require('../credentials');
const { EXIT, Failure, UsageError } = require('../failures');
const { counted, inMilliseconds, spread } = require('../measures');

const USAGE = 'HOST:PORT [OPTIONS]';
const HELP = `usage: mbed-dtls ping ${USAGE}

Connects, sends messages that the server echoes, and measures. A server that
does not echo can be measured with --count 0, or with --coap if it has CoAP.

${CREDENTIALS}
  --psk-identity ID  which of the keys in --psk is ours
  --servername NAME  name that the server's certificate must have
  --insecure         accept any server
  --count N          messages (5); with 0 only the handshake is measured
  --handshakes N     connections, one after the other; the last one pings (1)
  --interval SECONDS between messages (0.2)    --size BYTES of a message (32)
  --wait SECONDS     time for an answer (1)    --timeout SECONDS handshake (10)
  --coap             send CoAP pings (RFC 7252)   --json  print one JSON object

It exits with 1 if there is no connection, or if no message is answered.`;

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...TIMEOUT_OPTION,
  count: { type: 'string' },
  handshakes: { type: 'string' },
  interval: { type: 'string' },
  size: { type: 'string' },
  wait: { type: 'string' },
  coap: { type: 'boolean' },
};

/** A message begins with a random number and its own. */
const MIN_SIZE = 16;

async function run({ terminal, values, positionals, stop }) {
  const remote = address(positionals[0], { needsHost: true });
  const pings = {
    count: whole(values, 'count', { least: 0, most: 1e6, otherwise: 5 }),
    interval: seconds(values, 'interval', { least: 0, most: 3600, otherwise: 0.2 }),
    wait: seconds(values, 'wait', { least: 0.001, most: 3600, otherwise: 1 }),
    makeMessage: messages(values),
  };
  const handshakes = whole(values, 'handshakes', { least: 1, most: 1e6, otherwise: 1 });
  const timeout = handshakeTimeout(values);
  const options = { ...remote, handshakeTimeout: timeout, ...clientCredentials(values, terminal) };
  const peer = formatAddress(remote.host, remote.port);

  const handshakeTimes = [];
  let client;
  while (handshakeTimes.length < handshakes && !(client && stop.aborted)) {
    if (client !== undefined) await close(client);
    terminal.progress(`handshake ${handshakeTimes.length + 1} of ${handshakes}`);
    client = await open(options, stop);
    handshakeTimes.push(client.handshakeTime);
  }
  const agreed = describe(client);
  const words = describeInWords(client, terminal);
  if (pings.count === 0) await judged(client);
  const outcome = await exchange(client, pings, { terminal, stop });
  await close(client);

  const { sent, strange, times } = outcome;
  const handshake = { count: handshakeTimes.length, ...spread(handshakeTimes) };
  const roundTrip = {
    sent,
    answered: times.length,
    strange,
    loss: sent === 0 ? 0 : 1 - times.length / sent,
    ...spread(times),
  };
  const lines = [`${peer}: ${words}`, `handshakes   ${handshake.count}, min/median/max ${inMilliseconds(handshake)}`];
  if (sent > 0) lines.push(`round trips  ${describeRoundTrips(roundTrip)}`);
  if (outcome.failure === null && (sent === 0 || times.length > 0)) {
    terminal.result({ peer, ...agreed, handshake, roundTrip }, lines.join('\n'));
    return EXIT.OK;
  }
  // In DTLS 1.3 a server that does not let us in says so when we seem to be connected, and nothing was measured then.
  const isRefused = outcome.failure?.code === 'ERR_DTLS_ALERT_RECEIVED' && times.length === 0;
  if (!terminal.isJson && !isRefused) terminal.line(lines.join('\n'));
  if (outcome.failure !== null) throw outcome.failure;
  const advice = 'Use --count 0 for a server that does not echo, or --coap if it speaks CoAP.';
  throw new Failure(`none of ${sent} messages was answered${strange ? ' by an echo' : ''}`, advice);
}

/** Sends the messages at their times, and matches answers to them. */
async function exchange(client, { count, interval, wait, makeMessage }, { terminal, stop }) {
  const times = [];
  const waiting = new Map();
  let sent = 0;
  let strange = 0;
  let failure = null;
  let allAnswered = () => {};
  const over = new AbortController();
  const finish = () => over.abort();
  client.on('error', (error) => {
    failure = error;
    finish();
  });
  client.on('close', () => {
    if (!stop.aborted && failure === null) failure = new Failure('the server has closed the connection');
    finish();
  });
  client.on('data', (message) => {
    const answer = message.toString('latin1');
    const began = waiting.get(answer);
    // It may also have come twice.
    if (began === undefined) {
      strange += 1;
      return;
    }
    waiting.delete(answer);
    const time = performance.now() - began;
    if (time <= wait) times.push(time);
    terminal.progress(`${times.length} of ${sent} answered, ${time.toFixed(2)} ms`);
    if (waiting.size === 0) allAnswered();
  });
  stop.addEventListener('abort', finish);
  if (stop.aborted) finish();

  const pause = (time) => sleep(time, undefined, { signal: over.signal }).catch(() => {});
  while (sent < count && !over.signal.aborted) {
    if (sent > 0) await pause(interval);
    if (over.signal.aborted) break;
    const { message, answer } = makeMessage(sent);
    waiting.set(answer.toString('latin1'), performance.now());
    sent += 1;
    client.write(message);
  }
  if (waiting.size > 0) {
    await Promise.race([pause(wait), new Promise((resolve) => (allAnswered = resolve))]);
  }
  finish();
  stop.removeEventListener('abort', finish);
  return { sent, strange, times, failure };
}

/** How the messages look, and the answers to them. */
function messages({ coap, size: given }) {
  const size = whole({ size: given }, 'size', { least: MIN_SIZE, most: constants.MAX_MESSAGE_LENGTH, otherwise: 32 });
  if (!coap) {
    const start = randomBytes(4).toString('hex');
    return (number) => {
      const message = Buffer.alloc(size, '.');
      message.write(`${start} ${String(number).padStart(7, '0')}`);
      return { message, answer: message };
    };
  }
  if (given !== undefined) throw new UsageError('--coap and --size exclude each other: a CoAP ping has 4 bytes');
  const start = randomBytes(2).readUInt16BE();
  return (number) => {
    const id = (start + number) & 0xffff;
    // An empty confirmable message is answered with a reset.
    const [message, answer] = [0x40, 0x70].map((type) => Buffer.from([type, 0, id >> 8, id & 0xff]));
    return { message, answer };
  };
}

function describeRoundTrips({ sent, answered, loss, strange, ...times }) {
  const parts = [`${sent} sent, ${answered} answered, ${(loss * 100).toFixed(loss > 0 && loss < 0.1 ? 1 : 0)} % lost`];
  if (answered > 0) parts.push(`min/median/max ${inMilliseconds(times)}`);
  if (strange > 0) parts.push(`${counted(strange, 'other datagram')} came`);
  return parts.join(', ');
}

module.exports = { HELP, OPTIONS, POSITIONALS: [1, 1], USAGE, run };
