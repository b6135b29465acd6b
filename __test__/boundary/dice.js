'use strict';

// Dice that fall the same way every time, and the values that no sane program passes.

/** xorshift32: small, and the same everywhere. */
class Dice {
  constructor(seed) {
    this._state = (seed ^ 0x9e3779b9) >>> 0 || 1;
    for (let round = 0; round < 8; round++) this.roll(2);
  }

  /** 0 up to `sides` - 1. */
  roll(sides) {
    let state = this._state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this._state = state >>> 0;
    return this._state % sides;
  }

  pick(values) {
    return values[this.roll(values.length)];
  }

  bytes(length) {
    return Buffer.from({ length }, () => this.roll(256));
  }
}

const thrower = {
  get() {
    throw new RangeError('a getter that throws');
  },
  enumerable: true,
};

/** An object all of whose properties throw when they are read. */
function throwing() {
  return new Proxy(
    {},
    { get: thrower.get, has: () => true, ownKeys: () => ['psk'], getOwnPropertyDescriptor: thrower.get },
  );
}

/** A buffer whose memory was transferred elsewhere. */
function detached(dice) {
  const bytes = new Uint8Array(1 + dice.roll(64));
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

/** A view whose buffer gets shorter than it was. */
function shrunk(dice) {
  const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
  const view = dice.roll(2) === 0 ? new Uint8Array(buffer) : new Uint8Array(buffer, 8, 40);
  buffer.resize(dice.pick([0, 4, 16, 128]));
  return view;
}

/**
 * One value of any kind.
 *
 * @param {Dice} dice
 * @param {() => void} reenter called by getters and conversions, in the middle of whatever reads them
 */
function hostileValue(dice, reenter) {
  const kinds = [
    () => undefined,
    () => null,
    () => dice.pick([true, false]),
    () =>
      dice.pick([
        0,
        -0,
        1,
        -1,
        0.5,
        NaN,
        Infinity,
        -Infinity,
        2 ** 31,
        2 ** 32,
        2 ** 32 + 1,
        2 ** 53,
        -(2 ** 63),
        1e308,
      ]),
    () => dice.roll(40),
    () => dice.pick(['', 'bob', '\0', '127.0.0.1', 'é'.repeat(300), '\ud800', 'x'.repeat(70_000), '__proto__']),
    () => dice.pick([0n, -1n, 2n ** 64n]),
    () => Symbol('a symbol'),
    () => dice.bytes(dice.pick([0, 1, 16, 64, 1500, 70_000])),
    () => new Uint8Array(new SharedArrayBuffer(dice.roll(64))),
    () => new Uint32Array(dice.roll(8)),
    () => new DataView(new ArrayBuffer(dice.roll(16))),
    () => new ArrayBuffer(dice.roll(64)),
    () => detached(dice),
    () => shrunk(dice),
    () => [],
    () => Array.from({ length: dice.roll(6) }, () => hostileValue(dice, reenter)),
    () => ({}),
    () => throwing(),
    () => Object.defineProperty({}, dice.pick(['psk', 'address', 'port', 'code']), thrower),
    () => revoked(),
    () => new Proxy(Buffer.alloc(8), {}),
    () => Object.create(null),
    () => reentrant(reenter),
    () => () => reenter(),
    () => {
      throw new RangeError('this getter always throws');
    },
    () => Promise.resolve(1),
    () => new Date(NaN),
    () => new (class extends Uint8Array {})(8),
    () => globalThis,
  ];
  try {
    return dice.pick(kinds)();
  } catch {
    return undefined;
  }
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** An object that does something else in the middle of being read. */
function reentrant(reenter) {
  const read = () => {
    reenter();
    return 7;
  };
  const names = [
    'psk',
    'identity',
    'address',
    'port',
    'length',
    'byteLength',
    'ownPsk',
    'restore',
    'move',
    'session',
    'timeout',
  ];
  const object = Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, { get: read, enumerable: true, configurable: true }])),
  );
  object.toString = read;
  object.valueOf = read;
  object[Symbol.toPrimitive] = read;
  return object;
}

module.exports = { Dice, hostileValue };
