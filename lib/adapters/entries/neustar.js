'use strict';

// In place of neustar's node-mbed-dtls: require('mbed-dtls/neustar').

const { createServer, connect } = require('./entry').entry('neustar');

module.exports = { createServer, connect };
