// A DTLS 1.2 client of node-dtls-client, as the matrix wants one: see ../matrix/drivers.js.

import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

import installed from '../matrix/installed.js';

const library = (...names) => installed.installed('npm', 'node_modules', 'node-dtls-client', ...names);
const { dtls } = await import(pathToFileURL(library('build', 'dtls.js')));

const [, , role, port, ...args] = process.argv;
const values = Object.fromEntries(args.map((arg) => arg.split('=')));
if (role === 'client') runClient();
else console.log(JSON.parse(fs.readFileSync(library('package.json'))).version);

function runClient() {
  const psk = { [values.identity]: Buffer.from(values.psk, 'hex') };
  const socket = dtls.createSocket({ type: 'udp4', address: '127.0.0.1', port: Number(port), psk, timeout: 20_000 });
  socket.on('connected', () => {
    console.log('connected');
    createInterface({ input: process.stdin }).on('line', (line) => socket.send(Buffer.from(`${line}\n`)));
  });
  socket.on('message', (message) => process.stdout.write(`received ${message}`));
  socket.on('error', (error) => {
    console.error(error);
    process.exit(1);
  });
}
