'use strict';

// A page that shows what a server does: its connections, its counters, and what fails. It is written on the public API
// only, serves the files of page/ as they are, and answers the questions of the page with JSON.

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { invalidArgType } = require('../errors');
const { callback, checkOptions, integer, port, string } = require('../options/validate');
const { DtlsServer } = require('../server');
const { Connections, SORTS } = require('./connections');
const { Failures } = require('./failures');
const { History } = require('./history');
const { Refusal, listener } = require('./requests');

const OPTIONS = { __proto__: null, port: port(0), host: string };
const DEFAULTS = { __proto__: null, port: 0, host: '127.0.0.1' };

const PAGE = path.join(__dirname, 'page');
const TYPES = {
  __proto__: null,
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Most HTTP connections at a time. A browser makes six at most. */
const MOST_BROWSERS = 64;

/** Longest text to search for, characters, and most rows in an answer. */
const LONGEST_SEARCH = 200;
const MOST_ROWS = 200;

/**
 * Shows what a server does, in a browser. The dashboard does not keep the process alive.
 *
 * @param {DtlsServer} server
 * @param {{ port?: number, host?: string }} [options] where; on loopback without a host, on any port without a port
 * @param {() => void} [listeningListener]
 * @returns {http.Server} that listens; close() ends the dashboard
 */
function serveDashboard(server, options = {}, listeningListener = undefined) {
  if (!(server instanceof DtlsServer)) throw invalidArgType('server', 'an instance of DtlsServer', server);
  const where = { ...DEFAULTS, ...checkOptions(options, 'options', OPTIONS) };
  if (listeningListener !== undefined) callback(listeningListener, 'listeningListener');
  const view = new View(server);
  const files = readPage();
  const answer = async (name, query, signal) => files.get(name) ?? json(await view.answer(name, query, signal));
  const dashboard = http.createServer({ requestTimeout: 10_000 }, listener(where.host, answer));
  dashboard.maxConnections = MOST_BROWSERS;
  // A browser that stays must not keep the process alive either.
  dashboard.on('connection', (connection) => connection.unref());
  dashboard.on('close', () => view.close());
  dashboard.on('error', () => {
    if (!dashboard.listening) view.close();
  });
  return dashboard.listen(where.port, where.host, listeningListener).unref();
}

/** What there is to see of a server. */
class View {
  #server;
  #started = Date.now();
  #failures = new Failures();
  #connections;
  #history;
  #onClientError = (error, socket) => this.#failures.note('handshake', error, socket);

  constructor(server) {
    this.#server = server;
    this.#connections = new Connections(server, (error, socket) => this.#failures.note('connection', error, socket));
    this.#history = new History(() => ({ counters: server.stats, failures: this.#failures.takeCounts() }));
    server.on('clientError', this.#onClientError);
  }

  close() {
    this.#server.off('clientError', this.#onClientError);
    this.#connections.close();
    this.#history.close();
  }

  /** @returns {Promise<object>} what the page asks for */
  async answer(name, query, signal) {
    switch (name) {
      case '/api/state':
        return this.#state(number(query, 'samples'), number(query, 'failures'));
      case '/api/connections':
        return { now: Date.now(), ...(await this.#connections.page(pageQuery(query), signal)) };
      case '/api/connection': {
        const connection = this.#connections.details(number(query, 'number'));
        if (connection === null) throw new Refusal(404, 'This connection has ended');
        return { now: Date.now(), connection };
      }
      default:
        throw new Refusal(404, 'There is nothing here');
    }
  }

  #state(firstSample, lastFailure) {
    return {
      now: Date.now(),
      started: this.#started,
      address: this.#server.address(),
      history: this.#history.from(firstSample),
      failures: this.#failures.after(lastFailure),
    };
  }
}

/** The files of the page by their names in a URL. */
function readPage() {
  const files = new Map();
  for (const name of fs.readdirSync(PAGE)) {
    const type = TYPES[path.extname(name)];
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, body: fs.readFileSync(path.join(PAGE, name)) });
  }
  return files;
}

function json(value) {
  return { type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

function pageQuery(query) {
  const search = query.get('search') ?? '';
  const sort = query.get('sort') ?? 'age';
  if (search.length > LONGEST_SEARCH) throw new Refusal(400, `search is longer than ${LONGEST_SEARCH} characters`);
  if (!SORTS.includes(sort)) throw new Refusal(400, `sort is none of ${SORTS.join(', ')}`);
  const descending = query.get('order') !== 'ascending';
  return { search, sort, descending, offset: number(query, 'offset'), limit: number(query, 'limit', 1, MOST_ROWS) };
}

/** A whole number of the query; `least` if it is absent. */
function number(query, name, least = 0, most = Number.MAX_SAFE_INTEGER) {
  try {
    return integer(least, most)(Number(query.get(name) ?? least), name);
  } catch (error) {
    throw new Refusal(400, error.message);
  }
}

module.exports = { serveDashboard };
