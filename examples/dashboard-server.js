'use strict';

// A server with a dashboard: a page in the browser that shows who is connected, and what fails. It keeps serving until it is
// interrupted.
//
//   node examples/dashboard-server.js [port]     default: 5684
//   node examples/dashboard-client.js [port]     lets some devices come and go
//
// With port 0 the system chooses the port, and the server prints it.

const process = require('node:process');

const { createServer, serveDashboard } = require('..');

const port = Number(process.argv[2] ?? 5684);

// Devices are called sensor-1, sensor-2, and so on.
const server = createServer({
  pskCallback: (_socket, identity) => (/^sensor-\d+$/.test(identity) ? 'secret of sensors' : null),
});
server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address()?.port}`));

const dashboard = serveDashboard(server, { port: 0 }, () => {
  const address = dashboard.address();
  if (address !== null && typeof address === 'object') console.log(`dashboard at http://127.0.0.1:${address.port}/`);
});

// Says goodbye to every peer; the process then ends by itself, and the dashboard with it.
process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
