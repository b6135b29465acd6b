// The licences of what is linked into the addon, as text: most of them ask to go with every copy, binaries too.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LICENSE = /^(licen[cs]e|copying|copyright|notice)/i;
// Where crates keep the C sources that they bring, which have licences of their own.
const SOURCES = ['', 'vendor', 'aws-lc'];

/**
 * @param {string} root the crate's directory
 * @returns {string} one section for each crate, and each text of a licence once
 */
export function thirdPartyLicenses(root) {
  const args = ['metadata', '--format-version', '1', '--locked'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
  const { packages, resolve } = JSON.parse(execFileSync('cargo', args, options));
  const linked = linkedFrom(resolve.root, resolve.nodes);
  const sections = packages
    .filter(({ id }) => linked.has(id) && id !== resolve.root)
    .map((crate) => ({
      title: `${crate.name} ${crate.version} (${crate.license ?? 'see below'})`,
      texts: textsOf(crate),
    }))
    .sort((one, other) => one.title.localeCompare(other.title, 'en'));

  const users = new Map();
  for (const { title, texts } of sections) {
    for (const text of texts) users.set(text, [...(users.get(text) ?? []), title]);
  }
  const line = '-'.repeat(80);
  const blocks = [...users].map(([text, titles]) => `${line}\n${titles.join('\n')}\n${line}\n\n${text}\n`);
  const silent = sections.filter(({ texts }) => texts.length === 0).map(({ title }) => title);
  return [
    'mbed-dtls contains the following software, under the following licences.\n',
    ...blocks,
    ...(silent.length > 0 ? [`${line}\nWithout a text of their own: ${silent.join(', ')}\n`] : []),
  ].join('\n');
}

/** The crate and its dependencies, without those of build scripts and tests. */
function linkedFrom(crate, nodes, seen = new Set()) {
  if (seen.has(crate)) return seen;
  seen.add(crate);
  for (const { pkg, dep_kinds: kinds } of nodes.find(({ id }) => id === crate).deps) {
    if (kinds.some(({ kind }) => kind === null)) linkedFrom(pkg, nodes, seen);
  }
  return seen;
}

function textsOf(crate) {
  const directory = path.dirname(crate.manifest_path);
  return SOURCES.map((source) => path.join(directory, source))
    .filter((source) => existsSync(source))
    .flatMap((source) =>
      readdirSync(source, { withFileTypes: true })
        .filter((entry) => entry.isFile() && LICENSE.test(entry.name))
        .map((entry) => readFileSync(path.join(source, entry.name), 'utf8').trim().replaceAll('\r\n', '\n')),
    );
}
