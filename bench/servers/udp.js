'use strict';

// Node's own UDP, without any DTLS: what an echo costs before anybody encrypts it. node udp.js PORT

const dgram = require('node:dgram');

const socket = dgram.createSocket('udp4');
socket.on('message', (message, remote) => socket.send(message, remote.port, remote.address));
socket.bind(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
