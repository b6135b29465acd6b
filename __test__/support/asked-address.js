'use strict';

// A program for a network namespace whose loopback has fd00:77::1, fd00:77::2, 10.77.0.1 and 10.77.0.2: clients at the
// first addresses ask a server at the second ones. It prints who has been answered, and the codes of all warnings with
// what had been done when they came.

const dgram = require('node:dgram');

const { connect, createServer } = require('../..');
const { BOB, echo, event } = require('./endpoints.js');

const QUESTIONS = [
  ['fd00:77::1', 'fd00:77::2'],
  ['fd00:77::1', '::1'],
  ['10.77.0.1', '10.77.0.2'],
];

const warnings = [];
process.on('warning', ({ code }) => warnings.push(code));

async function listen(options, ...where) {
  const server = createServer({ psk: { bob: BOB.psk }, ...options }, echo);
  server.listen(...where);
  await event(server, 'listening');
  // Warnings come in a later tick.
  await new Promise(setImmediate);
  return server;
}

/** What comes back, or the code of what has failed. */
async function ask(server, localAddress, host) {
  const client = connect({ ...BOB, host, localAddress, port: server.address().port, handshakeTimeout: 2000 });
  client.write('hello');
  const answer = await Promise.race([event(client, 'data'), event(client, 'error')]);
  client.destroy();
  return answer[0].code ?? answer[0].toString();
}

async function main() {
  const server = await listen({}, 0, '::');
  const answers = await Promise.all(QUESTIONS.map(([from, to]) => ask(server, from, to)));
  const ofOwn = warnings.splice(0);
  const bound = await listen({ socket: dgram.createSocket('udp4') }, 0, '10.77.0.2');
  const ofOneAddress = warnings.splice(0);
  const given = await listen({ socket: dgram.createSocket('udp4') }, 0);
  const others = await listen({ socket: dgram.createSocket('udp4') }, 0);
  for (const each of [server, bound, given, others]) each.close();
  console.log(JSON.stringify({ answers, ofOwn, ofOneAddress, ofTwoGiven: warnings }));
}

main();
