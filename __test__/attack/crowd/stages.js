'use strict';

// Where in its handshake a client can stop that has proved its address. Each function goes so far, and no further.

const { setTimeout: sleep } = require('node:timers/promises');

const { Client } = require('../engine/client.js');
const { fragment } = require('../engine/handshake.js');
const { HANDSHAKE } = require('../engine/record.js');

/** The identity whose key the server's application looks up for ever. */
const NEVER_FOUND = 'nobody answers';

/** Bytes of a ClientHello's body up to the end of its cookie. */
const HALF_A_HELLO = 2 + 32 + 1 + 1;

const STAGES = {
  'half a hello': async (address, port, host) => {
    const client = new Client();
    // A cookie for a hello in fragments is given to one in fragments.
    const half = () => {
      const message = client.helloMessage();
      return client.plaintext(HANDSHAKE, fragment(message, 0, HALF_A_HELLO + client.cookie.length));
    };
    await address.send(half(), port, host);
    await address.listen(client, () => client.cookie.length > 0, 'cookie');
    await address.send(half(), port, host);
  },
  "the server's flight": async (address, port, host) => {
    await address.greet(port, new Client(), host);
  },
  'half a message': async (address, port, host) => {
    const client = new Client();
    await address.greet(port, client, host);
    await address.send(client.plaintext(HANDSHAKE, fragment(client.keyExchangeMessage(), 0, 2)), port, host);
  },
  ClientKeyExchange: async (address, port, host) => {
    const client = new Client();
    await address.greet(port, client, host);
    await address.send(client.keyExchange(), port, host);
  },
  ChangeCipherSpec: async (address, port, host) => {
    const client = new Client();
    await address.greet(port, client, host);
    await address.send(Buffer.concat([client.keyExchange(), client.changeCipherSpec()]), port, host);
  },
  'an unanswered look-up': async (address, port, host) => {
    const client = new Client({ identity: NEVER_FOUND });
    await address.greet(port, client, host);
    await address.send(client.keyExchange(), port, host);
  },
};

/** Between two bytes of a message that drips, ms. */
const DRIP = 200;

/** The same of those who never stop, and never come to an end in time. */
const DRIPS = {
  'a message, byte by byte': async (address, port, host) => {
    const client = new Client({ identity: 'a name that takes its time' });
    await address.greet(port, client, host);
    const message = client.keyExchangeMessage();
    for (let at = 0; at + 1 < message.length; at++) {
      await address.send(client.plaintext(HANDSHAKE, fragment(message, at, at + 1)), port, host);
      await sleep(DRIP);
    }
  },
};

module.exports = { DRIPS, NEVER_FOUND, STAGES };
