'use strict';

// The dashboard in headless Chromium.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { connect, createServer, serveDashboard } = require('../..');
const { launch, missing } = require('../support/chromium.js');
const { HOST, event } = require('../support/endpoints.js');

const COUNT = 60;
const PSK = 'secret';

/** An identity that would be a picture, and run a program, if the page took it for HTML; and that reorders text. */
const HOSTILE = '<img src=x onerror="document.title=1">\u202e';

describe('the dashboard in Chromium', { skip: missing && `skipped (${missing})` }, () => {
  let server;
  let dashboard;
  let browser;
  let page;
  const clients = [];
  // Whatever a page complains about, or loads from elsewhere.
  const complaints = [];

  before(async () => {
    server = createServer({ pskCallback: (_socket, identity) => (identity === 'stranger' ? null : PSK) });
    server.listen(0, HOST);
    await event(server, 'listening');
    dashboard = serveDashboard(server);
    const names = Array.from({ length: COUNT - 1 }, (_, index) => `sensor-${String(index).padStart(3, '0')}`);
    [browser] = await Promise.all([launch(), Promise.all([...names, HOSTILE].map(join))]);
    page = await open({ colorScheme: 'light', viewport: { width: 1440, height: 900 } });
  });

  after(async () => {
    await browser?.close();
    for (const client of clients) client.destroy();
    dashboard?.close();
    server?.close();
  });

  async function join(pskIdentity) {
    const client = connect({ host: HOST, port: server.address().port, psk: PSK, pskIdentity });
    clients.push(client);
    client.on('error', () => {});
    await event(client, pskIdentity === 'stranger' ? 'close' : 'secureConnect');
    client.write(pskIdentity);
  }

  /** A page that shows rows. */
  async function open(options) {
    const url = `http://${HOST}:${dashboard.address().port}/`;
    const opened = await browser.newPage(options);
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('console', (message) => complaints.push(message.text()));
    opened.on('request', (request) => {
      if (!request.url().startsWith(url)) complaints.push(request.url());
    });
    await opened.goto(url);
    await opened.waitForSelector('.row .identity');
    return opened;
  }

  /** Lets the page ask the server now, and not up to two seconds later. */
  const ask = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  const search = async (text) => {
    await page.keyboard.press('/');
    await page.fill('#search', text);
  };
  const shows = (text) =>
    page.waitForFunction((wanted) => document.querySelector('#matching').textContent === wanted, text);
  const chosen = () => page.textContent('[aria-selected="true"] .identity');

  test('connections are found and opened with the keyboard alone', async () => {
    await shows(String(COUNT));
    await page.keyboard.press('/');
    await page.keyboard.type('sensor-01');
    await shows(`10 of ${COUNT}`);
    await page.keyboard.press('Enter');
    await page.keyboard.press('End');
    const last = await chosen();
    await page.keyboard.press('Home');
    const first = await chosen();
    assert.match(`${first} ${last}`, /^sensor-01\d sensor-01\d$/);
    assert.notEqual(first, last);
    await page.keyboard.press('ArrowDown');
    const second = await chosen();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#details[open]');
    assert.match(await page.textContent('#facts'), new RegExp(`Identity${second}Proved bypre-shared keyAuthorizedyes`));
    await page.keyboard.press('Escape');
    assert.equal(await page.isVisible('#details'), false);
    await search('nobody');
    await page.waitForSelector('#empty:not([hidden])');
  });

  test('only the rows that are seen are made, and a click on a title sorts them', async () => {
    await search('');
    await shows(String(COUNT));
    const seen = await page.locator('.row').count();
    assert(seen < COUNT, `${seen} rows`);
    await page.click('text=Identity');
    await page.waitForFunction(() => document.querySelector('.row .identity').textContent.startsWith('<img'));
    await page.focus('#rows');
    await page.keyboard.press('End');
    const last = () => document.querySelector('[aria-selected="true"] .identity')?.textContent === 'sensor-058';
    await page.waitForFunction(last);
    assert((await page.locator('.row').count()) <= seen + 1);
  });

  test('names of strangers are text', async () => {
    await search('<img');
    await shows(`1 of ${COUNT}`);
    assert.equal(await page.textContent('.row .identity'), HOSTILE.replace('\u202e', '\\u202e'));
    assert.equal(await page.locator('#rows img').count(), 0);
    assert.match(await page.title(), /^\d+ connections/);
  });

  test('a refused handshake appears with its code, and plots show numbers', async () => {
    await search('');
    await join('stranger');
    await ask();
    await page.waitForSelector('#last li');
    assert.match(await page.textContent('#last li'), /“stranger”.*ERR_DTLS_UNKNOWN_PSK_IDENTITY/);
    assert.match(await page.textContent('#codes'), /ERR_DTLS_UNKNOWN_PSK_IDENTITY1/);
    const attributes = (selector, name) =>
      page.locator(selector).evaluateAll((all, wanted) => all.map((each) => each.getAttribute(wanted)), name);
    const plots = await attributes('.plot svg', 'aria-label');
    assert.equal(plots.length, 4);
    await page.waitForSelector('[aria-label="Connections now: connections 60, handshakes 0, questions that wait 0"]');
    for (const path of await attributes('.plot .line', 'd')) assert.match(path, /^M[\d.,L]+$/);
  });

  test('it is dark where the system is, and fits a small screen', async () => {
    const brightness = () =>
      page.evaluate(() => Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0]));
    assert((await brightness()) > 200);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert((await brightness()) < 50);
    await page.setViewportSize({ width: 390, height: 800 });
    assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test('two million connections can be scrolled through to the last', async () => {
    const total = 2_000_000;
    const questions = '**/api/connections?*';
    // No server here has so many: the page gets rows that are made up.
    await page.route(questions, (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [offset, limit] = ['offset', 'limit'].map((name) => Number(query.get(name)));
      const rows = Array.from({ length: Math.min(limit, total - offset) }, (_, index) => ({
        number: offset + index,
        peer: HOST,
        identity: { kind: 'psk', name: `device ${offset + index}` },
        suite: 'PSK-AES128-CCM8',
        since: 0,
        heard: 0,
        bytesReceived: 0,
        bytesSent: 0,
        ended: false,
      }));
      return route.fulfill({ json: { now: 1, total, matching: total, rows } });
    });
    await ask();
    await shows('2,000,000');
    const chosenIs = (number) => page.waitForSelector(`[aria-selected="true"] :text-is("device ${number}")`);
    await page.focus('#rows');
    await page.keyboard.press('End');
    await chosenIs(total - 1);
    await page.keyboard.press('ArrowUp');
    await chosenIs(total - 2);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await chosenIs(1);
    // In the middle, each row is seen and none comes twice.
    await page.evaluate(() => {
      const rows = document.querySelector('#rows');
      rows.scrollTop = rows.scrollHeight / 2;
    });
    await page.waitForFunction(() => {
      const seen = [...document.querySelectorAll('.row:not([hidden]) .identity')].map(({ textContent }) =>
        Number(textContent.slice(7)),
      );
      return seen[0] > 900_000 && seen.every((number, index) => number === seen[0] + index);
    });
    await page.unroute(questions);
  });

  test('nothing has come from elsewhere, and nothing has failed', () => {
    assert.deepEqual(complaints, []);
  });

  test('it says when the server does not answer any more', async () => {
    dashboard.close();
    dashboard.closeAllConnections();
    await ask();
    await page.waitForSelector('#status.lost');
    assert.match(await page.textContent('#status'), /does not answer/);
  });
});
