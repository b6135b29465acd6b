'use strict';

// A server whose restarts nobody notices. Its connections go on in three ways:
//
//   a new process is started        it takes port and connections over from the old one, which then ends
//   SIGTERM                         the connections are sealed into a file, from which the next process takes them
//   systemd's socket activation     as SIGTERM, and the port stays open meanwhile: see docs/restarts.md
//
//   node examples/graceful-restart.js                         shows the first two, and ends by itself
//   node examples/graceful-restart.js serve DIRECTORY PORT    is such a server; start it twice
//
// Connections are handed over through a Unix socket, which Windows does not have.

const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');

const { connect, createServer } = require('..');

/**
 * @param {string} directory that only this user can read
 * @param {number} port
 */
async function serve(directory, port) {
  const key = fs.readFileSync(path.join(directory, 'key'));
  const file = path.join(directory, 'connections');

  const server = createServer({ psk: { sensor: 'secret of sensor' } }, (socket) => {
    socket.data ??= { messages: 0 };
    socket.on('data', () => socket.write(`${++socket.data.messages} messages, process ${process.pid}`));
  });

  if (fs.existsSync(file)) {
    // A connection of DTLS 1.3 must not go on twice: only the process that makes this file imports it.
    const claim = (id) => fs.openSync(`${file}.${id}`, 'wx') > 0;
    const { imported } = await server.importConnections(fs.createReadStream(file), { key, claim });
    fs.rmSync(file);
    console.log(`process ${process.pid} has ${imported} connections from the file`);
  }
  const handover = { path: path.join(directory, 'handover'), key };
  const isActivated = process.env.LISTEN_PID === String(process.pid) && process.env.LISTEN_FDS === '1';
  server.listen(isActivated ? { fd: 3 } : { port, host: '127.0.0.1', handover });
  await once(server, 'listening');
  console.log(`process ${process.pid} listens on port ${server.address()?.port}`);

  process.once('SIGTERM', async () => {
    if (!server.listening) return;
    await pipeline(server.exportConnections({ key }), fs.createWriteStream(`${file}.new`, { mode: 0o600 }));
    // Whoever finds the file finds all of it.
    fs.renameSync(`${file}.new`, file);
  });
  // The process ends by itself then, whoever has the connections.
  server.once('close', () => console.log(`process ${process.pid} has left`));
}

/** Starts a server, and waits until it listens. */
async function start(directory, port) {
  const child = spawn(process.execPath, [__filename, 'serve', directory, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let output = '';
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    process.stdout.write(text);
    output += text;
    if (output.includes('listens on port')) break;
  }
  child.stdout.pipe(process.stdout, { end: false });
  return { child, ended, port: Number(/port (\d+)/.exec(output)?.[1]) };
}

/** A sensor that asks again until it is answered, as one over UDP has to. */
async function ask(client) {
  const repeat = setInterval(() => client.write('one more'), 200);
  client.write('one more');
  const [answer] = await once(client, 'data');
  clearInterval(repeat);
  console.log(`sensor: ${answer}`);
}

async function show() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'graceful-restart-'));
  fs.writeFileSync(path.join(directory, 'key'), randomBytes(32), { mode: 0o600 });
  const first = await start(directory, 0);
  const client = connect({ port: first.port, host: '127.0.0.1', psk: 'secret of sensor', pskIdentity: 'sensor' });
  await once(client, 'secureConnect');
  await ask(client);

  const second = await start(directory, first.port);
  await first.ended;
  await ask(client);

  second.child.kill('SIGTERM');
  await second.ended;
  const third = await start(directory, first.port);
  await ask(client);

  client.end();
  third.child.kill('SIGTERM');
  await third.ended;
  fs.rmSync(directory, { recursive: true });
}

const [command, directory = '.', port = '5684'] = process.argv.slice(2);
if (process.platform === 'win32') console.log('This example needs Unix sockets and signals.');
else if (command === 'serve') serve(directory, Number(port));
else show();
