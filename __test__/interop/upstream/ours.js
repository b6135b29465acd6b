'use strict';

// Our server and our client in the place of ssl_server2 and ssl_client2: they do what the command line says, and say in the
// words of those programs what has happened, as far as an application can know.

const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer, importConnection } = require('../../..');
const { event } = require('../../support/endpoints.js');
const { clientOptions, serverOptions } = require('./options.js');

const KEY = Buffer.alloc(32, 'of exported connections');
const RESPONSE = 'HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Successful connection</p>\r\n';
const REQUEST = 'GET / HTTP/1.0\r\nExtra-header: ';
const REQUEST_END = '\r\n\r\n';

/** A machine that is busy may need longer for an answer than the script gives it, ms. */
const LEAST_PATIENCE = 1000;

/** Patterns about which ours says something, so that they are looked for in what it says. */
const SAID = [
  'Protocol is DTLSv1.2',
  'a session has been resumed',
  'Read from ',
  'Extra-header:',
  'HTTP/1.0 200 OK',
  'Use of Connection ID has been negotiated',
  'Peer CID (length ',
  'Deserializing connection...',
  'Verifying peer X.509 certificate... ok',
  '! Certificate was missing',
  '! Certificate verification was skipped',
  '! The certificate is not correctly signed by the trusted CA',
  'The certificate has been revoked (is on a CRL)',
  'issuer name ',
  'subject name ',
  'hello verification requested',
  'Client initiated reconnection from same port',
  'fragment larger than.*maximum',
  'error',
];

/** What errors mean in the words of the programs. */
const WORDS = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: '! The certificate is not correctly signed by the trusted CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: '! The certificate is not correctly signed by the trusted CA',
  CERT_REVOKED: 'The certificate has been revoked (is on a CRL)',
  ERR_DTLS_PAYLOAD_TOO_LARGE: 'fragment larger than the maximum of the connection',
};

/** Whether ours says anything about a pattern. */
function isSaid(pattern) {
  return SAID.some((known) => pattern.startsWith(known));
}

class Ours {
  constructor(args, version) {
    this.args = args;
    /** What the programs count delays in, ms. */
    this._unit = version.startsWith('2.') ? 1000 : 1;
    this.output = '';
    this._exchanges = Number(args.exchanges ?? 1);
  }

  say(line) {
    this.output += `${line}\n`;
  }

  fail(error) {
    this.say(`error ${error.code}: ${error.message}`);
    if (WORDS[error.code]) this.say(WORDS[error.code]);
  }

  describe(socket) {
    this.say(`Protocol is ${socket.getProtocol()}`);
    this.say(`Ciphersuite is ${socket.getCipher().standardName}`);
    if (socket.isSessionReused()) this.say('a session has been resumed');
    // The programs speak of it where at least one side has an ID.
    const { connectionId, peerConnectionId: theirs } = socket;
    if (connectionId?.length > 0 || theirs?.length > 0) {
      this.say('Use of Connection ID has been negotiated');
      this.say(`Peer CID (length ${theirs.length} Bytes): ${theirs.toString('hex').replace(/..(?=.)/g, '$& ')}`);
    }
    this.describePeer(socket);
  }

  describePeer(socket) {
    const cert = socket.getPeerCertificate();
    if (cert?.subject === undefined) return;
    this.say(`issuer name : ${nameOf(cert.issuer)}`);
    this.say(`subject name : ${nameOf(cert.subject)}`);
    if (socket.authorized) this.say('Verifying peer X.509 certificate... ok');
  }
}

class OurServer extends Ours {
  /** Begins to listen. */
  async start(host, port, data) {
    this._server = createServer(serverOptions(this.args, data));
    this._server.on('secureConnection', (socket) => this._serve(socket));
    this._server.on('clientError', (error) => this.fail(error));
    this._server.listen(port, host);
    await event(this._server, 'listening');
  }

  async stop() {
    if (!this._server?.listening) return;
    if (this._server.stats.helloVerifyRequestsSent > 0) this.say('hello verification requested');
    await new Promise((resolve) => this._server.close(resolve));
  }

  _serve(socket) {
    if (socket.resumed && !socket.isSessionReused()) this.say('Deserializing connection...');
    this.describe(socket);
    const asked = this.args.auth_mode ?? 'none';
    if (asked === 'none') this.say('! Certificate verification was skipped');
    else if (socket.publicKey.length === 0) this.say('! Certificate was missing');
    socket.on('reconnect', () => this.say('Client initiated reconnection from same port'));
    socket.on('error', (error) => this.fail(error));
    socket.on('data', (request) => this._answer(socket, request));
  }

  async _answer(socket, request) {
    this.say(`Read from client: ${request.length} bytes read`);
    this.say(request.toString());
    socket.write(padded(RESPONSE, '', this.args.response_size));
    if (!(this.args.serialize > 0) || socket.resumed) return;
    await this._server.importConnections(await socket.exportConnection({ key: KEY }), { key: KEY });
  }
}

class OurClient extends Ours {
  /** Does all that it is told; resolves with whether it went well. */
  async run(host, port, data) {
    this._options = { ...clientOptions(this.args, data), host, port };
    try {
      let client = await this._connect();
      for (let exchange = 1; exchange <= this._exchanges; exchange++) {
        await this._exchange(client);
        if (exchange === 1 && this.args.serialize > 0) client = await this._goOn(client);
        if (exchange === 1 && this.args.reconnect_hard === '1') client = await this._comeBack(client);
      }
      await this._leave(client);
      if (this.args.reconnect === '1') await this._again();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  stop() {
    this._client?.destroy();
  }

  async _connect(more) {
    const client = connect({ ...this._options, ...more });
    client.on('session', (session) => {
      this._session = session;
    });
    await this._ready(client);
    this.describe(client);
    return client;
  }

  async _ready(client) {
    this._client = client;
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
    client.on('error', (error) => this.fail(error));
  }

  /**
   * A request and its answer. The programs ask again as often as they are told when no answer comes; those of OpenSSL and GnuTLS
   * need none.
   */
  async _exchange(client) {
    const { request_size: size, read_timeout: patience, max_resend: repetitions = 0 } = this.args;
    const answer = answerOf(client);
    for (let left = Number(repetitions); ; left--) {
      await new Promise((resolve, reject) => {
        client.write(padded(REQUEST, REQUEST_END, size), (error) => (error ? reject(error) : resolve()));
      });
      const overdue = patience > 0 ? [sleep(Math.max(Number(patience), LEAST_PATIENCE))] : [];
      const message = await Promise.race([answer, ...overdue]);
      if (message !== undefined) return this._heard(message);
      if (this.args.isForeign) return undefined;
      if (left === 0) throw new Error('no answer came in time');
    }
  }

  _heard(message) {
    this.say(`Read from server: ${message.length} bytes read`);
    this.say(message.toString());
  }

  /** The connection goes on from its export. */
  async _goOn(client) {
    const exported = await client.exportConnection({ key: KEY });
    this.say('Deserializing connection...');
    const next = importConnection(exported, { key: KEY }, this._options);
    await this._ready(next);
    return next;
  }

  /** From the same port, without goodbye. */
  async _comeBack(client) {
    const { localPort } = client;
    const isFree = event(client.dgramSocket, 'close');
    client.reset();
    await isFree;
    return this._connect({ localPort });
  }

  async _leave(client) {
    if (client.closed) return;
    const closed = event(client, 'close');
    if (this.args.skip_close_notify === '1') client.reset();
    else client.end();
    await closed;
  }

  async _again() {
    await sleep(Number(this.args.reco_delay ?? 0) * this._unit);
    const client = await this._connect({ session: this._session });
    await this._exchange(client);
    await this._leave(client);
  }
}

/** The next message, and an error if there will be none. */
function answerOf(client) {
  const answer = new Promise((resolve, reject) => {
    client.once('data', resolve);
    client.once('close', () => reject(new Error('the connection was closed before an answer came')));
  });
  answer.catch(() => {});
  return answer;
}

function padded(text, end, size) {
  if (size === undefined) return Buffer.from(text + end);
  return Buffer.from((text + 'A'.repeat(Math.max(0, size - text.length - end.length)) + end).slice(0, size));
}

/** A distinguished name as the programs print it. */
function nameOf(name) {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

module.exports = { OurClient, OurServer, isSaid };
