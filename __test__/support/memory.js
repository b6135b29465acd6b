'use strict';

// Looks for bytes in the memory of another process of ours. Linux only.

const fs = require('node:fs');

/** How much is read at a time, bytes. */
const PIECE = 1 << 20;

/**
 * Which of these needles are in the writable memory of a process.
 *
 * @param {number} pid
 * @param {{ [name: string]: Buffer }} needles
 * @returns {string[]} their names
 */
function foundIn(pid, needles) {
  const overlap = Math.max(...Object.values(needles).map(({ length }) => length)) - 1;
  const found = new Set();
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const [start, end] of writableParts(pid)) {
      for (let at = start; at < end; at += PIECE) {
        const piece = read(memory, at, Math.min(PIECE + overlap, end - at));
        for (const [name, needle] of Object.entries(needles)) if (piece.includes(needle)) found.add(name);
      }
    }
  } finally {
    fs.closeSync(memory);
  }
  return [...found].sort();
}

function writableParts(pid) {
  const lines = fs.readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n');
  const parts = lines.map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)).filter((match) => match !== null);
  // The addresses of processes fit into a double.
  return parts.map(([, start, end]) => [Number.parseInt(start, 16), Number.parseInt(end, 16)]);
}

function read(memory, at, length) {
  const piece = Buffer.alloc(length);
  try {
    return piece.subarray(0, fs.readSync(memory, piece, 0, length, at));
  } catch {
    // A part that has gone meanwhile, or that nobody may read.
    return Buffer.alloc(0);
  }
}

module.exports = { foundIn };
