'use strict';

// What the entries of the forks have in common: createServer() and connect() of this package with one profile.

const { createLegacyServer, legacyConnect } = require('../compat');

/**
 * @param {string} compat the profile
 * @returns {{ createServer: Function, connect: Function }} as the fork exported them
 */
function entry(compat) {
  return {
    createServer: (options, secureConnectionListener) =>
      createLegacyServer({ ...options, compat }, secureConnectionListener),
    connect: (options, secureConnectListener) => legacyConnect({ ...options, compat }, secureConnectListener),
  };
}

module.exports = { entry };
