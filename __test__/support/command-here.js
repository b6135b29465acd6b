'use strict';

// The commands of the command line tool, run in the process of the test with a made-up terminal, and a server for them.

const { HOST, startServer } = require('./endpoints.js');

const commands = Object.fromEntries(
  ['bench', 'client', 'inspect', 'ping', 'server'].map((name) => [name, require(`../../lib/cli/commands/${name}`)]),
);
const KEY = { 'psk-key': 'bob:0102' };
const PSK = { psk: { bob: Buffer.from([1, 2]) } };

/** Runs a command. Answers what it has said, and how it has ended. */
async function run(
  name,
  positionals,
  values = {},
  { isJson = false, stop = new AbortController().signal, heard = () => {} } = {},
) {
  const said = [];
  const say =
    (kind) =>
    (...args) => {
      said.push([kind, ...args]);
      heard(kind, ...args);
    };
  const terminal = { isJson, quote: (text) => `<${text}>` };
  for (const kind of ['line', 'result', 'event', 'message', 'note', 'progress']) terminal[kind] = say(kind);
  terminal.warning = () => {};
  let outcome;
  try {
    outcome = await commands[name].run({ terminal, values, positionals, stop });
  } catch (error) {
    outcome = error;
  }
  return { said, outcome, of: (kind) => said.filter(([one]) => one === kind).map(([, ...args]) => args) };
}

/** A server that does with each message what is to be done. */
async function start(t, act = (socket, message) => socket.write(message), options = PSK) {
  const server = await startServer(t, options, (socket) => {
    socket.on('data', (message) => act(socket, message));
    socket.on('error', () => {});
  });
  return { server, address: `${HOST}:${server.address().port}` };
}

module.exports = { KEY, PSK, run, start };
