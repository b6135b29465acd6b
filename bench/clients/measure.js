'use strict';

// What both clients of the benchmark do with their own API. Prints { per_s }, as dtlsload does.

const process = require('node:process');
const { performance } = require('node:perf_hooks');

const IN_FLIGHT = 8;
const SIZE = 64;
/** The first of them warm up. */
const WARM_UP_MS = 500;

/**
 * @param {string[]} args handshake|echo AMOUNT --port PORT
 * @param {{ handshake: (port: number, done: () => void) => void,
 *   echo: (port: number, ready: (send: (message: Buffer) => void) => void) =>
 *     { onMessage: (listener: () => void) => void, close: () => void } }} client
 */
function measure([what, amount, ...rest], client) {
  const port = Number(rest[rest.indexOf('--port') + 1]);
  if (what === 'handshake') handshakes(client, port, Number(amount));
  else echo(client, port, Number(amount) * 1000);
}

/** As many again come first, until V8 has compiled what it takes. */
function handshakes(client, port, count) {
  let began;
  let started = 0;
  let finished = 0;
  const next = () => {
    if (started++ < 2 * count) client.handshake(port, whenClosed);
  };
  const whenClosed = () => {
    finished++;
    if (finished === count) began = performance.now();
    if (finished === 2 * count) report(count / (performance.now() - began));
    else next();
  };
  for (let index = 0; index < IN_FLIGHT; index++) next();
}

function echo(client, port, milliseconds) {
  const message = Buffer.alloc(SIZE, 'x');
  let count = 0;
  const connection = client.echo(port, (send) => {
    connection.onMessage(() => {
      count++;
      send(message);
    });
    for (let index = 0; index < IN_FLIGHT; index++) send(message);
    setTimeout(() => {
      const [began, before] = [performance.now(), count];
      setTimeout(() => {
        report((count - before) / (performance.now() - began));
        connection.close();
      }, milliseconds);
    }, WARM_UP_MS);
  });
}

function report(perMillisecond) {
  console.log(JSON.stringify({ per_s: perMillisecond * 1000 }));
  setTimeout(() => process.exit(), 100);
}

module.exports = { measure };
