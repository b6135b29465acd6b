'use strict';

// Options about what is remembered of handshakes, in node:tls's words where it has them.

const { invalidArgType, invalidArgValue } = require('../errors');
const { boolean, copyBytes, integer } = require('./validate');

/** Bytes of a key of tickets, as in node:tls: 16 of its name and 32 of its secret. */
const TICKET_KEY_LENGTH = 48;

/** Keys of tickets that can be there at a time. */
const MAX_TICKET_KEYS = 16;

/** Seconds; no session lives longer in TLS 1.3 either (RFC 8446, section 4.6.1). */
const MAX_SESSION_TIMEOUT = 7 * 86_400;

const MAX_COUNT = 2 ** 31 - 1;

const SERVER = {
  sessionTimeout: integer(0, MAX_SESSION_TIMEOUT),
  ticketKeys,
  sessionStore,
  maxSessions: integer(0, MAX_COUNT),
  pskSessions: boolean,
};

/** What a client resumes. Bytes that cannot be used lead to a full handshake, and to no error. */
const CLIENT = { session: secretBytes };

/**
 * @param {object} all options of a server
 * @returns {object | undefined} for the addon; undefined when the server remembers nothing
 */
function rememberedSessions({ sessionTimeout, ticketKeys: keys, sessionStore: store, maxSessions, pskSessions }) {
  if (sessionTimeout === 0) return undefined;
  // Where the application keeps sessions, it can end each of them. Nobody can do that to a ticket.
  const sessions = { __proto__: null, lifetime: sessionTimeout, psk: pskSessions, tickets: store === undefined };
  if (keys !== undefined) sessions.ticketKeys = keys;
  if (store === undefined) sessions.kept = maxSessions;
  return sessions;
}

/** Keys of tickets, one behind the other. */
function ticketKeys(value, name) {
  const keys = secretBytes(value, name);
  const count = keys.length / TICKET_KEY_LENGTH;
  if (!Number.isInteger(count) || count < 1 || count > MAX_TICKET_KEYS) {
    const reason = `must have ${TICKET_KEY_LENGTH} bytes for each of 1 to ${MAX_TICKET_KEYS} keys`;
    throw invalidArgValue(name, `${reason}. Received ${keys.length} bytes`);
  }
  return keys;
}

/** A Map is one. */
function sessionStore(value, name) {
  for (const method of ['get', 'set', 'delete']) {
    if (typeof value?.[method] !== 'function') {
      throw invalidArgType(name, 'an object with the functions get, set and delete', value);
    }
  }
  return value;
}

/** A copy, whose contents no error prints. */
function secretBytes(value, name) {
  const bytes = typeof value === 'string' ? null : copyBytes(value);
  if (bytes !== null) return bytes;
  throw invalidArgType(name, 'an instance of Buffer, TypedArray, or DataView', value, { secret: true });
}

module.exports = { CLIENT, SERVER, rememberedSessions, ticketKeys };
