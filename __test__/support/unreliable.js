'use strict';

// Clients of Redis that a store cannot rely on.

const { setTimeout: sleep } = require('node:timers/promises');

/** A client of Redis that can be cut off from it. */
function cutOff(client) {
  const cut = {
    isReady: true,
    on() {},
    sendCommand: (args, options) =>
      cut.isReady ? client.sendCommand(args, options) : Promise.reject(new Error('cut off')),
    duplicate() {
      const subscriber = client.duplicate();
      const subscribe = subscriber.subscribe.bind(subscriber);
      subscriber.subscribe = (channel, listener) => subscribe(channel, (...args) => cut.isReady && listener(...args));
      return subscriber;
    },
  };
  return cut;
}

/**
 * A client whose commands and messages come late, twice, or not at all, and whose answers are lost, from when its `isReliable` is false.
 *
 * @param {object} client
 * @param {Dice} dice
 * @param {{ lateness: number }} options ms, at most
 */
function unreliable(client, dice, { lateness }) {
  const late = () => sleep(dice.roll(lateness));
  const fates = [
    () => Promise.reject(new Error('lost')),
    (send) => send().then(() => Promise.reject(new Error('its answer is lost'))),
    (send) => send().then(send),
    (send) => late().then(send),
    (send) => Promise.all([send(), late()]).then(([answer]) => answer),
  ];
  const old = [];
  const bad = {
    isReliable: true,
    on() {},
    sendCommand(args, options) {
      const send = () => client.sendCommand(args, options);
      const fate = bad.isReliable ? undefined : fates[dice.roll(4 * fates.length)];
      return fate === undefined ? send() : fate(send);
    },
    duplicate() {
      const subscriber = client.duplicate();
      const subscribe = subscriber.subscribe.bind(subscriber);
      const listen = (listener) => async (message) => {
        old.push(message);
        if (bad.isReliable) return listener(message);
        if (dice.roll(6) === 0) return;
        if (dice.roll(4) === 0) await late();
        listener(message);
        // What has come before comes once more.
        if (dice.roll(2) === 0) listener(old[dice.roll(old.length)]);
      };
      subscriber.subscribe = (channel, listener) => subscribe(channel, listen(listener));
      return subscriber;
    },
  };
  return bad;
}

/** A client of Redis to which each handover is told as the first one was, from when `isReplaying`. */
function replaying(client) {
  let first = null;
  const bad = {
    isReplaying: false,
    on() {},
    sendCommand: (...args) => client.sendCommand(...args),
    duplicate() {
      const subscriber = client.duplicate();
      const subscribe = subscriber.subscribe.bind(subscriber);
      const replay = (listener) => (message) => {
        if (message.startsWith('released')) first ??= message;
        listener(message.startsWith('released') && bad.isReplaying ? first : message);
      };
      subscriber.subscribe = (channel, listener) => subscribe(channel, replay(listener));
      return subscriber;
    },
  };
  return bad;
}

/** xorshift32: what happens is to happen again. */
class Dice {
  /** @param {number} seed not 0 */
  constructor(seed) {
    this._state = seed;
  }

  /** @returns {number} from 0 to sides - 1 */
  roll(sides) {
    let state = this._state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this._state = state >>> 0;
    return this._state % sides;
  }
}

module.exports = { Dice, cutOff, replaying, unreliable };
