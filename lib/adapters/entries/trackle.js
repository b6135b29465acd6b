'use strict';

// In place of Trackle's trackle-mbed-dtls and its node-mbed-dtls-client: require('mbed-dtls/trackle').

const { createServer, connect } = require('./entry').entry('trackle');

module.exports = { createServer, connect };
