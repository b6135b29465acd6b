'use strict';

// Channels of node:diagnostics_channel, for whoever watches all servers and clients of a process. docs/observing.md
// describes their messages. Nothing is made for a channel without subscribers.

const { channel } = require('node:diagnostics_channel');

const channels = {
  handshakeStart: channel('mbed-dtls:handshake:start'),
  handshakeEnd: channel('mbed-dtls:handshake:end'),
  handshakeError: channel('mbed-dtls:handshake:error'),
  moved: channel('mbed-dtls:connection:moved'),
  resumed: channel('mbed-dtls:connection:resumed'),
  closed: channel('mbed-dtls:connection:closed'),
  question: channel('mbed-dtls:question'),
  dropped: channel('mbed-dtls:dropped'),
};

module.exports = { channels };
