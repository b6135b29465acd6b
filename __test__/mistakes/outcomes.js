'use strict';

// What somebody hears who makes a mistake: lines 'who: code: message', without what differs from run to run.

const dgram = require('node:dgram');

const { connect, createServer } = require('../..');

const HOST = '127.0.0.1';

/** How long a side that is never told anything waits, ms. */
const PATIENCE = 400;

/** What the call throws. */
function thrown(act) {
  try {
    act();
  } catch (error) {
    return [line('thrown', error)];
  }
  return ['nothing is thrown'];
}

/** What server and client hear of a handshake between them. */
async function handshake(serverOptions, clientOptions, { act = () => {}, wait = 2000 } = {}) {
  const server = createServer({ handshakeTimeout: wait, ...serverOptions });
  await new Promise((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address();
  const client = connect({ port, host: HOST, handshakeTimeout: wait, ...clientOptions });
  const lines = [];
  const overOnServer = new Promise((resolve) => {
    server.on('clientError', (error) => resolve(lines.push(line('server', error))));
    server.on('secureConnection', (socket) => {
      act(socket, lines);
      resolve();
    });
  });
  const overOnClient = new Promise((resolve) => {
    client.on('error', (error) => resolve(lines.push(line('client', error))));
    client.on('secureConnect', () => {
      lines.push('client: it is connected');
      resolve();
    });
  });
  // A server's handshake begins after its client's, and ends after it where both give up.
  await Promise.all([Promise.race([overOnServer, later(Math.max(wait, 2000))]), overOnClient]);
  await later(20);
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
  return lines.sort().map((text) => text.replaceAll(String(port), 'PORT'));
}

/** What a client hears whose server is a UDP socket that answers each datagram with these. */
async function impostor(answers, clientOptions = { psk: 'secret', pskIdentity: 'bob' }) {
  const udp = dgram.createSocket('udp4');
  udp.on('message', (datagram, { port, address }) => {
    for (const answer of answers(datagram)) udp.send(answer, port, address);
  });
  await new Promise((resolve) => udp.bind(0, HOST, resolve));
  const { port } = udp.address();
  const lines = await clientAlone({ port, ...clientOptions });
  udp.close();
  return lines.map((text) => text.replaceAll(String(port), 'PORT'));
}

/** What a client hears that nobody serves as it should be served. */
async function clientAlone(options) {
  const client = connect({ host: HOST, psk: 'secret', pskIdentity: 'bob', handshakeTimeout: PATIENCE, ...options });
  const lines = await new Promise((resolve) => {
    client.on('error', (error) => resolve([line('client', error)]));
    client.on('secureConnect', () => resolve(['client: it is connected']));
  });
  client.destroy();
  return lines;
}

function line(who, error) {
  if (!(error instanceof Error)) return `${who}: the string '${error}'`;
  return `${who}: ${error.code}: ${error.message}`;
}

function later(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

module.exports = { HOST, clientAlone, handshake, impostor, later, line, thrown };
