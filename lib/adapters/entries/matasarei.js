'use strict';

// In place of matasarei's node-mbedtls-server and node-mbedtls-client: require('mbed-dtls/matasarei').

const { createServer, connect } = require('./entry').entry('matasarei');

module.exports = { createServer, connect };
