'use strict';

// An empty project that has this package installed, and npm packages that are peers of the interop tests.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { installed } = require('../interop/matrix/installed.js');

const ROOT = path.join(__dirname, '..', '..');
const MODULES = installed('npm', 'node_modules');

/** Why a test that needs these packages cannot run, or undefined. */
function lacking(...names) {
  const name = names.find((each) => !fs.existsSync(path.join(MODULES, each)));
  return name && `the npm package ${name} not found`;
}

/**
 * A directory with a `node_modules`, which is removed after the test.
 *
 * @param {{ after: Function }} t
 * @param {string[]} names of packages to copy, without what they have in node_modules of their own
 * @param {string[]} aliases names under which this package is installed as well
 */
function makeProject(t, names, aliases = []) {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-project-'));
  t.after(() => fs.rmSync(project, { recursive: true }));
  const modules = path.join(project, 'node_modules');
  fs.mkdirSync(modules);
  for (const name of names) {
    const source = path.join(MODULES, name);
    const filter = (file) => file !== path.join(source, 'node_modules');
    fs.cpSync(source, path.join(modules, name), { recursive: true, filter });
  }
  for (const name of ['mbed-dtls', ...aliases]) fs.symlinkSync(ROOT, path.join(modules, name), 'junction');
  return project;
}

module.exports = { MODULES, lacking, makeProject };
