'use strict';

// mbed-dtls/cluster: several processes or hosts that serve one address. See docs/cluster.md.

const net = require('node:net');

const { connect, createServer } = require('../..');
const { invalidArgType, invalidArgValue, outOfRange, stateError } = require('../errors');
const { boolean, checkOptions, integer, port, string } = require('../options/validate');
const { Link } = require('./link');
const { HOST, enter, forkNode, ownId, replaceNode } = require('./workers');

const MAX_NODE = 255;

/** Bytes; what the key of a link has at least. */
const MIN_KEY = 16;

/** Bytes of a parcel between processes of one host, where the network takes whatever UDP does, and between hosts. */
const LOCAL_PARCEL = 15_000;
const REMOTE_PARCEL = 1300;

const CLUSTER = { __proto__: null, name: string };

const LINK = {
  __proto__: null,
  key,
  address,
  port: port(0),
  nodes: places,
  relayAnswers: boolean,
};

/**
 * Makes a server the one of its worker, before it listens: what belongs to other workers goes to them.
 *
 * @param {import('../server').DtlsServer} server with connectionId, 2 bytes or more
 * @param {{ name?: string }} [options] `name`: where a worker has several servers, each has another
 * @returns {import('../server').DtlsServer} the same
 */
function joinCluster(server, options = {}) {
  const { name = '' } = checkOptions(options, 'options', CLUSTER);
  const id = ownId();
  if (id === undefined) {
    throw stateError('ERR_INVALID_STATE', 'joinCluster() is for workers that forkNode() has started');
  }
  server._node.become(id);
  let link = null;
  let hasEnded = false;
  // Others forward to a server that listens: before, a server that it replaces may have the connections.
  const announce = () => {
    const at = link?.address();
    if (server.listening && at) place.announce(at.port);
  };
  const place = enter(
    name,
    (secret) => {
      if (hasEnded) return;
      const settings = { key: secret, relays: false, isSameMachine: true, parcel: LOCAL_PARCEL };
      link = new Link(server, { ...settings, createServer, connect });
      link.on('listening', announce);
      link.on('error', (error) => server.emit('error', error));
      link.listen({ port: 0, address: HOST });
    },
    (nodes) => link?.setNodes(nodes),
  );
  server.on('listening', announce);
  server.once('close', () => {
    hasEnded = true;
    server.removeListener('listening', announce);
    place.leave();
  });
  return server;
}

/**
 * Links a server to those of other hosts.
 *
 * @param {import('../server').DtlsServer} server with nodeId
 * @param {object} options see index.d.ts
 * @returns {Link}
 */
function linkNodes(server, options) {
  const given = checkOptions(options, 'options', LINK);
  const { key: secret, address: host = '::', port: at, nodes = {}, relayAnswers = true } = given;
  if (secret === undefined || at === undefined) {
    throw invalidArgValue('options', 'needs "options.key" and "options.port"');
  }
  if (server._node.id === undefined) throw invalidArgValue('server', 'needs the option nodeId');
  const settings = { key: secret, relays: relayAnswers, isSameMachine: false, parcel: REMOTE_PARCEL };
  const link = new Link(server, { ...settings, createServer, connect });
  link.listen({ port: at, address: host });
  link.setNodes(nodes);
  return link;
}

function key(value, name) {
  if (!(value instanceof Uint8Array)) throw invalidArgType(name, 'an instance of Uint8Array', value);
  if (value.length < MIN_KEY) throw outOfRange(`${name}.length`, `>= ${MIN_KEY}`, value.length);
  return Buffer.from(value);
}

function address(value, name) {
  if (net.isIP(string(value, name)) === 0) throw invalidArgValue(name, 'must be an IP address');
  return value;
}

function places(value, name) {
  if (value === null || typeof value !== 'object') throw invalidArgType(name, 'of type object', value);
  const all = Object.entries(value).map(([id, place]) => {
    integer(0, MAX_NODE)(Number(id), `${name}: the number of a node`);
    if (place === null || typeof place !== 'object') throw invalidArgType(`${name}.${id}`, 'of type object', place);
    const where = {
      address: string(place.address, `${name}.${id}.address`),
      port: port(1)(place.port, `${name}.${id}.port`),
    };
    return [id, where];
  });
  return Object.fromEntries(all);
}

module.exports = { forkNode, joinCluster, linkNodes, replaceNode };
