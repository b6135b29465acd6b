'use strict';

// Counters as text in the OpenMetrics format, which Prometheus and others read:
// https://prometheus.io/docs/specs/om/open_metrics_spec/

const { invalidArgType, invalidArgValue } = require('./errors');
const { own } = require('./options/validate');

/** What the HTTP header Content-Type says of the text. */
const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const PREFIX = 'mbed_dtls';

// name, what it says, and the field of the counters
const COUNTERS = [
  ['datagrams_received', 'Datagrams from the UDP socket.', 'datagramsReceived'],
  ['datagrams_sent', 'Datagrams to the UDP socket.', 'datagramsSent'],
  ['datagrams_dropped', 'Datagrams that held no record of any use.', 'datagramsDropped'],
  ['datagram_received_bytes', 'Bytes of UDP payload from the UDP socket.', 'datagramBytesReceived', 'bytes'],
  ['datagram_sent_bytes', 'Bytes of UDP payload to the UDP socket.', 'datagramBytesSent', 'bytes'],
  ['messages_received', 'Payloads of the application that have come.', 'messagesReceived'],
  ['messages_sent', 'Payloads of the application that have been sent.', 'messagesSent'],
  ['retransmissions', 'Flights of handshakes that were sent again.', 'retransmissions'],
  ['hello_verify_requests_sent', 'Answers to ClientHellos without a valid cookie.', 'helloVerifyRequestsSent'],
  ['handshakes_started', 'Handshakes past the cookie.', 'handshakesStarted'],
  ['handshakes_completed', 'Handshakes that led to a connection.', 'handshakesCompleted'],
  ['handshakes_failed', 'Handshakes that failed.', 'handshakesFailed'],
  ['handshakes_refused', 'Handshakes that found no place within the limits.', 'handshakesRefused'],
  ['handshakes_displaced', 'Unfinished handshakes that gave way to others.', 'handshakesDisplaced'],
  ['handshake_steps_offloaded', 'Steps of handshakes that other threads have taken.', 'handshakeStepsOffloaded'],
  ['sessions_resumed', 'Handshakes that resumed a session.', 'sessionsResumed'],
  ['connections_restored', 'Connections that went on from a saved session.', 'connectionsRestored'],
  ['connection_moves', 'Changes of address of connections.', 'moves'],
  ['address_questions_displaced', 'Addresses about which the application was not asked.', 'addressQuestionsDisplaced'],
];

// name, what it says, the label, and the field, which has a number for each value of the label
const FAMILIES = [
  ['drops', 'Records that were of no use, and datagrams without any, by the reason.', 'reason', 'drops'],
  ['ends', 'Ends of connections and handshakes without an error, by the reason.', 'reason', 'ends'],
  ['errors', 'Errors that ended connections and handshakes, by the code.', 'code', 'errors'],
];

const HISTOGRAMS = [
  ['handshake_duration_seconds', 'Duration of completed handshakes.', 'handshakeTimes'],
  ['round_trip_seconds', 'Time from a flight of a handshake to the answer.', 'roundTrips'],
];

const GAUGES = [
  ['connections', 'Connections now, handshakes included.', 'connections'],
  ['handshakes', 'Handshakes now.', 'handshakes'],
  ['open_questions', 'Questions to the application that wait for an answer now.', 'lookups'],
];

/**
 * @param {object} source a server or a client, or several of them by names of your own
 * @returns {string} the text of one scrape
 */
function openMetrics(source) {
  const sources = labelled(source);
  const lines = [];
  const family = (name, type, help, unit) => {
    lines.push(`# TYPE ${PREFIX}_${name} ${type}`);
    if (unit !== undefined) lines.push(`# UNIT ${PREFIX}_${name} ${unit}`);
    lines.push(`# HELP ${PREFIX}_${name} ${help}`);
  };
  const sample = (name, labels, value) => {
    const words = labels.map(([label, text]) => `${label}="${escaped(text)}"`).join(',');
    lines.push(`${PREFIX}_${name}${words === '' ? '' : `{${words}}`} ${value}`);
  };
  for (const [name, help, field, unit] of COUNTERS) {
    family(name, 'counter', help, unit);
    for (const { labels, stats } of sources) sample(`${name}_total`, labels, stats[field]);
  }
  for (const [name, help, label, field] of FAMILIES) {
    family(name, 'counter', help);
    for (const { labels, stats } of sources) {
      for (const [word, count] of Object.entries(stats[field]))
        sample(`${name}_total`, [...labels, [label, word]], count);
    }
  }
  for (const [name, help, field] of GAUGES) {
    family(name, 'gauge', help);
    for (const { labels, stats } of sources) sample(name, labels, stats[field]);
  }
  for (const [name, help, field] of HISTOGRAMS) {
    family(name, 'histogram', help, 'seconds');
    for (const { labels, stats } of sources) histogram(sample, name, labels, stats[field]);
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

/** Buckets count what is at most their bound, those before them included. */
function histogram(sample, name, labels, { bounds, counts, sum }) {
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    sample(`${name}_bucket`, [...labels, ['le', bound(bounds[index])]], total);
  }
  sample(`${name}_count`, labels, total);
  sample(`${name}_sum`, labels, sum / 1000);
}

/** Seconds in the canonical form: '0.0025', '1.0', '+Inf'. */
function bound(milliseconds) {
  if (milliseconds === undefined) return '+Inf';
  const text = String(milliseconds / 1000);
  return text.includes('.') ? text : `${text}.0`;
}

function labelled(source) {
  if (source === null || typeof source !== 'object') {
    throw invalidArgType('source', 'a server, a client, or an object of them', source);
  }
  if (isCounted(source)) return [{ labels: [], stats: source.stats }];
  const entries = Object.entries(source);
  if (entries.length === 0) throw invalidArgValue('source', 'must have at least one server or client');
  return entries.map(([name, each]) => {
    if (!isCounted(each)) throw invalidArgType(`source.${name}`, 'a server or a client', each);
    return { labels: [['endpoint', name]], stats: each.stats };
  });
}

function isCounted(value) {
  return typeof value?.stats?.datagramsReceived === 'number' && own(value, 'stats') === undefined;
}

function escaped(text) {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

openMetrics.contentType = CONTENT_TYPE;

module.exports = { openMetrics };
