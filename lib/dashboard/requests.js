'use strict';

// What a browser may ask, and what it is told. The page is on this machine and for this machine: other sites that a browser
// shows must neither read it nor put it to work.

const { STATUS_CODES } = require('node:http');
const net = require('node:net');

/** Headers of every answer. The page loads what comes from here, and nothing else. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** A request that is answered with a status other than 200. */
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * @param {string} host that the dashboard listens on
 * @param {(path: string, query: URLSearchParams, signal: AbortSignal) => Promise<{ type: string, body: string | Buffer }>}
 *   answer throws a Refusal; the signal says that the browser has gone
 * @returns {(request: object, response: object) => void} for node:http
 */
function listener(host, answer) {
  return async (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    let reply;
    try {
      checkOrigin(request, host);
      const { pathname, searchParams } = locate(request.url);
      reply = { status: 200, headers: {}, ...(await answer(pathname, searchParams, gone.signal)) };
    } catch (error) {
      reply = refused(error);
    }
    if (gone.signal.aborted) return;
    const { status, headers, type, body } = reply;
    response.writeHead(status, {
      ...HEADERS,
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

function checkOrigin({ method, headers, url }, host) {
  if (method !== 'GET' && method !== 'HEAD') {
    // What the request brings with it is not read.
    throw new Refusal(405, 'Only GET and HEAD are allowed', { Allow: 'GET, HEAD', Connection: 'close' });
  }
  if (!isOurName(headers.host, host)) {
    throw new Refusal(403, 'The name in the address is not one of this machine; use http://127.0.0.1 or localhost');
  }
  // A browser says who asks. Another site may lead a person here, and may not ask for anything itself.
  const isForeign = ['cross-site', 'same-site'].includes(headers['sec-fetch-site']);
  if (isForeign && !(headers['sec-fetch-mode'] === 'navigate' && url === '/')) {
    throw new Refusal(403, 'Another site has asked');
  }
}

/**
 * A stranger's DNS name can lead to this machine (DNS rebinding), and a browser then takes the dashboard for a part of that
 * stranger's site. An IP address cannot, nor can localhost.
 */
function isOurName(header, host) {
  const name = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d+)?$/.exec(header ?? '');
  if (name === null) return false;
  const plain = (name[1] ?? name[2]).toLowerCase();
  return net.isIP(plain) !== 0 || plain === 'localhost' || plain === host.toLowerCase();
}

function locate(url) {
  try {
    return new URL(url, 'http://localhost');
  } catch {
    throw new Refusal(400, 'The address cannot be read');
  }
}

function refused(error) {
  const { status, message, headers } = error instanceof Refusal ? error : new Refusal(500, 'The dashboard has failed');
  return {
    status,
    headers,
    type: 'text/plain; charset=utf-8',
    body: `${status} ${STATUS_CODES[status]}: ${message}\n`,
  };
}

module.exports = { Refusal, listener };
