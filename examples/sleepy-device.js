'use strict';

// A device that sleeps: it sends a report, seals its connection into a file, and nothing of it is left in memory. When it wakes, it
// takes the connection from the file and goes on, without a handshake. With connection IDs, the server knows it again at whatever
// address its NAT has given it meanwhile. Server and device live in this one process, which ends by itself.
//
//   node examples/sleepy-device.js

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { connect, createServer, importConnection } = require('..');

const KEY = randomBytes(16);
const HOST = '127.0.0.1';

/** What seals the connection on the device's disk. A device keeps it where it keeps KEY. */
const SEAL = randomBytes(32);

async function main() {
  // A device may sleep for a month.
  const server = createServer({ psk: { 'sensor-1': KEY }, connectionId: 8, idleTimeout: 2_000_000_000 }, (socket) => {
    console.log(`server: ${socket.pskIdentity} is in, by ${socket.getProtocol()}`);
    socket.on('data', (message) => socket.write(`got ${message}`));
  });
  server.listen(0, HOST);
  await once(server, 'listening');

  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sleepy-device-'));
  const file = path.join(directory, 'connection');
  for (let day = 1; day <= 3; day++) await wake(server.address()?.port ?? 0, file, `the report of day ${day}`);

  const { handshakesCompleted, messagesReceived } = server.stats;
  console.log(`server: ${handshakesCompleted} handshake, ${messagesReceived} messages`);
  server.close();
  fs.rmSync(directory, { recursive: true });
}

/**
 * @param {number} port of the server
 * @param {string} file with the connection, if the device has one
 * @param {string} report
 */
async function wake(port, file, report) {
  const options = { host: HOST, port, psk: KEY, pskIdentity: 'sensor-1', connectionId: 0 };
  const device = fs.existsSync(file) ? goOn(file, options) : connect(options);
  await once(device, 'secureConnect');
  device.write(report);
  // UDP loses datagrams: a real device asks again when no answer comes, and at last begins anew with connect().
  const [answer] = await once(device, 'data');
  console.log(`device: the server ${answer}`);
  fs.writeFileSync(file, await device.exportConnection({ key: SEAL }), { mode: 0o600 });
}

/**
 * @param {string} file
 * @param {import('..').ClientOptions} options
 */
function goOn(file, options) {
  const sealed = fs.readFileSync(file);
  // A connection of DTLS 1.3 must not go on twice: only the process that removes the file imports it.
  const claim = () => {
    fs.unlinkSync(file);
    return true;
  };
  return importConnection(sealed, { key: SEAL, claim }, options);
}

main();
