'use strict';

// A server on a UDP socket that somebody else has opened, and handed over as a file descriptor.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { test } = require('node:test');

const { BOB, HOST, event, freePort, messages, openClient } = require('../support/endpoints.js');

const SERVER = `
const { createServer } = require(${JSON.stringify(require.resolve('../..'))});
const server = createServer({ psk: { bob: ${JSON.stringify(BOB.psk)} } });
server.on('secureConnection', (socket) => socket.on('data', (data) => socket.write(data)));
server.listen({ fd: 3 }, () => process.stdout.write('listening'));
`;

// systemd hands over descriptors from 3 on, and its sockets at '::' are dual-stack.
const ACTIVATE = `
import os, socket, sys
family, address, port, node, program = sys.argv[1:]
udp = socket.socket(getattr(socket, family), socket.SOCK_DGRAM)
if family == 'AF_INET6': udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind((address, int(port)))
if udp.fileno() != 3: os.dup2(udp.fileno(), 3)
os.set_inheritable(3, True)
os.execv(node, [node, '-e', program])
`;

const python = spawnSync('python3', ['--version']).error ? 'python3 not found' : false;

for (const [family, address, hosts] of [
  ['AF_INET6', '::', [HOST, '::1']],
  ['AF_INET', '0.0.0.0', [HOST]],
]) {
  test(`listen({ fd }) serves on an open socket at ${address}`, { skip: python }, async (t) => {
    const port = await freePort();
    const server = spawn('python3', ['-c', ACTIVATE, family, address, String(port), process.execPath, SERVER]);
    t.after(() => server.kill());
    await event(server.stdout, 'data');
    for (const host of hosts) {
      const client = openClient(t, { address: () => ({ port }) }, { ...BOB, host });
      const echoed = messages(client, 1);
      client.write('hello');
      assert.deepEqual(await echoed, ['hello']);
    }
  });
}
