'use strict';

// Counters of a DTLS server for Prometheus: one HTTP route, and no package for it.
//
//   node examples/prometheus.js             serves, is scraped once, prints what a scraper reads, and ends
//   node examples/prometheus.js 9464        goes on serving http://127.0.0.1:9464/metrics

const http = require('node:http');
const { connect, createServer, openMetrics } = require('..');

const port = process.argv[2];

const server = createServer({ psk: { sensor: 'secret of sensor' } }, (socket) => {
  socket.on('data', (message) => socket.write(message));
});

// Several servers in one process are told apart: openMetrics({ coaps: server, devices: other }).
const metrics = http.createServer((request, response) => {
  if (request.url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': openMetrics.contentType }).end(openMetrics(server));
});

server.listen(0, '127.0.0.1', () => {
  metrics.listen(Number(port ?? 0), '127.0.0.1', () => {
    const local = metrics.address();
    if (local === null || typeof local === 'string') throw new Error('an HTTP server without a port');
    const url = `http://127.0.0.1:${local.port}/metrics`;
    console.log(`metrics on ${url}`);
    if (port === undefined) demonstrate(url);
  });
});

/** One client says something, then a scraper comes. */
function demonstrate(url) {
  const client = connect({ port: server.address()?.port ?? 0, psk: 'secret of sensor', pskIdentity: 'sensor' }, () => {
    client.write('21.5');
  });
  client.once('data', async () => {
    const response = await fetch(url);
    const text = await response.text();
    const isTold = (line) => !line.startsWith('#') && !/_bucket|[ ]0$/.test(line);
    console.log(text.split('\n').filter(isTold).join('\n'));
    client.end();
    server.close();
    metrics.close();
    metrics.closeAllConnections();
  });
}
