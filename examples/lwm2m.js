'use strict';

// LwM2M over coaps: a device registers at a server, which then reads the device and observes it, over the connection that
// the device has opened. Both live in this one process, which ends by itself. It needs the npm package coap: npm install coap
//
//   node examples/lwm2m.js

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const coap = require('coap');

const { createDgramSocket } = require('..');

const NAME = 'sensor-1';
const KEY = 'secretPSK';

/** The resources of the device. 3303 is the object of a temperature sensor, and 5700 its value. */
const RESOURCES = new Map([
  ['/3/0/0', () => 'a small factory'],
  ['/3303/0/5700', () => (20 + Math.random()).toFixed(1)],
]);

async function main() {
  const serverSocket = createDgramSocket({ psk: { [NAME]: KEY } });
  const agent = new coap.Agent({ socket: serverSocket });
  const server = coap.createServer(async (request, response) => {
    const { address, port, socket } = request.rsinfo;
    const endpoint = new URLSearchParams(request.url.split('?')[1]).get('ep') ?? '';
    // The name that a device gives itself counts only if it is the identity of its key.
    const isAllowed = request.method === 'POST' && endpoint === socket.pskIdentity.toString();
    response.code = isAllowed ? '2.01' : '4.03';
    if (isAllowed) response.setOption('Location-Path', [Buffer.from('rd'), Buffer.from(endpoint)]);
    response.end();
    if (isAllowed) await look(agent, endpoint, { hostname: address, port });
    stop();
  });
  server.listen(serverSocket);
  serverSocket.bind(0, '127.0.0.1');
  await once(serverSocket, 'listening');

  const deviceSocket = createDgramSocket({ client: { psk: KEY, pskIdentity: NAME } });
  const device = coap.createServer(answer);
  device.listen(deviceSocket);
  const registration = new coap.Agent({ socket: deviceSocket }).request({
    hostname: '127.0.0.1',
    port: serverSocket.address().port,
    method: 'POST',
    pathname: '/rd',
    query: `ep=${NAME}&lt=300&lwm2m=1.1&b=U`,
  });
  registration.on('response', ({ code }) => console.log(`device: registered with ${code}`));
  registration.end('</3/0>,</3303/0>');

  async function stop() {
    // node-coap acknowledges some messages later.
    await sleep(200);
    for (const part of [device, deviceSocket, server, serverSocket]) part.close();
  }
}

/** What the device answers. Somebody who observes gets three values. */
async function answer(request, response) {
  const value = RESOURCES.get(request.url);
  if (value === undefined) {
    response.code = '4.04';
    response.end();
    return;
  }
  if (request.headers.Observe === 0) {
    for (let time = 0; time < 2; time++) {
      response.write(value());
      await sleep(100);
    }
  }
  response.end(value());
}

/** What the server does with a device. */
async function look(agent, endpoint, remote) {
  const ask = (options) =>
    new Promise((resolve, reject) => {
      agent
        .request({ ...remote, ...options })
        .on('response', resolve)
        .on('error', reject)
        .end();
    });
  const maker = await ask({ pathname: '/3/0/0' });
  console.log(`server: ${endpoint} is made by ${maker.payload}`);
  let values = 0;
  for await (const value of await ask({ pathname: '/3303/0/5700', observe: true })) {
    console.log(`server: ${endpoint} has ${value} degrees`);
    if (++values === 3) break;
  }
}

main();
