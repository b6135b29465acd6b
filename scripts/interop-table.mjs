// The tables of docs/interop.md, written from a run of the matrix.

import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../docs/interop.md', import.meta.url);
const [BEGIN, END] = ['<!-- begin: npm run interop -- --markdown -->', '<!-- end -->'];
const PEERS = ['| peer | version | programs | from | roles | ok | remarks |', '|---|---|---|---|---|---|---|'];
const PAIRS = [
  '| peer | its role | authentication | cipher suites | exchanged | result |',
  '|---|---|---|---|---|---|',
];

/**
 * Writes what has been run between the marks; the page's own words stay, and so do the rows of peers that have not been run.
 *
 * @param {object[]} results
 * @param {string[]} names of all peers, in their order
 */
export function writeTables(results, names) {
  const page = readFileSync(FILE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const [old, after] = rest?.split(END) ?? [];
  if (after === undefined) throw new Error('docs/interop.md has lost its marks');
  const peerRows = merge(rowsBelow(PEERS, old), peers(results), names);
  const pairRows = merge(rowsBelow(PAIRS, old), pairs(results), names);
  const [passed, all] = [1, 2].map((group) =>
    sum(peerRows.map((row) => Number(row.match(/ (\d+) of (\d+) \|/)[group]))),
  );
  const summary = `${passed} of ${all} pairs exchanged data both ways.`;
  const tables = [summary, '', ...PEERS, ...peerRows, '', ...PAIRS, ...pairRows].join('\n');
  writeFileSync(FILE, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`);
}

/** The rows of a table that is there. */
function rowsBelow(head, text) {
  const rows = text.split(`${head.join('\n')}\n`)[1]?.split('\n\n')[0];
  return rows?.trim().split('\n') ?? [];
}

/** The newer rows of each peer, or else the older ones. */
function merge(older, newer, names) {
  return names.flatMap((name) => {
    const isOf = (row) => row.startsWith(`| ${name} |`);
    return newer.some(isOf) ? newer.filter(isOf) : older.filter(isOf);
  });
}

function peers(results) {
  return [...new Set(results.map(({ peer }) => peer))].map((peer) => {
    const own = results.filter((result) => result.peer === peer);
    const roles = [...new Set(own.map(({ role }) => role))].join(', ');
    const verdict = `${count(own, 'ok')} of ${own.length}`;
    return `| ${peer.name} | ${own[0].version ?? 'not here'} | ${peer.programs} | ${peer.from} | ${roles} | ${verdict} | ${peer.remarks ?? ''} |`;
  });
}

/** One row for everything that a peer does in a role with one kind of authentication. */
function pairs(results) {
  const groups = new Map();
  for (const result of results) {
    const key = [result.peer.name, result.role, result.what].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const [{ peer, role, what, scenario }] = group;
    const suites = group.map(({ suite }) => suite).filter(Boolean);
    const exchanged = peer.serve ? 'CoAP request and answer' : 'a line and its echo';
    const verdicts = [...new Set(group.map(verdictOf))].join('; ');
    const by = scenario.defaults ? 'all of ours' : scenario.auth === 'raw' ? 'as the peer prefers' : suites.join(', ');
    return `| ${peer.name} | ${role} | ${what} | ${by} | ${exchanged} | ${verdicts} |`;
  });
}

function verdictOf({ result, remark }) {
  return remark ? `${result}: ${remark}` : result;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function count(results, wanted) {
  return results.filter(({ result }) => result === wanted).length;
}
