'use strict';

// The engine's ECDHE_ECDSA, for both roles: messages that are signed, under whatever scheme the test says, with whatever
// hash (RFC 5246 sections 7.4.3 and 7.4.8, RFC 8422).

const { createECDH, createPrivateKey, sign } = require('node:crypto');

const { Client } = require('./client.js');
const { EXTENSION, TYPE, certificate, extension, vector } = require('./handshake.js');

const GROUP = 'prime256v1';
/** named_curve, secp256r1, and how long its points are. */
const PARAMETERS = Buffer.from('03001741', 'hex');
const POINT_LENGTH = 65;

/** ecdsa_secp256r1_sha256. */
const HONEST = { scheme: 0x0403, hash: 'sha256' };

/** What a client says that can verify ECDSA and RSA with SHA-256. */
const EXTENSIONS = [
  extension(EXTENSION.SUPPORTED_GROUPS, Buffer.from('00020017', 'hex')),
  extension(EXTENSION.EC_POINT_FORMATS, Buffer.from('0100', 'hex')),
  extension(EXTENSION.SIGNATURE_ALGORITHMS, Buffer.from('000404030401', 'hex')),
];

/** Scheme, length and signature. */
function signed(content, key, { scheme, hash }) {
  const head = Buffer.of(scheme >> 8, scheme & 255);
  return Buffer.concat([head, vector(sign(hash, content, createPrivateKey(key)), 2)]);
}

/**
 * @param {{ clientRandom: Buffer, serverRandom: Buffer, key: Buffer, how?: { scheme: number, hash: string } }} fields
 * @returns {Buffer} the body of a ServerKeyExchange
 */
function serverKeyExchange({ clientRandom, serverRandom, key, how = HONEST }) {
  const parameters = Buffer.concat([PARAMETERS, createECDH(GROUP).generateKeys()]);
  return Buffer.concat([parameters, signed(Buffer.concat([clientRandom, serverRandom, parameters]), key, how)]);
}

/** A client with a certificate of its own. */
class CertificateClient extends Client {
  /** @param {{ key: Buffer, cert: Buffer }} own PEM and DER */
  constructor({ key, cert }) {
    super({ suite: 'ECDHE-ECDSA-AES128-GCM-SHA256', extensions: EXTENSIONS });
    this._own = { key, cert };
    this._ecdh = createECDH(GROUP);
    this._ecdh.generateKeys();
    this._serverPoint = null;
  }

  /** @returns {Buffer} the records up to ChangeCipherSpec */
  certificateFlight(how = HONEST) {
    const shown = this._say(TYPE.CERTIFICATE, certificate(this._own.cert));
    const exchange = this.keyExchange();
    const proof = this._say(TYPE.CERTIFICATE_VERIFY, signed(Buffer.concat(this._transcript), this._own.key, how));
    return Buffer.concat([shown, exchange, proof]);
  }

  _handleMessage(message) {
    super._handleMessage(message);
    if (message.type !== TYPE.SERVER_KEY_EXCHANGE) return;
    this._serverPoint = message.body.subarray(PARAMETERS.length, PARAMETERS.length + POINT_LENGTH);
  }

  _keyExchangeBody() {
    return vector(this._ecdh.getPublicKey(), 1);
  }

  _premasterSecret() {
    return this._ecdh.computeSecret(this._serverPoint);
  }
}

module.exports = { CertificateClient, EXTENSIONS, serverKeyExchange };
