'use strict';

// The table of pairs: every peer, in every role and scenario that it knows. `npm test` runs the quick ones, `npm run
// interop` all.

const { describe, withDefaults } = require('./scenarios.js');

const PEERS = [
  require('./openssl.js'),
  require('./gnutls.js'),
  ...require('./libcoap.js'),
  ...require('./mbedtls.js'),
  require('./botan.js'),
  require('./nss.js'),
  ...require('./drivers.js'),
];

/** Every pair: { peer, role, scenario, what, quick, title, missing }. */
function pairs() {
  return PEERS.flatMap((peer) => {
    const { version, missing } = peer.probe();
    const pair = (role) => (scenario) => {
      const what = describe(scenario);
      const suite = scenario.suite ?? '';
      const title = [peer.name, role, what, suite].filter(Boolean).join(' | ');
      return { peer, version, role, scenario, what, suite, title, quick: peer.quick === true, missing };
    };
    const of = (role, scenarios = []) => [...scenarios, ...withDefaults(scenarios)].map(pair(role));
    return [...of('client', peer.clients), ...of('server', peer.servers)];
  });
}

module.exports = { PEERS, pairs };
