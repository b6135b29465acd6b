'use strict';

// Captures of loopback traffic without raw sockets: a relay between clients and a server notes each datagram as a frame
// of a pcap file, and tshark, where it is installed, decrypts the file with a key log.

const { execFile } = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const { HOST, event } = require('./endpoints.js');

const MAGIC = 0xa1b2c3d4;
/** The frames begin with an IP header (LINKTYPE_RAW). */
const RAW_IP = 101;
const UDP = 17;

/** Port of the server in every frame, which tshark knows as that of DTLS. */
const SERVER_PORT = 4433;

/**
 * Passes datagrams between clients and a server on a local port, and notes them all.
 *
 * @returns {Promise<{ port: number, connections: Map, file: () => Buffer }>} file(): the capture so far, as a pcap file;
 *   connections: the datagrams by the client's port
 */
async function capture(test, serverPort) {
  const front = dgram.createSocket('udp4');
  const backs = new Map();
  const frames = [];
  const connections = new Map();
  const note = (datagram, from, to) => {
    frames.push(frame(datagram, from, to));
    const port = from === SERVER_PORT ? to : from;
    if (!connections.has(port)) connections.set(port, []);
    connections.get(port).push({ datagram, fromServer: from === SERVER_PORT });
  };
  front.on('message', (datagram, client) => {
    note(datagram, client.port, SERVER_PORT);
    const back = backs.get(client.port) ?? openBack(client);
    back.send(datagram, serverPort, HOST);
  });
  const openBack = (client) => {
    const back = dgram.createSocket('udp4');
    backs.set(client.port, back);
    back.on('error', () => {});
    back.on('message', (datagram) => {
      note(datagram, SERVER_PORT, client.port);
      front.send(datagram, client.port, client.address);
    });
    return back;
  };
  front.on('error', () => {});
  front.bind(0, HOST);
  test.after(() => {
    front.close();
    for (const back of backs.values()) back.close();
  });
  await event(front, 'listening');
  return { port: front.address().port, connections, file: () => Buffer.concat([fileHeader(), ...frames]) };
}

function fileHeader() {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(RAW_IP, 20);
  return header;
}

/** A record of the file: its header, then IPv4, UDP and the datagram. */
function frame(datagram, from, to) {
  const length = 28 + datagram.length;
  const bytes = Buffer.alloc(16 + length);
  const now = Date.now();
  bytes.writeUInt32LE(Math.floor(now / 1000), 0);
  bytes.writeUInt32LE((now % 1000) * 1000, 4);
  bytes.writeUInt32LE(length, 8);
  bytes.writeUInt32LE(length, 12);
  const ip = bytes.subarray(16);
  ip[0] = 0x45;
  ip.writeUInt16BE(length, 2);
  ip[8] = 64;
  ip[9] = UDP;
  ip.set([127, 0, 0, 1, 127, 0, 0, 1], 12);
  ip.writeUInt16BE(from, 20);
  ip.writeUInt16BE(to, 22);
  ip.writeUInt16BE(8 + datagram.length, 24);
  ip.set(datagram, 28);
  return bytes;
}

/** Whether tshark is installed. */
const hasTshark = (process.env.PATH ?? '')
  .split(path.delimiter)
  .some((directory) => fs.existsSync(path.join(directory, 'tshark')));

/**
 * What tshark reads in a capture with these keys.
 *
 * @param {Buffer} pcap
 * @param {Buffer[]} keys lines of a key log
 * @returns {Promise<{ payloads: string[], messages: Set<string> }>} application data, and names of handshake messages
 */
async function decrypt(pcap, keys) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  try {
    const [captured, keyFile] = [path.join(directory, 'capture.pcap'), path.join(directory, 'keys.log')];
    fs.writeFileSync(captured, pcap);
    fs.writeFileSync(keyFile, Buffer.concat(keys));
    const options = ['-r', captured, '-o', `tls.keylog_file:${keyFile}`, '-d', `udp.port==${SERVER_PORT},dtls`];
    const fields = ['-T', 'fields', '-e', 'data.data', '-e', 'dtls.handshake.type'];
    const { stdout } = await promisify(execFile)('tshark', [...options, ...fields, '-Y', 'dtls'], { timeout: 60_000 });
    const rows = stdout.split('\n').map((line) => line.split('\t'));
    return {
      payloads: rows
        .filter(([data]) => data)
        .flatMap(([data]) => data.split(',').map((hex) => Buffer.from(hex, 'hex').toString())),
      messages: new Set(rows.flatMap(([, types]) => (types ? types.split(',').map(Number) : []))),
    };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

module.exports = { capture, decrypt, hasTshark };
