'use strict';

// A coaps server as its users write it: node-coap, unchanged, over createDgramSocket().

const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { createDgramSocket } = require('../..');
const { HOST, event } = require('./endpoints.js');
const { MODULES, lacking } = require('./npm-project.js');

const missing = lacking('coap');
const coap = missing ? undefined : require(path.join(MODULES, 'coap'));

const PSK = { dev: 'secretPSK' };
const DEVICE = { psk: 'secretPSK', pskIdentity: 'dev' };
const BLOCKS = 'four thousand bytes and more '.repeat(150);

/** A coaps server with the resources of these tests, on a port of the system's choice. */
async function startGateway(t, socket = createDgramSocket({ psk: PSK })) {
  const gateway = { port: 0, stored: '', requests: 0, isClosed: false };
  const server = coap.createServer({ piggybackReplyMs: 20 }, (request, response) => {
    gateway.requests++;
    answer(gateway, request, response);
  });
  server.listen(socket);
  socket.bind(0, HOST);
  t.after(async () => {
    // node-coap acknowledges some messages later, and would do so on a closed socket.
    await sleep(100);
    gateway.isClosed = true;
    server.close();
    socket.close();
  });
  await event(socket, 'listening');
  gateway.port = socket.address().port;
  return gateway;
}

async function answer(gateway, request, response) {
  switch (`${request.method} ${request.url}`) {
    case 'GET /who':
      response.end(`${request.rsinfo.socket.pskIdentity}`);
      break;
    case 'GET /blocks':
      response.end(BLOCKS);
      break;
    case 'PUT /blocks':
      gateway.stored = `${request.payload}`;
      response.code = '2.04';
      response.end();
      break;
    case 'GET /late':
      await sleep(200);
      response.end('better late than never');
      break;
    case 'GET /clock':
      // It is the last tick for whoever does not want to observe any longer.
      for (let tick = 1; tick <= 3 && request.headers.Observe === 0 && !gateway.isClosed; tick++) {
        response.write(`tick ${tick}\n`);
        await sleep(50);
      }
      if (!gateway.isClosed) response.end('last tick\n');
      break;
    default:
      response.code = '4.04';
      response.end();
  }
}

module.exports = { BLOCKS, DEVICE, PSK, coap, missing, startGateway };
