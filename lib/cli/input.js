'use strict';

// What is typed or piped in, as payloads of datagrams: one for each line, or everything as one.

const { constants } = require('../..');
const { UsageError } = require('./failures');

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** @param {boolean} isWhole whether the input up to its end is one datagram */
async function* payloads(stream, isWhole) {
  let pending = Buffer.alloc(0);
  let number = 1;
  for await (const chunk of untilClosed(stream)) {
    pending = Buffer.concat([pending, chunk]);
    for (let end = isWhole ? -1 : pending.indexOf(NEWLINE); end !== -1; end = pending.indexOf(NEWLINE)) {
      const line = pending.subarray(0, pending[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
      pending = pending.subarray(end + 1);
      yield bounded(line, `line ${number} of the input`);
      number += 1;
    }
    bounded(pending, isWhole ? 'the input' : `line ${number} of the input`);
  }
  if (pending.length > 0) yield pending;
}

/** A terminal that closes is the end of its input. */
async function* untilClosed(stream) {
  try {
    yield* stream;
  } catch (error) {
    if (error.syscall !== 'read') throw error;
  }
}

function bounded(payload, name) {
  if (payload.length <= constants.MAX_MESSAGE_LENGTH) return payload;
  throw new UsageError(
    `${name} has more than ${constants.MAX_MESSAGE_LENGTH} bytes, the most that a datagram of DTLS can hold`,
    'Send it in several datagrams.',
  );
}

module.exports = { payloads };
