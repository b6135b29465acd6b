// The page: asks the server what there is, twice a sample, and shows it.

import { Connections, KINDS } from './connections.mjs';
import { Failures } from './failures.mjs';
import { amount, bytes, count, duration, element, inWords, say, visible } from './format.mjs';
import { growth, latest, latestRate, makePlots } from './plots.mjs';

/** Time between two questions, ms. */
const PERIOD = 2000;

const byId = (id) => document.getElementById(id);

/** The figures at the top. Another counter is one more line here. */
const FIGURES = [
  { label: 'connections', show: (history) => count(latest(history, 'connections') - latest(history, 'handshakes')) },
  { label: 'handshakes under way', show: (history) => count(latest(history, 'handshakes')) },
  { label: 'handshakes a second', show: (history) => amount(latestRate(history, 'handshakesCompleted')) },
  { label: 'a handshake takes, lately', show: handshakeTime },
  { label: 'received a second', show: (history) => bytes(latestRate(history, 'datagramBytesReceived')) },
  { label: 'sent a second', show: (history) => bytes(latestRate(history, 'datagramBytesSent')) },
];

const history = { period: PERIOD, most: 0, next: 0, names: [], samples: [] };
const showPlots = makePlots(byId('plots'));
const connections = new Connections(
  {
    columns: byId('columns'),
    rows: byId('rows'),
    canvas: byId('canvas'),
    empty: byId('empty'),
    matching: byId('matching'),
  },
  openDetails,
);
const failures = new Failures({ codes: byId('codes'), last: byId('last'), count: byId('failures-count') });
const figures = FIGURES.map((figure) => {
  const value = element('b', '', '–');
  byId('figures').append(element('div', 'card figure', value, element('span', '', figure.label)));
  return { ...figure, value };
});
let started = null;
let timer;

async function refresh() {
  clearTimeout(timer);
  try {
    await Promise.all([refreshState(), connections.refresh()]);
    tell('live', 'live');
  } catch {
    tell('lost', 'The server does not answer. Trying again.');
  }
  if (!document.hidden) timer = setTimeout(refresh, PERIOD);
}

async function refreshState() {
  const response = await fetch(`/api/state?samples=${history.next}&failures=${failures.seen}`);
  if (!response.ok) throw new Error(await response.text());
  const state = await response.json();
  started ??= state.started;
  // Another process has taken the place of the one that we know.
  if (state.started !== started) location.reload();
  const { samples, ...rest } = state.history;
  Object.assign(history, rest, { samples: [...history.samples, ...samples].slice(-rest.most) });
  showAddress(state);
  for (const { value, show } of figures) say(value, show(history));
  showPlots(history);
  failures.update(state.failures, history);
  showCounters();
}

function showAddress({ address, now }) {
  const { family, address: ip, port } = address ?? {};
  const where = address === null ? 'closed' : `${family === 'IPv6' ? `[${ip}]` : ip}:${port}`;
  say(byId('address'), where);
  byId('address').title = `watched for ${duration(now - started)}`;
  document.title = `${count(latest(history, 'connections'))} connections · ${where} · mbed-dtls`;
}

function handshakeTime(history) {
  const number = growth(history, 'handshakeTimes.count');
  return number > 0 ? `${amount(growth(history, 'handshakeTimes.sum') / number)} ms` : '–';
}

function showCounters() {
  const list = byId('counters');
  for (const name of history.names.slice(list.children.length)) {
    list.append(element('div', '', element('dt', '', inWords(name)), element('dd')));
  }
  for (const [at, name] of history.names.entries()) {
    const value = latest(history, name);
    say(list.children[at].lastChild, /bytes/i.test(name) ? bytes(value) : count(value));
  }
}

function tell(state, text) {
  byId('status').className = state;
  say(byId('status'), text);
}

// One connection

async function openDetails({ number, peer }) {
  const response = await fetch(`/api/connection?number=${number}`).catch(() => null);
  const facts = response?.ok ? factsOf(await response.json()) : [['State', 'This connection has ended.']];
  say(byId('details-title'), peer);
  byId('facts').replaceChildren(
    ...facts.map(([name, value]) => element('div', '', element('dt', '', name), element('dd', '', value))),
  );
  byId('details').showModal();
}

function factsOf({ now, connection }) {
  const { identity, certificate, since, heard, authorized, authorizationError, handshakeTime } = connection;
  const facts = [
    ['Identity', visible(identity.name)],
    ['Proved by', KINDS[identity.kind]],
    ['Authorized', authorized ? 'yes' : `no: ${authorizationError}`],
    ['Protocol', connection.protocol],
    ['Cipher suite', connection.suite],
    ['Standard name', connection.standardSuite],
    ['Connected for', since === null ? 'longer than it is watched' : duration(now - since)],
    ['Handshake took', handshakeTime === null ? null : `${amount(handshakeTime)} ms`],
    ['Last heard', heard === null ? null : `${duration(now - heard)} ago`],
    ['Received', messages(connection.messagesReceived, connection.bytesReceived)],
    ['Sent', messages(connection.messagesSent, connection.bytesSent)],
    ['Round trip', connection.roundTripTime === undefined ? null : `${amount(connection.roundTripTime)} ms`],
    ['Sent again', connection.retransmissions === 0 ? null : `${count(connection.retransmissions)} flights`],
    ['Records dropped', connection.recordsDropped === 0 ? null : count(connection.recordsDropped)],
    ['Not read in time', connection.messagesDropped === 0 ? null : `${count(connection.messagesDropped)} messages`],
    ['From a saved session', connection.resumed ? 'yes' : null],
    ['Server name', connection.servername],
    ['Application protocol', connection.alpn],
    ['SRTP profile', connection.srtpProfile],
    ['Issuer', certificate && visible(certificate.issuer)],
    ['Valid', certificate && `${certificate.validFrom} to ${certificate.validTo}`],
    ['Fingerprint (SHA-256)', certificate?.fingerprint256 ?? null],
  ];
  return facts.filter(([, value]) => value !== null && value !== '');
}

function messages(number, length) {
  return `${count(number)} message${number === 1 ? '' : 's'}, ${bytes(length)}`;
}

// What a person does

const search = byId('search');
search.addEventListener('input', () => {
  connections.search(search.value);
  failures.search(search.value.toLowerCase().split(/\s+/).filter(Boolean));
});
search.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' || event.key === 'Enter') byId('rows').focus();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === search || byId('details').open) return;
  event.preventDefault();
  search.focus();
});
byId('details').addEventListener('click', (event) => {
  // Beside the dialog is its backdrop.
  if (event.target === byId('details')) byId('details').close();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});

await refresh();
