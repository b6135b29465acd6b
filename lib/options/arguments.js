'use strict';

// The many ways to call listen() and connect(), which are those of node:net and node:dgram, in one form.

const process = require('node:process');

const { invalidArgType, missingOption, stateError } = require('../errors');
const { exportKey } = require('./export-key');
const { abortSignal, boolean, checkOptions, integer, port, string } = require('./validate');

const LISTEN = {
  __proto__: null,
  port: port(0),
  host: string,
  address: string,
  fd: integer(0, 2 ** 31 - 1),
  exclusive: boolean,
  ipv6Only: boolean,
  handover,
  signal: abortSignal,
};

const HANDOVER = { __proto__: null, path: string, key: exportKey };

/** Where a process takes over from its predecessor, and offers itself to its successor. */
function handover(value, name) {
  if (process.platform === 'win32') {
    throw stateError(
      'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
      `The option "${name}" needs Unix sockets that pass descriptors`,
    );
  }
  const { path, key } = checkOptions(value, name, HANDOVER);
  if (path === undefined) throw missingOption(`"${name}.path"`);
  if (key === undefined) throw missingOption(`"${name}.key"`);
  return { path, key };
}

/**
 * listen(), listen(port), listen(port, host), listen(options), each with an optional callback.
 *
 * @param {unknown[]} args
 * @returns {{ port: number, host?: string, fd?: number, exclusive?: boolean, ipv6Only?: boolean, signal?: AbortSignal,
 *   callback?: Function }}
 */
function listenArguments(args) {
  const { positional, callback } = splitCallback(args);
  const [first, second] = positional;
  if (first !== null && typeof first === 'object') {
    const { address, host = address, ...rest } = checkOptions(first, 'options', LISTEN);
    return { __proto__: null, port: 0, ...rest, host, callback };
  }
  return {
    __proto__: null,
    port: first == null ? 0 : port(0)(first, 'port'),
    host: second == null ? undefined : string(second, 'host'),
    callback,
  };
}

/**
 * connect(options), connect(port[, host][, options]), each with an optional callback.
 *
 * @param {unknown[]} args
 * @returns {{ options: object, callback?: Function }} options not checked yet
 */
function connectArguments(args) {
  const { positional, callback } = splitCallback(args);
  const [first, ...others] = positional;
  if (first === undefined) throw missingOption('"options" or "port"');
  if (typeof first === 'object') return { options: first, callback };

  const named = { port: port(1)(first, 'port') };
  if (typeof others[0] === 'string' || others[0] == null) {
    const host = others.shift();
    if (host != null) named.host = host;
  }
  const [options = {}] = others;
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options);
  // The arguments of the call count more than the options, as in node:tls.
  return { options: { ...options, ...named }, callback };
}

/** Trailing undefined arguments count as not given. */
function splitCallback(args) {
  const positional = [...args];
  while (positional.length > 0 && positional.at(-1) === undefined) positional.pop();
  if (typeof positional.at(-1) === 'function') return { callback: positional.pop(), positional };
  return { callback: undefined, positional };
}

module.exports = { connectArguments, listenArguments };
