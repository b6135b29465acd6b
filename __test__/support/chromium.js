'use strict';

// Headless Chromium, of the system's or Playwright's own, driven by Playwright.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

const { chromium } = load();
const executablePath = chromium && find();

/** Why tests in a browser cannot run here, or false. */
const missing = executablePath ? false : `${chromium ? PROGRAMS[0] : 'playwright-core'} not found`;

/** Starts the browser. */
function launch() {
  return chromium.launch({ executablePath });
}

function load() {
  try {
    return require('playwright-core');
  } catch {
    return {};
  }
}

function find() {
  const directories = (process.env.PATH ?? '').split(path.delimiter);
  const installed = PROGRAMS.flatMap((program) => directories.map((directory) => path.join(directory, program)));
  return [chromium.executablePath(), ...installed].find((file) => fs.existsSync(file));
}

module.exports = { launch, missing };
