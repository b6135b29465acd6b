'use strict';

// Defaults that tests change before anything else is loaded, to run all that there is both ways.

const defaults = {
  /** UDP sockets of ours are made by the native object, which receives and sends on them, where the system allows it. */
  nativeUdp: true,
};

module.exports = { defaults };
