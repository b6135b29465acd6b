'use strict';

// One question to a server: what does it answer to this ClientHello? The handshake goes no further.

const dgram = require('node:dgram');
const { lookup } = require('node:dns/promises');

const { Failure } = require('./failures');
const {
  Answer,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  DTLS_1_3,
  EXTENSION,
  HELLO_VERIFY_REQUEST,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
  clientHello,
  goodbyeRecord,
  helloRecord,
  readCertificates,
  readCookie,
  readServerHello,
  readServerKeyExchange,
} = require('./hello');
const { suiteName } = require('./suites');

const RAW_PUBLIC_KEY = 2;

/** The parts of the time for an answer after which the ClientHello is sent again. */
const RETRANSMISSIONS = [0.2, 0.5];

/** Asks one server, question after question, each from a port of its own. */
class Prober {
  /**
   * @param {{ address: string, family: number, port: number }} remote
   * @param {number} timeout for each answer, ms
   * @param {AbortSignal} stop
   */
  constructor(remote, timeout, stop) {
    this._remote = remote;
    this._timeout = timeout;
    this._stop = stop;
    /** How many questions have been asked. */
    this.asked = 0;
  }

  /** Looks the host up. */
  static async to({ host, port }, timeout, stop) {
    const { address, family } = await lookup(host);
    return new Prober({ address, family, port }, timeout, stop);
  }

  /**
   * @param {{ version: number, suites: number[], extensions: [number, Buffer][] }} offer
   * @returns what the server chose (`hello`, `certificates`, `group`, ...), the `alert` with which it refused, or
   *   neither if it did not answer; and whether it asked for a cookie
   */
  async ask(offer) {
    this.asked += 1;
    const socket = dgram.createSocket(this._remote.family === 6 ? 'udp6' : 'udp4');
    try {
      return await this._exchange(socket, offer);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) {
        throw new Failure(`the server answered with ${error.message}`, 'Is it a DTLS server?', 'MALFORMED');
      }
      throw error;
    } finally {
      socket.close();
    }
  }

  async _exchange(socket, offer) {
    const { address, port } = this._remote;
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, resolve);
    });
    socket.removeAllListeners('error');
    const makeBody = clientHello(offer);
    let cookie = Buffer.alloc(0);
    let hasCookie = false;
    let recordNumber = 0;
    let answer = new Answer();
    const timers = [];
    let giveUp = () => {};
    const send = () => {
      const body = makeBody(cookie);
      socket.send(helloRecord(body, { messageNumber: hasCookie ? 1 : 0, recordNumber: recordNumber++ }), () => {});
    };
    try {
      await new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', (datagram) => {
          try {
            answer.add(datagram);
            const request = answer.message(HELLO_VERIFY_REQUEST);
            if (request !== null && !hasCookie) {
              cookie = Buffer.from(readCookie(request));
              hasCookie = true;
              // It may come twice.
              answer = new Answer(HELLO_VERIFY_REQUEST);
              send();
            } else if (isOver(answer)) resolve();
          } catch (error) {
            reject(error);
          }
        });
        for (const part of RETRANSMISSIONS) timers.push(setTimeout(send, this._timeout * part));
        timers.push(setTimeout(resolve, this._timeout));
        giveUp = () => reject(new Failure('ended before all questions were answered', '', 'ABORT_ERR'));
        this._stop.addEventListener('abort', giveUp);
        if (this._stop.aborted) giveUp();
        send();
      });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this._stop.removeEventListener('abort', giveUp);
    }
    if (answer.message(SERVER_HELLO) !== null) {
      await new Promise((resolve) => socket.send(goodbyeRecord(recordNumber), resolve));
    }
    return { ...understand(answer), hasCookie };
  }
}

/** In DTLS 1.3, what follows the ServerHello is encrypted. */
function isOver(answer) {
  if (answer.alert !== null || answer.message(SERVER_HELLO_DONE) !== null) return true;
  const hello = answer.message(SERVER_HELLO);
  return hello !== null && readServerHello(hello).version === DTLS_1_3;
}

function understand(answer) {
  const body = answer.message(SERVER_HELLO);
  if (body === null) return { hello: null, alert: answer.alert };
  const hello = readServerHello(body);
  const { extensions } = hello;
  const isRawKey = extensions.get(EXTENSION.serverCertificateType)?.[0] === RAW_PUBLIC_KEY;
  const certificate = answer.message(CERTIFICATE);
  const keyExchange = answer.message(SERVER_KEY_EXCHANGE);
  return {
    hello,
    alert: answer.alert,
    isRawKey,
    certificates: certificate === null ? [] : readCertificates(certificate, isRawKey),
    ...(keyExchange === null ? {} : readServerKeyExchange(keyExchange, suiteName(hello.suite))),
    asksForCertificate: answer.message(CERTIFICATE_REQUEST) !== null,
  };
}

module.exports = { Prober };
