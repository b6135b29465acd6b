'use strict';

// What the nodes of a fleet share, in Redis: each connection under its name, which is its ID or the address of its peer, and
// sessions under their ids. Redis has nothing but what is sealed under the fleet's key.
//
// A connection is a hash: its owner, a generation that grows with each owner, the name of its association, and its sealed
// state. Every change is a script, so that it happens at once or not at all, and names the generation that it is about: who
// has lost a connection can change nothing of it any more. A node hears on a channel of its own what others want of it.

const { randomBytes } = require('node:crypto');

const { invalidArgType } = require('../errors');
const { exportKey } = require('../options/export-key');
const { checkOptions, integer, string } = require('../options/validate');
const { Records } = require('./records');

const OPTIONS = { __proto__: null, key: exportKey, prefix: string, timeout: integer(1, 60_000) };

const DEFAULTS = { prefix: 'mbed-dtls:', timeout: 1000 };

/** Our own limit holds. That of the client makes an AbortSignal for each command, which costs as much as the command. */
const UNTIMED = { timeout: 0 };

/** The values of a hash, in this order, and its key, in every script. */
const READ = "local owner, generation, association, sealed = unpack(redis.call('HMGET', KEYS[1], 'o', 'g', 'a', 's'))";

const MATCH = 'owner == ARGV[1] and generation == ARGV[2] and association == ARGV[3]';

const SCRIPTS = {
  // A handshake has ended here, whoever had a connection of this name before.
  // node, association, sealed, milliseconds, channels, name -> generation
  put: `${READ}
    local next = (tonumber(generation) or 0) + 1
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', next, 'a', ARGV[2], 's', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    if owner and owner ~= '' and owner ~= ARGV[1] then
      redis.call('PUBLISH', ARGV[5] .. owner, 'lost ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[6])
    end
    return next`,
  // node, generation, association, sealed, milliseconds -> whether the node still has it. What Redis has lost, it gets again.
  update: `${READ}
    if owner and not (${MATCH}) then return 0 end
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', ARGV[2], 'a', ARGV[3], 's', ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
    return 1`,
  // node, generation, association
  remove: `${READ}
    if ${MATCH} then return redis.call('DEL', KEYS[1]) end
    return 0`,
  // node, force, milliseconds, channels, name -> 'none', 'asked', or 'taken' with generation and sealed state.
  // An owner that does not listen to its channel is dead, or as good as dead: it cannot be told.
  claim: `${READ}
    if not sealed then return { 'none' } end
    if owner ~= '' and owner ~= ARGV[1] and ARGV[2] ~= '1' then
      local told = redis.call('PUBLISH', ARGV[4] .. owner, 'release ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[5])
      if told > 0 then return { 'asked' } end
    end
    if owner ~= '' and owner ~= ARGV[1] then
      redis.call('PUBLISH', ARGV[4] .. owner, 'lost ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[5])
    end
    local next = tonumber(generation) + 1
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', next)
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return { 'taken', tostring(next), sealed }`,
  // node, generation, association, sealed or nothing, milliseconds, channels, who wants it, name. With what is sealed, who wants
  // it is the next owner at once, and hears its generation with it.
  release: `${READ}
    local next = '0'
    if ${MATCH} then
      if ARGV[4] ~= '' then
        next = tostring(tonumber(generation) + 1)
        redis.call('HSET', KEYS[1], 'o', ARGV[7], 'g', next, 's', ARGV[4])
      else
        redis.call('HSET', KEYS[1], 'o', '')
      end
      redis.call('PEXPIRE', KEYS[1], ARGV[5])
    end
    redis.call('PUBLISH', ARGV[6] .. ARGV[7], 'released ' .. next .. ' ' .. ARGV[1] .. ' ' .. ARGV[8] .. ' ' .. ARGV[4])
    return 1`,
};

/**
 * The store of a fleet. The methods `get`, `set` and `delete` are those of a `sessionStore`; the others are for a server's
 * `connectionStore`.
 */
class RedisStore {
  #key;
  #records;
  #client;

  constructor(client, options) {
    const { key, prefix, timeout } = { __proto__: null, ...DEFAULTS, ...checkOptions(options, 'options', OPTIONS) };
    for (const method of ['sendCommand', 'duplicate', 'on']) {
      if (typeof client?.[method] !== 'function')
        throw invalidArgType('client', 'a client of the package redis', client);
    }
    this.#key = key ?? exportKey(undefined, 'options.key');
    this.#records = new Records(this.#key);
    this.#client = client;
    this._prefix = prefix;
    this._timeout = timeout;
    /** Names this node in the fleet, as long as the process lives. */
    this.node = randomBytes(8).toString('hex');
    this._subscriber = null;
  }

  /** The same store for another node, as each server is one. */
  another() {
    return new RedisStore(this.#client, { key: this.#key, prefix: this._prefix, timeout: this._timeout });
  }

  // Sessions

  /** @returns {Promise<Buffer | undefined>} */
  async get(id) {
    const sealed = await this._command('GET', this._sessionKey(id));
    return sealed === null ? undefined : this.open(this._sessionKey(id), sealed);
  }

  /** @param {number} timeout ms */
  async set(id, session, timeout) {
    const key = this._sessionKey(id);
    await this._command('SET', key, this.seal(key, [Buffer.from(session)]), 'PX', String(Math.ceil(timeout)));
  }

  async delete(id) {
    await this._command('DEL', this._sessionKey(id));
  }

  // Connections

  /**
   * Begins to listen.
   *
   * @param {(word: 'lost' | 'release' | 'released', generation: string, node: string, name: string, sealed?: string) => void}
   *   onMessage
   */
  async listen(onMessage) {
    const subscriber = this.#client.duplicate();
    this._subscriber = subscriber;
    // The application hears of it by its own client.
    subscriber.on('error', () => {});
    await subscriber.connect();
    await subscriber.subscribe(this._channels + this.node, (message) => {
      onMessage(...message.split(' '));
    });
  }

  /** Hears nothing more. */
  async close() {
    const subscriber = this._subscriber;
    this._subscriber = null;
    subscriber?.destroy();
  }

  /** @returns {Promise<string | null>} the sealed state of the connection of this name */
  async peek(name) {
    return this._command('HGET', this._key(name), 's');
  }

  /** @returns {Promise<string>} the generation */
  async put(name, { association, sealed, timeout }) {
    const args = [this.node, association, sealed, timeout, this._channels, name];
    return String(await this._script('put', name, args));
  }

  /** @returns {Promise<boolean>} false when the connection is another node's */
  async update(name, { generation, association, sealed, timeout }) {
    return (await this._script('update', name, [this.node, generation, association, sealed, timeout])) === 1;
  }

  async remove(name, { generation, association }) {
    await this._script('remove', name, [this.node, generation, association]);
  }

  /** @returns {Promise<[string, string?, string?]>} see the script */
  async claim(name, { isForced, timeout }) {
    return this._script('claim', name, [this.node, isForced ? '1' : '0', timeout, this._channels, name]);
  }

  /** @param {{ to: string, sealed: string }} release the node that wants it, and the state or nothing */
  async release(name, { generation, association, sealed, timeout, to }) {
    const args = [this.node, generation, association, sealed, timeout, this._channels, to, name];
    await this._script('release', name, args);
  }

  // What is sealed

  /** @param {Buffer[]} pieces are wiped */
  seal(name, pieces) {
    return this.#records.seal(name, pieces).toString('base64');
  }

  /** @returns {Buffer} */
  open(name, sealed) {
    return this.#records.open(name, Buffer.from(sealed, 'base64'));
  }

  // Redis

  get _channels() {
    return `${this._prefix}node:`;
  }

  _key(name) {
    return `${this._prefix}connection:${name}`;
  }

  _sessionKey(id) {
    return `${this._prefix}session:${typeof id === 'string' ? id : Buffer.from(id).toString('hex')}`;
  }

  /** Redis keeps the script after its first use, under the hash of its text. */
  async _script(script, name, args) {
    return this._command('EVAL', SCRIPTS[script], '1', this._key(name), ...args.map(String));
  }

  /** A client that waits for Redis to come back would keep devices waiting. */
  _command(...args) {
    if (this.#client.isReady === false) return Promise.reject(new Error('Redis is not connected'));
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Redis has not answered within ${this._timeout} ms`)), this._timeout);
    });
    return Promise.race([this.#client.sendCommand(args, UNTIMED), late]).finally(() => clearTimeout(timer));
  }
}

/**
 * @param {object} client of the package redis, connected
 * @param {{ key: Uint8Array, prefix?: string, timeout?: number }} options
 * @returns {RedisStore} for `connectionStore` and `sessionStore`
 */
function createRedisStore(client, options) {
  return new RedisStore(client, options);
}

module.exports = { RedisStore, createRedisStore };
