// The tables of docs/interop.md, written from a run of the matrix.

import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../docs/interop.md', import.meta.url);
const [BEGIN, END] = ['<!-- begin: npm run interop -- --markdown -->', '<!-- end -->'];

/** Writes what has been run between the marks; the page's own words stay. */
export function writeTables(results) {
  const page = readFileSync(FILE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('docs/interop.md has lost its marks');
  const counts = count(results, 'ok');
  const summary = `${counts} of ${results.length} pairs exchanged data both ways.`;
  const tables = [summary, '', ...peers(results), '', ...pairs(results)].join('\n');
  writeFileSync(FILE, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`);
}

function peers(results) {
  const rows = [...new Set(results.map(({ peer }) => peer))].map((peer) => {
    const own = results.filter((result) => result.peer === peer);
    const roles = [...new Set(own.map(({ role }) => role))].join(', ');
    const verdict = `${count(own, 'ok')} of ${own.length}`;
    return `| ${peer.name} | ${own[0].version ?? 'not here'} | ${peer.programs} | ${peer.from} | ${roles} | ${verdict} | ${peer.remarks ?? ''} |`;
  });
  return ['| peer | version | programs | from | roles | ok | remarks |', '|---|---|---|---|---|---|---|', ...rows];
}

/** One row for everything that a peer does in a role with one kind of authentication. */
function pairs(results) {
  const groups = new Map();
  for (const result of results) {
    const key = [result.peer.name, result.role, result.what].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const rows = [...groups.values()].map((group) => {
    const [{ peer, role, what, scenario }] = group;
    const suites = group.map(({ suite }) => suite).filter(Boolean);
    const exchanged = peer.serve ? 'CoAP request and answer' : 'a line and its echo';
    const verdicts = [...new Set(group.map(verdictOf))].join('; ');
    const by = scenario.auth === 'raw' ? 'as the peer prefers' : suites.join(', ');
    return `| ${peer.name} | ${role} | ${what} | ${by} | ${exchanged} | ${verdicts} |`;
  });
  return [
    '| peer | its role | authentication | cipher suites | exchanged | result |',
    '|---|---|---|---|---|---|',
    ...rows,
  ];
}

function verdictOf({ result, remark }) {
  return remark ? `${result}: ${remark}` : result;
}

function count(results, wanted) {
  return results.filter(({ result }) => result === wanted).length;
}
