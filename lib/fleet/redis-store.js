'use strict';

// What the nodes of a fleet share, in Redis: each connection under its name, which is its ID or the address of its peer, and
// sessions under their ids. Redis has nothing but what is sealed under the fleet's key.
//
// A connection is a hash: its owner, a generation that grows with each owner, the name of its association, and its sealed
// state. Every change is a script, so that it happens at once or not at all, and names the generation that it is about: who
// has lost a connection can change nothing of it any more. A node hears on a channel of its own what others want of it.
//
// Where two owners could use one nonce twice, the hash also says how far the record numbers of its owner reach (its bound), and
// which process of Redis has been told so. The bound only grows. Who takes over replaces exactly the copy that it goes on from,
// in the script that makes it the owner. And nobody takes over, or gets more numbers, when another process of Redis has the
// hash than the one that has written it: it may be one from before somebody took over.

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
const READ = `local owner, generation, association, sealed, bound, process =
      unpack(redis.call('HMGET', KEYS[1], 'o', 'g', 'a', 's', 'b', 'p'))`;

/** The name of this process of Redis, which another one on the same data does not have; none where Redis does not say. */
const HERE = `local function here()
      local info = redis.pcall('INFO', 'server')
      return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
    end`;

const MATCH = 'owner == ARGV[1] and generation == ARGV[2] and association == ARGV[3]';

const SCRIPTS = {
  // A handshake has ended here, or a connection has come in, whoever had a connection of this name before. One with a bound is
  // written when it has never been before, or when the store has it as this node has left it, or as its former node has.
  // node, association, sealed, milliseconds, channels, name, bound, bound before, whether it is the first copy
  // -> generation, or 0 when it cannot be written
  put: `${READ}
    ${HERE}
    local next = (tonumber(generation) or 0) + 1
    if ARGV[7] ~= '' then
      local process_here = here()
      if process_here == '' then return 0 end
      if association == ARGV[2] then
        if process ~= process_here or not (owner == ARGV[1] or bound == ARGV[8]) then return 0 end
        if bound > ARGV[7] then return tonumber(generation) end
      elseif ARGV[9] ~= '1' then
        return 0
      end
      redis.call('HSET', KEYS[1], 'b', ARGV[7], 'p', process_here)
    elseif bound then
      redis.call('HDEL', KEYS[1], 'b', 'p')
    end
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', next, 'a', ARGV[2], 's', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    if owner and owner ~= '' and owner ~= ARGV[1] then
      redis.call('PUBLISH', ARGV[5] .. owner, 'lost ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[6])
    end
    return next`,
  // node, generation, association, sealed, milliseconds, bound -> 'written', 'lost' to another node, or 'forgotten'. What Redis
  // has lost, it gets again, but for a connection with a bound: somebody may have taken it over before.
  update: `${READ}
    ${HERE}
    if ARGV[6] == '' then
      if owner and not (${MATCH}) then return 'lost' end
    else
      if not owner or process ~= here() then return 'forgotten' end
      if not (${MATCH}) then return 'lost' end
      if bound > ARGV[6] then return 'written' end
      redis.call('HSET', KEYS[1], 'b', ARGV[6])
    end
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', ARGV[2], 'a', ARGV[3], 's', ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
    return 'written'`,
  // node, generation, association
  remove: `${READ}
    if ${MATCH} then return redis.call('DEL', KEYS[1]) end
    return 0`,
  // node, force, milliseconds, channels, name, the sealed state that is known, what takes its place if it has a bound, and the
  // bound of that -> 'none', 'changed', 'asked' with the generation that the connection will have when its owner hands it over, or
  // 'taken' with generation and sealed state.
  // An owner that does not listen to its channel is dead, or as good as dead: it cannot be told.
  claim: `${READ}
    ${HERE}
    if not sealed then return { 'none' } end
    if bound then
      if process ~= here() then return { 'none' } end
      if sealed ~= ARGV[6] or ARGV[7] == '' then return { 'changed' } end
    end
    if owner ~= '' and owner ~= ARGV[1] and ARGV[2] ~= '1' then
      local told = redis.call('PUBLISH', ARGV[4] .. owner, 'release ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[5])
      if told > 0 then return { 'asked', tostring(tonumber(generation) + 1) } end
    end
    if owner ~= '' and owner ~= ARGV[1] then
      redis.call('PUBLISH', ARGV[4] .. owner, 'lost ' .. generation .. ' ' .. ARGV[1] .. ' ' .. ARGV[5])
    end
    local next = tonumber(generation) + 1
    redis.call('HSET', KEYS[1], 'o', ARGV[1], 'g', next)
    if bound then
      sealed = ARGV[7]
      redis.call('HSET', KEYS[1], 's', sealed, 'b', ARGV[8])
    end
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return { 'taken', tostring(next), sealed }`,
  // node, generation, association, sealed or nothing, milliseconds, channels, who wants it, name, bound. With what is sealed, who
  // wants it is the next owner at once, and hears its generation with it.
  release: `${READ}
    local next = '0'
    if ${MATCH} then
      if ARGV[4] ~= '' then
        next = tostring(tonumber(generation) + 1)
        redis.call('HSET', KEYS[1], 'o', ARGV[7], 'g', next, 's', ARGV[4])
        if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'b', ARGV[9]) end
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

  /**
   * @param {{ association: string, sealed: string, timeout: number, bound?: string, before?: string, isFirst?: boolean }} state
   *   `bound`: how far the record numbers of its owner reach then, where others must not use them too; `before`: how far they
   *   have by the copy before; `isFirst`: whether there has never been one
   * @returns {Promise<string | null>} the generation; null when the connection cannot be in the store any more
   */
  async put(name, { association, sealed, timeout, bound = '', before = '', isFirst = false }) {
    const args = [this.node, association, sealed, timeout, this._channels, name, bound, before, isFirst ? '1' : '0'];
    const generation = await this._script('put', name, args);
    return generation === 0 ? null : String(generation);
  }

  /**
   * @returns {Promise<'written' | 'lost' | 'forgotten'>} `lost`: the connection is another node's; `forgotten`: it may have been, and
   *   cannot be in the store any more
   */
  async update(name, { generation, association, sealed, timeout, bound = '' }) {
    return this._script('update', name, [this.node, generation, association, sealed, timeout, bound]);
  }

  async remove(name, { generation, association }) {
    await this._script('remove', name, [this.node, generation, association]);
  }

  /**
   * @param {{ isForced: boolean, timeout: number, sealed: string, successor?: { sealed: string, bound: string } }} claim `sealed`: what
   *   the store has; `successor`: what takes its place, where there is a bound
   * @returns {Promise<[string, string?, string?]>} see the script
   */
  async claim(name, { isForced, timeout, sealed, successor }) {
    const exchange = successor === undefined ? ['', '', ''] : [sealed, successor.sealed, successor.bound];
    return this._script('claim', name, [this.node, isForced ? '1' : '0', timeout, this._channels, name, ...exchange]);
  }

  /** @param {{ to: string, sealed: string, bound?: string }} release the node that wants it, and the state or nothing */
  async release(name, { generation, association, sealed, timeout, to, bound = '' }) {
    const args = [this.node, generation, association, sealed, timeout, this._channels, to, name, bound];
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

  /** Whether commands leave at all. */
  get isReady() {
    return this.#client.isReady !== false;
  }

  /** A client that waits for Redis to come back would keep devices waiting. */
  _command(...args) {
    if (!this.isReady) return Promise.reject(new Error('Redis is not connected'));
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
