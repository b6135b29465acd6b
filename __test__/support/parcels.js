'use strict';

// Parcels as src/binding/parcels.rs describes them, for tests that are another node.

const net = require('node:net');

const WITH_LOCAL = 0x10;

/** @param {{ address: string, port: number, datagram: Uint8Array, local?: string }[]} datagrams of IPv4, with whom each has asked */
function parcelOf(datagrams) {
  return Buffer.concat(
    datagrams.map(({ address, port, datagram, local }) =>
      Buffer.concat([
        Buffer.from([local === undefined ? 4 : 4 | WITH_LOCAL, ...octets(address)]),
        number(port),
        local === undefined ? Buffer.alloc(0) : octets(local),
        number(datagram.length),
        datagram,
      ]),
    ),
  );
}

function octets(address) {
  if (!net.isIPv4(address)) throw new Error(`${address} is not IPv4`);
  return Buffer.from(address.split('.').map(Number));
}

function number(value) {
  return Buffer.from([value >> 8, value & 0xff]);
}

module.exports = { parcelOf };
