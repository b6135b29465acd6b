'use strict';

// What the packed package says of itself, done with it in an empty project: its README, its guide and its session on the command
// line, as they stand in the package. Run by `npm run test:packaging`, or after `npm run pack`.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const { emptyProject, install } = require('./project.js');
const { DIST, startRegistry } = require('./registry.js');
const certificates = require('../support/certificates');
const { freePort } = require('../support/endpoints');
const { programsOf, writeKeys, writeProgram } = require('../support/page-programs');
const { Session } = require('../support/session');

const PAGES = path.join(DIST, 'main', 'docs');
const guide = fs.readdirSync(path.join(PAGES, 'guide')).filter((file) => file !== 'README.md');
const typed = ['cli.md', ...guide.map((file) => path.join('guide', file))];
const reasons = [
  [process.platform === 'win32', 'it is typed into a POSIX shell'],
  [!certificates.available, 'openssl was not found'],
];
const skip = reasons.find(([holds]) => holds)?.[1];

/** An empty project with the package from a registry. */
async function installed(t) {
  const project = emptyProject(t);
  await install(project, await startRegistry(t));
  return { project, here: path.join(project.directory, 'node_modules', 'mbed-dtls') };
}

describe('the packed package', { skip }, () => {
  for (const page of typed) {
    test(`does what its docs/${page} says, as it is typed`, async (t) => {
      const { project, here } = await installed(t);
      const text = fs.readFileSync(path.join(here, 'docs', page), 'utf8');
      const languages = page === 'cli.md' ? ['console'] : ['js', 'sh', 'console'];
      // A page without a line to type only describes.
      if (!text.includes('```console')) return;
      const main = path.join(here, 'lib', 'cli', 'main.js');
      await new Session(t, project.directory, await freePort(), main).follow(text, languages);
    });
  }

  test('does what its README says', async (t) => {
    const { project, here } = await installed(t);
    writeKeys(project.directory);
    const programs = programsOf(fs.readFileSync(path.join(here, 'README.md'), 'utf8'));
    assert.ok(programs.length > 0);
    for (const [index, program] of programs.entries()) {
      const { stdout } = await project.node(await writeProgram(project.directory, `program-${index}.js`, program));
      assert.match(stdout, /^(hello|connected:) \S/, program);
    }
  });
});
