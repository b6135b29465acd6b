'use strict';

/**
 * What a line of 'keylog' tells: the master secret in DTLS 1.2, one of several secrets in DTLS 1.3.
 *
 * @param {Buffer} line
 * @returns {[string, Buffer]} its name, and its bytes
 */
function secretOf(line) {
  const [name, , secret] = line.toString().trim().split(' ');
  return [name, Buffer.from(secret, 'hex')];
}

module.exports = { secretOf };
