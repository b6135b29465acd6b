'use strict';

// In place of k4connect's node-mbed-dtls: require('mbed-dtls/k4').

const { createServer, connect } = require('./entry').entry('k4');

module.exports = { createServer, connect };
