'use strict';

// Run under `ulimit -n` by descriptors.test.js: opens clients until the system has no descriptor left. Prints what became of them.

const { once } = require('node:events');

const { connect, createServer } = require('../../..');
const { BOB, HOST, echo } = require('../../support/endpoints.js');

const MOST = 500;

async function main() {
  const server = createServer({ psk: { bob: BOB.psk } }, echo);
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();

  /** A client with a connection, or the code of its error. */
  const open = () =>
    new Promise((resolve) => {
      const client = connect({ host: HOST, port, ...BOB });
      client.once('secureConnect', () => resolve({ client }));
      client.on('error', ({ code }) => resolve({ code }));
    });
  const clients = [];
  let refusal;
  while (refusal === undefined && clients.length < MOST) {
    const { client, code } = await open();
    if (client !== undefined) clients.push(client);
    refusal = code;
  }

  const other = createServer({ psk: BOB.psk });
  other.listen(0, HOST);
  const [{ code: listening }] = await once(other, 'error');

  const talk = async (client) => {
    client.write('hello');
    return String((await once(client, 'data'))[0]);
  };
  const answers = await Promise.all(clients.map(talk));

  const [first, ...others] = clients;
  first.end();
  await once(first.resume(), 'close');
  const next = await open();
  const answer = await talk(next.client);
  console.log(JSON.stringify({ opened: clients.length, refusal, listening, answers, answer }));
  for (const client of [...others, next.client]) client.destroy();
  server.close();
}

main();
