'use strict';

// Run in a network namespace of its own by congestion.test.js: a server writes to a peer on a link where nobody answers
// (10.77.0.2), so that the system holds what it is given until it takes no more. Prints what became of the writes.

const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('../..');
const { SAVED, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(SAVED);

const COUNT = 8;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };

async function main() {
  // The smallest buffer that Linux grants.
  const server = createServer({ psk: { bob: PSK.psk }, sendBufferSize: 4608 });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const client = connect({ host: '127.0.0.1', port: server.address().port, ...PSK });
  const [socket] = await once(server, 'secureConnection');
  const { session } = socket;
  socket.destroy();
  await once(client, 'close');

  if (!server.resumeSocket({ address: '10.77.0.2', port: 5684 }, session)) throw new Error('not resumed');
  const away = Object.values(server.sockets)[0];
  const queued = () => server.dgramSocket.getSendQueueCount();
  let written = 0;
  for (let index = 0; index < COUNT; index++) {
    away.write(Buffer.alloc(1000), (error) => {
      if (error) throw error;
      written++;
    });
  }
  const longest = queued();

  // The datagrams of another peer wait behind those, and arrive.
  const friend = connect({ host: '127.0.0.1', port: server.address().port, ...PSK });
  friend.on('data', () => {});
  const [near] = await once(server, 'secureConnection');
  near.write('hello');
  await once(friend, 'data');

  while (written < COUNT || queued() > 0) await sleep(20);
  near.write('hello again');
  await once(friend, 'data');
  console.log(JSON.stringify({ written, longest, left: queued() }));
  friend.destroy();
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
