'use strict';

// Two families of errors: a DtlsError is about a connection or about key material; a TypeError or RangeError with one
// of Node's own codes is about an argument. Codes are permanent, messages are not.

const { inspect } = require('node:util');

/**
 * A failure between two DTLS peers, or of the key material. Code that expects numbers or texts in its place has a profile
 * in lib/adapters.
 *
 * @property {string} code permanent name of the failure, 'ERR_DTLS_...' or node:tls's own code where it has one
 * @property {number} errno Mbed TLS's negative number, 0 when Mbed TLS had no part in it
 * @property {number} [alert] number of the TLS alert that was sent or received
 * @property {string} [address] address of the peer
 * @property {number} [port] UDP port of the peer
 * @property {Buffer} [pskIdentity] identity that the peer claims; nobody has proved it
 * @property {string} [subject] subject of the certificate that the peer shows; nobody has proved that it is the peer's
 * @property {Buffer} [publicKey] public key that the peer shows, SubjectPublicKeyInfo in DER; the same holds
 * @property {Error} [cause] what led to it
 */
class DtlsError extends Error {
  constructor(message, { code = 'ERR_DTLS_INTERNAL', errno = 0, alert, address, port, claim, cause } = {}) {
    super(message);
    this.code = code;
    this.errno = errno;
    // What is unknown stays absent, so that a printed error shows only what is known.
    if (alert !== undefined) this.alert = alert;
    if (address !== undefined) this.address = address;
    if (port !== undefined) this.port = port;
    Object.assign(this, claim);
    if (cause !== undefined) defineHidden(this, 'cause', cause);
  }
}

// The name is on the prototype, like that of Error: console.log then prints it once.
defineHidden(DtlsError.prototype, 'name', 'DtlsError');

/**
 * Makes a DtlsError of an Error that the native layer threw, or of the error part of its 'closed' event.
 *
 * @param {{ message: string, code?: string, errno?: number, alert?: number }} native
 * @param {{ address?: string, port?: number, claim?: object, cause?: Error }} [context]
 * @returns {DtlsError}
 */
function fromNative(native, context = {}) {
  const { code, errno, alert } = native;
  return new DtlsError(native.message, { code, errno, alert, ...context });
}

/** @returns {DtlsError} with Node's code, for a peer that cannot be there, as the system or ICMP says */
function unreachable(cause, { address, port }) {
  // Windows tells a UDP socket in this way that a port is closed.
  const code = cause.code === 'ECONNRESET' ? 'ECONNREFUSED' : cause.code;
  const what = {
    ECONNREFUSED: `Nobody listens at ${address} on UDP port ${port}`,
    EHOSTUNREACH: `The host ${address} cannot be reached`,
    ENETUNREACH: `There is no route to the network of ${address}`,
  };
  return new DtlsError(`${what[code]} (${code})`, { code, address, port, cause });
}

/** @returns {TypeError} ERR_INVALID_ARG_TYPE. With `secret`, the message names the type of the value only. */
function invalidArgType(name, expected, actual, { secret = false } = {}) {
  return coded(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The ${nameArgument(name)} must be ${expected}. Received ${describeType(actual, secret)}`,
    invalidArgType,
  );
}

/** @returns {RangeError} ERR_OUT_OF_RANGE */
function outOfRange(name, range, received) {
  return coded(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${received}`,
    outOfRange,
  );
}

/** @returns {TypeError} ERR_INVALID_ARG_VALUE. `reason` continues after the name: 'is not a known option'. */
function invalidArgValue(name, reason) {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The ${nameArgument(name)} ${reason}`, invalidArgValue);
}

/** @returns {TypeError} ERR_MISSING_OPTION */
function missingOption(name, reason) {
  return coded(TypeError, 'ERR_MISSING_OPTION', `${name} is required${reason ? `: ${reason}` : ''}`, missingOption);
}

/** @returns {TypeError} ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS */
function alpnCallbackWithProtocols() {
  const message = 'The ALPNCallback and ALPNProtocols TLS options are mutually exclusive';
  return coded(TypeError, 'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS', message, alpnCallbackWithProtocols);
}

/** @returns {TypeError} ERR_TLS_ALPN_CALLBACK_INVALID_RESULT */
function alpnInvalidResult(answer, protocols) {
  const offered = quote(protocols.join(', '));
  const message = `ALPNCallback answered ${quote(answer)}, which is none of the client's protocols: ${offered}`;
  return coded(TypeError, 'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT', message, alpnInvalidResult);
}

/** @returns {Error} with one of Node's codes, for a call that does not fit the state of its object */
function stateError(code, message) {
  return coded(Error, code, message, stateError);
}

function coded(Base, code, message, factory) {
  const error = new Base(message);
  error.code = code;
  // The stack starts at the caller that checks, not at the function that words the message.
  Error.captureStackTrace(error, factory);
  return error;
}

/** Node calls a member of an options object a property, and anything else an argument. */
function nameArgument(name) {
  return `"${name}" ${name.includes('.') ? 'property' : 'argument'}`;
}

function describeType(value, secret) {
  if (value == null) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    const className = value.constructor?.name;
    return className ? `an instance of ${className}` : 'an object without prototype';
  }
  return secret ? `type ${typeof value}` : `type ${typeof value} (${quote(value)})`;
}

/** The message of what has been thrown, which is not always an Error. */
function messageOf(thrown) {
  return typeof thrown?.message === 'string' ? thrown.message : inspect(thrown);
}

/** A short printable form of a value. */
function quote(value) {
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > 28 ? `${text.slice(0, 25)}...` : text;
}

function defineHidden(target, property, value) {
  Object.defineProperty(target, property, { value, writable: true, configurable: true, enumerable: false });
}

module.exports = {
  DtlsError,
  alpnCallbackWithProtocols,
  alpnInvalidResult,
  fromNative,
  invalidArgType,
  invalidArgValue,
  messageOf,
  missingOption,
  outOfRange,
  quote,
  stateError,
  unreachable,
};
