'use strict';

// The arguments of commands, read by util.parseArgs and checked.

const { parseArgs } = require('node:util');

const { UsageError } = require('./failures');

const COMMON = { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } };

/**
 * @param {string} name of the command
 * @param {{ OPTIONS: object, POSITIONALS: [number, number], USAGE: string }} command its options in parseArgs's form, how
 *   many other arguments it takes at least and at most, and their form
 */
function parse(name, { OPTIONS, POSITIONALS: [least, most], USAGE }, args) {
  let parsed;
  try {
    parsed = parseArgs({ args, options: { ...COMMON, ...OPTIONS }, allowPositionals: true });
  } catch (error) {
    // What follows explains how an argument that begins with a dash is given.
    throw new UsageError(error.message.split(/\. To specify|\n/)[0]);
  }
  const { values, positionals } = parsed;
  if (!values.help && (positionals.length < least || positionals.length > most)) {
    const problem = positionals.length < least ? 'an argument is missing' : 'there are too many arguments';
    throw new UsageError(`${problem}; the form is mbed-dtls ${name} ${USAGE}`);
  }
  return { values, positionals };
}

/** A whole number from `least` to `most`, or the default if the option is absent. */
function whole(values, name, { least, most, otherwise }) {
  const text = values[name];
  if (text === undefined) return otherwise;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  }
  return number;
}

/** A duration in seconds, which may have a fraction, as milliseconds. */
function seconds(values, name, { least, most, otherwise }) {
  const text = values[name];
  if (text === undefined) return otherwise * 1000;
  const number = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`--${name} takes seconds from ${least} to ${most}, not ${JSON.stringify(text)}`);
  }
  return Math.round(number * 1000);
}

/**
 * 'HOST:PORT' or '[IPv6 address]:PORT'; where the host is optional, 'PORT' alone as well.
 *
 * @returns {{ host: string | undefined, port: number }}
 */
function address(text, { needsHost }) {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const [, bracketed, plain, digits] = match ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const lowest = needsHost ? 1 : 0;
  if (match === null || (needsHost && host === undefined) || port > 65535 || port < lowest) {
    const form = needsHost ? 'HOST:PORT' : '[HOST:]PORT';
    throw new UsageError(
      `${JSON.stringify(text)} is not ${form}`,
      `An example is localhost:5684, or [::1]:5684 for an IPv6 address. Ports go from ${lowest} to 65535.`,
    );
  }
  return { host, port };
}

/** An address as address() reads it. A socket for both families has IPv4 addresses in the form of IPv6. */
function formatAddress(host, port) {
  const plain = host?.replace(/^::ffff:(?=\d+\.)/, '');
  return plain?.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

module.exports = { address, formatAddress, parse, seconds, whole };
