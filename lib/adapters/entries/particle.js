'use strict';

// In place of Particle's node-mbed-dtls and node-mbed-dtls-client: require('mbed-dtls/particle').

const { createServer, connect } = require('./entry').entry('particle');

module.exports = { createServer, connect };
