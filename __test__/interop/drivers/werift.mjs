// A DTLS 1.2 client or server of werift-dtls, as the matrix wants one: see ../matrix/drivers.js.

import dgram from 'node:dgram';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

import installed from '../matrix/installed.js';

const require = createRequire(installed.installed('npm', 'package.json'));
// The package's `main` names a file that is not in it.
const LIBRARY = 'werift-dtls/lib/dtls/src';

const [, , role, port, ...args] = process.argv;
const values = Object.fromEntries(args.map((arg) => arg.split('=')));
if (role === undefined) console.log(require('werift-dtls/package.json').version);
else run();

function run() {
  const { DtlsClient } = require(`${LIBRARY}/client.js`);
  const { DtlsServer } = require(`${LIBRARY}/server.js`);
  const udp = dgram.createSocket('udp4');
  const options = { transport: transportOn(udp), extendedMasterSecret: true, ...credentials() };
  if (role === 'server') {
    udp.bind(Number(port), '127.0.0.1', () => console.log('listening'));
    const server = new DtlsServer(options);
    server.onData.subscribe((data) => server.send(data));
    return;
  }
  const client = new DtlsClient(options);
  client.onConnect.subscribe(() => {
    console.log('connected');
    createInterface({ input: process.stdin }).on('line', (line) => client.send(Buffer.from(`${line}\n`)));
  });
  client.onData.subscribe((data) => process.stdout.write(`received ${data}`));
  client.onError.subscribe((error) => {
    console.error(error);
    process.exit(1);
  });
  client.connect();
}

/** What carries datagrams between it and one peer. */
function transportOn(udp) {
  let remote = { port: Number(port), address: '127.0.0.1' };
  const transport = {
    type: 'udp',
    onData: () => {},
    send: (data) => new Promise((resolve) => udp.send(data, remote.port, remote.address, () => resolve())),
    close: async () => udp.close(),
  };
  udp.on('message', (data, from) => {
    remote = from;
    transport.onData(data, [from.address, from.port]);
  });
  return transport;
}

function credentials() {
  if (!values.cert) return {};
  const { HashAlgorithm, SignatureAlgorithm } = require(`${LIBRARY}/cipher/const.js`);
  const rsa = values.suite.includes('ECDHE-RSA');
  const signature = rsa ? SignatureAlgorithm.rsa_1 : SignatureAlgorithm.ecdsa_3;
  return {
    cert: fs.readFileSync(values.cert, 'utf8'),
    key: fs.readFileSync(values.key, 'utf8'),
    signatureHash: { hash: HashAlgorithm.sha256_4, signature },
  };
}
