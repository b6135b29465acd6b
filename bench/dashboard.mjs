#!/usr/bin/env node
// The dashboard with many connections: how large its page is, how soon it shows rows, and how long its questions take.
//
//   node bench/dashboard.mjs [--connections 10000] [--picture FILE.png]
//
// It needs Chromium: npm run setup -- --interop. Clients, server and browser share the machine.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { median } from './figures.mjs';

const require = createRequire(import.meta.url);
const DTLS12 = require('./dtls12');
const { createServer, serveDashboard } = require('./package');
const { launch, missing } = require('../__test__/support/chromium.js');

/** As many as the file descriptors of a process usually suffice for. */
const CLIENTS_OF_A_PROCESS = 5000;
const VISITS = 5;

const { values } = parseArgs({
  options: { connections: { type: 'string', default: '10000' }, picture: { type: 'string' } },
});
const count = Number(values.connections);
if (missing) {
  console.error(`dashboard: ${missing}`);
  process.exit(2);
}

const server = createServer({ psk: '0123456789abcdef', maxHandshakesPerAddress: 1000, ...DTLS12 }, (socket) =>
  socket.on('data', (message) => socket.write(message)),
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const dashboard = serveDashboard(server);
await once(dashboard, 'listening');
await gather(server.address().port);
console.log(`${server.getConnections()} connections`);

const url = `http://127.0.0.1:${dashboard.address().port}/`;
await measureQuestions();
await measurePage();
process.exit();

async function gather(port) {
  const sizes = [];
  for (let left = count; left > 0; left -= CLIENTS_OF_A_PROCESS) sizes.push(Math.min(left, CLIENTS_OF_A_PROCESS));
  const script = fileURLToPath(new URL('clients/crowd.js', import.meta.url));
  const crowds = sizes.map((size) =>
    spawn(process.execPath, [script, String(port), String(size)], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  process.on('exit', () => {
    for (const crowd of crowds) crowd.kill();
  });
  await Promise.all(crowds.map((crowd) => once(crowd.stdout, 'data')));
}

/** How long the server takes to answer, and how long it keeps its event loop from others. */
async function measureQuestions() {
  for (const [what, query] of [
    ['the newest', ''],
    ['by traffic', 'sort=received'],
    ['by identity', 'sort=identity'],
    ['a search', 'search=99'],
  ]) {
    const delays = monitorEventLoopDelay({ resolution: 1 });
    const times = [];
    delays.enable();
    for (let each = 0; each < 10; each++) {
      const began = performance.now();
      const reply = await fetch(`${url}api/connections?limit=60&${query}`);
      await reply.arrayBuffer();
      times.push(performance.now() - began);
      // An answer of before is kept for a while.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    delays.disable();
    const delay = (delays.percentile(99) / 1e6).toFixed(1);
    console.log(`${what}: ${median(times).toFixed(1)} ms (median), delay of the event loop ${delay} ms (p99)`);
  }
}

/** In a browser that has nothing of the page yet. */
async function measurePage() {
  const browser = await launch();
  const visits = [];
  for (let each = 0; each < VISITS; each++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    await page.addInitScript(noteRows);
    let files = 0;
    let answers = 0;
    page.on('response', async (response) => {
      const length = Number(response.headers()['content-length']);
      if (response.url().includes('/api/')) answers += length;
      else files += length;
    });
    await page.goto(url);
    await page.waitForSelector('.row .identity');
    const rows = await page.evaluate(() => globalThis.rowsCame);
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    visits.push({ rows, paint, files, answers });
    if (each === VISITS - 1 && values.picture) {
      await page.waitForTimeout(5000);
      await page.screenshot({ path: values.picture });
    }
    await page.close();
  }
  await browser.close();
  const figure = (name) => Math.round(median(visits.map((visit) => visit[name])));
  console.log(
    `page: ${(figure('files') / 1000).toFixed(1)} kB; its first answers: ${(figure('answers') / 1000).toFixed(1)} kB`,
  );
  console.log(`first picture after ${figure('paint')} ms, rows after ${figure('rows')} ms (median of ${VISITS})`);
}

/** In the page. */
function noteRows() {
  const observer = new MutationObserver(() => {
    if (document.querySelector('.row .identity') === null) return;
    globalThis.rowsCame = performance.now();
    observer.disconnect();
  });
  observer.observe(document, { attributes: true, childList: true, subtree: true });
}
