'use strict';

// What a command does on a terminal, in a pipe, and when either goes away: progress, nothing that could act on the
// terminal, and nothing that is left running.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const process = require('node:process');
const { describe, test } = require('node:test');

const { connect } = require('../..');
const { printable } = require('../../lib/cli/terminal');
const { Command, MAIN, makeKeys, run, startServer, startStranger } = require('../support/cli');
const { HOST, event, isFree } = require('../support/endpoints');

const PSK = ['--psk', 'device-1.psk'];
const WINDOWS = process.platform === 'win32';
const ESCAPE = '\u001b';

test('what acts on a terminal is shown by its number', () => {
  assert.equal(
    printable(`a${ESCAPE}[2J\r\n\u0007\u009b\u202eb \u00e9`),
    'a\\x1b[2J\\x0d\\x0a\\x07\\x9b\\u202eb \u00e9',
  );
});

test('a peer cannot put escape sequences on stderr by its identity', async (t) => {
  const server = await startServer(t, ['--psk-key', `evil${ESCAPE}]0;title\u0007:00ff`]);
  const client = connect({
    host: HOST,
    port: Number(server.port),
    psk: Buffer.from([0, 0xff]),
    pskIdentity: `evil${ESCAPE}]0;title\u0007`,
  });
  t.after(() => client.destroy());
  await event(client, 'secureConnect');
  await server.printed(/PSK identity/);
  assert(!server.stderr.includes(ESCAPE), server.stderr);
});

test('JSON stays JSON, whatever a peer sends, and does not act on a terminal either', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo'], { cwd });
  const text = `a${ESCAPE}[2J\u009b\u202eb`;
  const args = ['client', server.address, ...PSK, '--json', '--count', '1'];
  const { stdout } = await run(t, args, { cwd, input: `${text}\n` });
  assert.equal(JSON.parse(stdout.split('\n')[1]).text, text);
  for (const character of [ESCAPE, '\u009b', '\u202e']) assert(!stdout.includes(character));
});

/** Whether util-linux's script is there, which gives a command a terminal. */
const hasScript = !WINDOWS && /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');

describe('on a terminal', { skip: !hasScript && 'script of util-linux was not found' }, () => {
  /** Runs a command on a terminal of its own. What the command prints there is in `output`. */
  function onTerminal(t, args, cwd) {
    const line = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
    // A group of its own, so that nothing of it outlives the test.
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    const terminal = { child, output: '' };
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text) => {
      terminal.output += text;
    });
    t.after(() => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    });
    return terminal;
  }

  test('ping shows its progress, which a pipe does not get', async (t) => {
    const cwd = makeKeys(t, 'psk');
    const server = await startServer(t, [...PSK, '--echo'], { cwd });
    const args = ['ping', server.address, ...PSK, '--interval', '0.05'];
    const terminal = onTerminal(t, args, cwd);
    const [code] = await once(terminal.child, 'close');
    assert.equal(code, 0, terminal.output);
    assert(terminal.output.includes(`\r${ESCAPE}[K`));
    assert.match(terminal.output, /\d of \d answered/);
    assert.match(terminal.output, /5 sent, 5 answered/);
    const piped = await run(t, args, { cwd });
    assert.equal(piped.code, 0);
    assert(!`${piped.stdout}${piped.stderr}`.includes(ESCAPE));
    assert.doesNotMatch(piped.stderr, /answered/);
  });

  test('datagrams cannot act on it', async (t) => {
    const cwd = makeKeys(t, 'psk');
    const server = await startServer(t, PSK, { cwd });
    const terminal = onTerminal(t, ['client', server.address, ...PSK, '--count', '1'], cwd);
    await server.printed(/connected/);
    server.child.stdin.write(`before${ESCAPE}[2Jafter\n`);
    const [code] = await once(terminal.child, 'close');
    assert.equal(code, 0, terminal.output);
    assert.match(terminal.output, /before\\x1b\[2Jafter/);
    assert(!terminal.output.includes(`${ESCAPE}[2J`));
  });

  test('lines are typed, and the end of the input ends the client', async (t) => {
    const cwd = makeKeys(t, 'psk');
    const server = await startServer(t, [...PSK, '--echo'], { cwd });
    const terminal = onTerminal(t, ['client', server.address, ...PSK, '--wait', '0.3'], cwd);
    await server.printed(/connected/);
    terminal.child.stdin.write('typed\n');
    await server.printed(/^typed$/m);
    terminal.child.stdin.write('\u0004');
    const [code] = await once(terminal.child, 'close');
    assert.equal(code, 0, terminal.output);
    await server.printed(/closed: 1 datagram came/);
  });

  test('a terminal that closes ends a server, and its port is free', async (t) => {
    const cwd = makeKeys(t, 'psk');
    const terminal = onTerminal(t, ['server', `${HOST}:0`, ...PSK], cwd);
    let match = null;
    while (match === null) {
      await once(terminal.child.stdout, 'data');
      match = /listening on 127\.0\.0\.1:(\d+)/.exec(terminal.output);
    }
    // Nobody holds the other end of the terminal any more.
    terminal.child.kill('SIGKILL');
    const deadline = Date.now() + 20_000;
    while (!(await isFree(Number(match[1])))) {
      assert(Date.now() < deadline, 'the server goes on without its terminal');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});

describe('signals', { skip: WINDOWS && 'it has no signals' }, () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    test(`${signal} ends a server and a client, which say goodbye`, async (t) => {
      const cwd = makeKeys(t, 'psk');
      const server = await startServer(t, PSK, { cwd });
      const client = new Command(t, ['client', server.address, ...PSK], { cwd });
      await client.printed(/connected to/);
      client.child.kill(signal);
      assert.deepEqual((({ code, signal: by }) => ({ code, by }))(await client.end()), { code: 0, by: null });
      // The server hears of it at once, and not by a timeout.
      await server.printed(/closed/);
      server.child.kill(signal);
      assert.equal((await server.end()).code, 0);
      assert(await isFree(Number(server.port)));
    });
  }

  test('a signal during the handshake is exit code 1', async (t) => {
    const cwd = makeKeys(t, 'psk');
    let heard;
    const hello = new Promise((resolve) => {
      heard = resolve;
    });
    const silent = await startStranger(t, (message) => {
      heard(message);
      return [];
    });
    const command = new Command(t, ['ping', silent, ...PSK, '--timeout', '3600'], { cwd });
    await hello;
    command.child.kill('SIGINT');
    const { code, stderr } = await command.end();
    assert.equal(code, 1);
    assert.match(stderr, /ended before the handshake was over/);
  });
});

test('a reader of stdout that goes away ends a server, and its port is free', { skip: WINDOWS }, async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--json'], { cwd });
  const client = new Command(t, ['client', server.address, ...PSK], { cwd });
  await server.printed(/"connected"/);
  server.child.stdout.destroy();
  client.child.stdin.write('nobody reads this\n');
  const { code, stderr } = await server.end();
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert(await isFree(Number(server.port)));
  assert.equal((await client.end()).code, 0);
});

test('a server whose input is at its end goes on', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo'], { cwd, stdin: 'ignore' });
  const { code, stderr } = await run(t, ['ping', server.address, ...PSK, '--count', '1'], { cwd });
  assert.equal(code, 0, stderr);
});

test('a server without a host is there for IPv4 and IPv6, and shows addresses in their own form', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = new Command(t, ['server', '0', ...PSK, '--echo'], { cwd });
  const [, host, port] = await server.printed(/listening on (\S+):(\d+)/);
  const hosts = host === '[::]' ? ['127.0.0.1', '[::1]'] : ['127.0.0.1'];
  for (const peer of hosts) {
    const { code, stderr } = await run(t, ['ping', `${peer}:${port}`, ...PSK, '--count', '1'], { cwd });
    assert.equal(code, 0, stderr);
    await server.printed(new RegExp(`${peer.replace(/[[\].]/g, '\\$&')}:\\d+ connected`));
  }
});

test('a server with --once ends with its first connection', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--once'], { cwd });
  const wrong = await run(t, ['ping', server.address, '--psk-key', 'device-1:00'], { cwd });
  assert.equal(wrong.code, 1);
  await run(t, ['client', server.address, ...PSK, '--wait', '0'], { cwd });
  assert.equal((await server.end()).code, 0);
});
