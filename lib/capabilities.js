'use strict';

// What this build can do. The compiled engine says so, and nothing of it is listed here.

const native = require('./native');

const { ciphers, curves, ...tables } = native.Capabilities.read();

/** @returns {string[]} cipher suites of all versions by OpenSSL's name, best first; any of them fits `ciphers` */
function getCiphers() {
  return ciphers.map(({ name }) => name);
}

/** @returns {string[]} groups on offer for ECDHE, best first; any of them fits `ecdhCurve` */
function getCurves() {
  return [...curves];
}

/** Limits, numbers of alerts, and Mbed TLS's error numbers, by their names. */
const constants = table(tables.constants);

/** Versions of the package and of what is compiled into it, by their names. */
const versions = table(tables.versions);

function table(entries) {
  const sorted = Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.freeze(Object.assign({ __proto__: null }, Object.fromEntries(sorted)));
}

module.exports = { constants, getCiphers, getCurves, versions };
