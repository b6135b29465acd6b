'use strict';

// Forms of addresses. A peer has one address, whatever socket it is reached through: an IPv4 peer of a dual-stack
// socket, which node:dgram reports as '::ffff:192.0.2.1', is '192.0.2.1' here, in events, keys and answers alike. A
// server's keys stay the same when it listens on '::' one day where it has listened on '0.0.0.0'.

const net = require('node:net');

/** RFC 4291 section 2.5.5.2. */
const MAPPED = '::ffff:';

/** The one form of an address: '192.0.2.1' for '::ffff:192.0.2.1', '::1' for '0:0:0:0:0:0:0:1'. */
function canonicalAddress(address) {
  if (net.isIPv4(address)) return address;
  const [bare, zone] = address.split('%');
  const canonical = withoutMapping(new net.SocketAddress({ address: bare, family: 'ipv6' }).address);
  return zone === undefined || net.isIPv4(canonical) ? canonical : `${canonical}%${zone}`;
}

/** The same for an address that node:dgram has reported, which costs next to nothing. */
function withoutMapping(address) {
  if (!address.startsWith(MAPPED)) return address;
  const bare = address.slice(MAPPED.length);
  return net.isIPv4(bare) ? bare : address;
}

/** The form in which a socket of this type can send to an address. */
function reachable(address, type) {
  return type === 'udp6' && net.isIPv4(address) ? MAPPED + address : address;
}

/** What connect() reaches: the addresses that stand for all of a machine's own mean this machine, as in node:net. */
function destination(address) {
  const canonical = canonicalAddress(address);
  if (canonical === '0.0.0.0') return '127.0.0.1';
  return canonical === '::' ? '::1' : canonical;
}

/** Whether one of node:net's lists has an address. */
function isBlocked(blockList, address) {
  const [bare] = address.split('%');
  return blockList.check(bare, bare.includes(':') ? 'ipv6' : 'ipv4');
}

function familyOf(address) {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** The key of an address in a Map. */
function addressKey({ address, port }) {
  return `${address}:${port}`;
}

module.exports = { addressKey, canonicalAddress, destination, familyOf, isBlocked, reachable, withoutMapping };
