'use strict';

// Where things are in the memory that the native object shares with JavaScript, as the native side says: what each name
// means stands in src/binding/registers.rs and src/binding/brief.rs.

const native = require('../native');

const { registers, brief, tally } = native.Layout.read();

/** Constants are written in capitals. */
function constants(layout) {
  const name = (camelCase) => camelCase.replace(/[A-Z]/g, '_$&').toUpperCase();
  return Object.fromEntries(Object.entries(layout).map(([key, value]) => [name(key), value]));
}

module.exports = { brief: constants(brief), registers: constants(registers), tally };
