#!/usr/bin/env node
'use strict';

// The command line tool: it finds the command, runs it once, and turns its outcome into an exit code.

const process = require('node:process');

const { parse } = require('./arguments');
const { EXIT, UsageError, explain } = require('./failures');
const { Terminal } = require('./terminal');

// Each module is loaded when its command is used.
const COMMANDS = {
  __proto__: null,
  server: () => require('./commands/server'),
  client: () => require('./commands/client'),
  ping: () => require('./commands/ping'),
  inspect: () => require('./commands/inspect'),
  keygen: () => require('./commands/keygen'),
  bench: () => require('./commands/bench'),
};

/** What somebody may look for among the commands, and where it is. */
const ELSEWHERE = {
  __proto__: null,
  dashboard:
    'The dashboard belongs to a server: mbed-dtls server 5684 --dashboard 8080, or serveDashboard(server) in a program.',
};

const HELP = `usage: mbed-dtls COMMAND [ARGUMENTS]

DTLS from the command line.

  server [HOST:]PORT   accept connections, print what comes, send lines
  client HOST:PORT     connect, send lines, print what comes back
  ping HOST:PORT       measure handshakes, round trips and loss
  inspect HOST:PORT    list what a server accepts, and what it refuses
  keygen KIND          make keys: psk, rpk, certificates, device
  bench                measure what this machine can do

  mbed-dtls COMMAND --help    the options of one command
  mbed-dtls --version         versions of the package and of its engine

Exit codes: 0 all is well, 1 the peer or the system refused, 2 wrong usage.
docs/cli.md in the package shows a session from keygen to ping.`;

/** The signals by which a person, a service manager or a closing terminal asks the command to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

main(process.argv.slice(2));

async function main([name, ...args]) {
  const stop = new AbortController();
  const terminal = new Terminal(stop);
  const fail = (error) => {
    terminal.fail(explain(error));
    process.exitCode = error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  };
  // A second signal finds no listener any more and ends the process at once.
  for (const signal of SIGNALS) process.once(signal, () => stop.abort());
  process.once('uncaughtException', (error) => {
    fail(error);
    process.exit();
  });
  try {
    process.exitCode = (await run(name, args, terminal, stop.signal)) ?? EXIT.OK;
  } catch (error) {
    fail(error);
  } finally {
    terminal.close();
  }
}

async function run(name, args, terminal, stop) {
  if (name === '--version' || name === '-v') return printVersions(terminal);
  if (name === '--help' || name === '-h' || name === 'help') return terminal.line(HELP);
  if (name === undefined) throw new UsageError('a command is missing', HELP);
  if (!(name in COMMANDS)) {
    const known = Object.keys(COMMANDS).join(', ');
    throw new UsageError(
      `there is no command ${terminal.quote(name)}`,
      ELSEWHERE[name] ?? `The commands are ${known}; see mbed-dtls --help.`,
    );
  }
  const command = COMMANDS[name]();
  terminal.use(name, args.includes('--json'));
  const { values, positionals } = parse(name, command, args);
  if (values.help) return terminal.line(command.HELP);
  return command.run({ terminal, values, positionals, stop });
}

function printVersions(terminal) {
  const { versions } = require('../..');
  for (const [name, version] of Object.entries(versions)) terminal.line(`${name} ${version}`);
}
