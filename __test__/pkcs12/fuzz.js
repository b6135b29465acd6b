'use strict';

// PKCS#12 files that somebody has spoilt: whatever they say, reading them ends soon, with what they hold or with one of two errors.
//
//   node __test__/pkcs12/fuzz.js SECONDS [SEED]

const assert = require('node:assert/strict');

const { openPfx } = require('../../lib/pkcs12/pfx');
const { Dice } = require('../boundary/dice.js');
const { berOf, opensslPfx, withPbmac1 } = require('../support/pfx.js');
const { mutated } = require('./mutate.js');

const PASSPHRASE = 'secret';
const CODES = new Set(['ERR_DTLS_INVALID_PFX', 'ERR_DTLS_WRONG_PASSPHRASE']);
/** CPU time that one file may take, ms, however busy the machine is. */
const LONGEST = 2000;

const QUICK = ['-noiter', '-nomaciter'];
const PLAIN = ['-keypbe', 'NONE', '-certpbe', 'NONE'];
const OLD = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'SHA1'];

/** Files as programs write them, with their passphrases. Where there is no MAC, a change is not noticed before it is read. */
function seeds() {
  const others = ['ca', 'intermediate'];
  const named = (passphrase, args) => ({ passphrase, bytes: opensslPfx('server', passphrase, args, others) });
  const usual = named(PASSPHRASE, QUICK);
  const plain = named('', ['-nomac', ...PLAIN]);
  return [
    usual,
    named(PASSPHRASE, [...QUICK, ...OLD]),
    named('', ['-nomac', ...QUICK]),
    named('', ['-nomac', ...QUICK, ...OLD]),
    plain,
    plain,
    { ...plain, bytes: berOf(plain.bytes) },
    { passphrase: PASSPHRASE, bytes: withPbmac1(usual.bytes, PASSPHRASE) },
  ];
}

/** Reads one file; throws if it takes too long, or fails with anything but one of our errors. Returns what became of it. */
function open({ bytes, passphrase }) {
  const began = process.cpuUsage();
  let outcome = 'read';
  try {
    openPfx(bytes, passphrase);
  } catch (error) {
    if (error.name !== 'DtlsError' || !CODES.has(error.code)) throw error;
    outcome = error.code;
  }
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  assert(took < LONGEST, `it took ${took} ms`);
  return outcome;
}

/**
 * Reads so many files, or for so long.
 *
 * @returns {Record<string, number>} how often each outcome was seen
 */
function fuzz(seed, { count = Infinity, until = Infinity } = {}) {
  const dice = new Dice(seed);
  const all = seeds();
  const seen = {};
  for (let round = 0; round < count && Date.now() < until; round++) {
    const { bytes, passphrase } = dice.pick(all);
    const file = mutated(bytes, dice);
    try {
      const outcome = open({ bytes: file, passphrase });
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    } catch (error) {
      error.message += `\nseed ${seed}, round ${round}, passphrase '${passphrase}', file ${file.toString('hex').slice(0, 20_000)}`;
      throw error;
    }
  }
  return seen;
}

module.exports = { fuzz, open };

if (require.main === module) {
  const [seconds = '10', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
  console.log(`seed ${seed}`);
  console.log(fuzz(Number(seed), { until: Date.now() + Number(seconds) * 1000 }));
}
