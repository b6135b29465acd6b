'use strict';

// The programs of docs/coaps.md, as they stand there: a server and its client, an LwM2M server and its device, and a
// program for node-dtls-client.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');

const { freePort, isFree } = require('../support/endpoints.js');
const { MODULES, lacking, makeProject } = require('../support/npm-project.js');
const { Program } = require('../support/program.js');

const run = promisify(execFile);
const page = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'coaps.md'), 'utf8');
const programs = [...page.matchAll(/^```js\n(.*?)^```/gms)].map(([, program]) => program);
const [server, client, lwm2mServer, device, aliased] = programs;

const missing = lacking('coap', 'node-coap-client');
const skip = missing && `skipped (${missing})`;
const env = { ...process.env, NODE_PATH: MODULES };

/** The files of these programs, with a free port in the place of 5684. */
async function write(t, ...sources) {
  const project = makeProject(t, ['node-coap-client', 'debug', 'ms'], ['node-dtls-client']);
  const port = await freePort();
  const files = sources.map((source, index) => {
    const file = path.join(project, `program-${index}.js`);
    fs.writeFileSync(file, source.replaceAll('5684', String(port)));
    return file;
  });
  return { files, port };
}

/** Starts the first program, and runs each of the others to its end. Returns what all of them print. */
async function serve(t, ...sources) {
  const { files, port } = await write(t, ...sources);
  const serving = new Program(process.execPath, [files[0]], env);
  t.after(() => serving.kill());
  const deadline = Date.now() + 10_000;
  while (await isFree(port)) {
    assert(Date.now() < deadline, serving.output);
    await sleep(20);
  }
  const printed = [];
  for (const file of files.slice(1))
    printed.push((await run(process.execPath, [file], { env, timeout: 20_000 })).stdout);
  return [serving, ...printed];
}

test('docs/coaps.md has the programs that are tested here', () => {
  assert.equal(programs.length, 5);
});

test('the server has five lines', () => {
  assert.equal(server.trim().split('\n').length, 5);
});

test("the server answers the client, and node-coap-client on node-dtls-client's alias", { skip }, async (t) => {
  const [, first, second] = await serve(t, server, client, aliased);
  assert.deepEqual([first, second], ['hello\n', 'hello\n']);
});

test('the LwM2M server registers the device and reads it', { skip }, async (t) => {
  const [serving, printed] = await serve(t, lwm2mServer, device);
  assert.equal(printed, 'registered: 2.01\n');
  await serving.printed('sensor-1 is made by a small factory\n');
});
