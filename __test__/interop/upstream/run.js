'use strict';

// One scenario: a program of Mbed TLS on one side, ours on the other, and what the script expects of both.

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const { Program } = require('../../support/program.js');
const { quietPort } = require('../matrix/pair.js');
const { whyNot } = require('./applies.js');
const { checksOf, failureOf } = require('./checks.js');
const { named, translated } = require('./options.js');
const { OurClient, OurServer } = require('./ours.js');

const HOST = '127.0.0.1';
/** How long a client may take, in ms, and how often the script tries. */
const PATIENCE = 20_000;
const ATTEMPTS = 3;
const PROGRAMS = { server: 'ssl_server2', client: 'ssl_client2' };

/** A program of Mbed TLS. */
class Theirs extends Program {
  terminate() {
    this._child.kill('SIGTERM');
  }

  /** The exit code, when all that it has printed is here; null for one that a signal has ended. */
  async exitCode() {
    while (this._ended === undefined) await once(this._child, 'output');
    return this._child.exitCode;
  }
}

/**
 * A scenario with ours on one side.
 *
 * @param {object} installed of scenarios.js
 * @param {object} scenario
 * @param {'server' | 'client'} role of their program
 */
function situation(installed, scenario, role) {
  const side = (own) => {
    const words = scenario[own];
    const isMbedTls = words[0] === PROGRAMS[own];
    return { role: own, words, args: isMbedTls ? named(words) : translated(words), isMbedTls };
  };
  const [theirs, ours] = [side(role), side(role === 'server' ? 'client' : 'server')];
  const all = { ...scenario, installed, build: installed.build, theirs, ours, sides: [theirs, ours] };
  return { ...all, reason: whyNot(all) };
}

/**
 * Runs it; rejects with what does not hold, and with what both sides have said.
 *
 * @returns {Promise<number>} how many patterns were looked for
 */
async function run(all) {
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptTo(all);
    const failure = outcome.failure ?? failureOf(all, outcome);
    if (failure === undefined) return checksOf(all).length;
    if (failure.isInconclusive && attempt < ATTEMPTS) continue;
    const said = Object.entries(outcome.outputs).map(([who, output]) => `--- ${who}\n${output}`);
    throw new Error([failure.message, ...said].join('\n'));
  }
}

async function attemptTo(all) {
  const { theirs, ours, proxy, installed } = all;
  const host = theirs.args.server_addr ?? HOST;
  const [serverPort, proxyPort] = [await quietPort(), await quietPort()];
  const port = proxy.length > 0 ? proxyPort : serverPort;
  const programs = [];
  const start = (name, ...args) => {
    const program = new Theirs(installed.programs[name], args);
    programs.push(program);
    return program;
  };
  const own =
    ours.role === 'server' ? new OurServer(ours.args, installed.version) : new OurClient(ours.args, installed.version);
  const their = (to) =>
    start(PROGRAMS[theirs.role], `server_addr=${host}`, `server_port=${to}`, 'allow_sha1=1', ...theirs.words.slice(1));
  const outputs = {};
  try {
    if (proxy.length > 0) {
      const ends = [`server_addr=${host}`, `server_port=${serverPort}`, `listen_addr=${host}`, `listen_port=${port}`];
      const relay = start('udp_proxy', ...ends, ...proxy.slice(1));
      await relay.printed('Bind on UDP');
      await relay.printed(' ok\n');
    }
    return await (ours.role === 'server' ? theirClient() : theirServer());
  } finally {
    await own.stop();
    for (const program of programs) program.kill();
  }

  async function theirClient() {
    await own.start(host, serverPort, installed.data);
    const client = their(port);
    const code = await within(client.exitCode(), all);
    await own.stop();
    Object.assign(outputs, { client: client.output, server: own.output });
    return { succeeded: code === 0, isLate: code === undefined, outputs };
  }

  async function theirServer() {
    const server = their(serverPort);
    await server.printed('Waiting for a remote connection');
    const succeeded = await within(own.run(host, port, installed.data), all);
    await sleep(50 + 1000 * factorOf(all, 'server_needs_more_time', 0));
    server.terminate();
    const code = await within(server.exitCode(), all);
    Object.assign(outputs, { client: own.output, server: server.output });
    const failure = code === 0 ? undefined : { message: `their server ended with ${code}` };
    return { failure, succeeded, isLate: succeeded === undefined, outputs };
  }
}

/** Undefined when it takes too long. */
async function within(promise, all) {
  const overdue = sleep(PATIENCE * factorOf(all, 'client_needs_more_time', 1), undefined, { ref: false });
  return Promise.race([promise, overdue]);
}

function factorOf({ conditions }, name, otherwise) {
  return Number(conditions.find(([condition]) => condition === name)?.[1] ?? otherwise);
}

module.exports = { run, situation };
