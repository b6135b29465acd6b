'use strict';

// What a socket says of itself before, during and after its connection, on both sides, and what its calls do then.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { connect, createServer } = require('../..');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  eventsUntilClose,
  openClient,
  startServer,
} = require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

/** What does not depend on the connection's own numbers. */
function shown(socket) {
  return {
    connected: socket.connected,
    encrypted: socket.encrypted,
    authorized: socket.authorized,
    authorizationError: socket.authorizationError,
    claim: socket.claim,
    alpnProtocol: socket.alpnProtocol,
    messagesDropped: socket.messagesDropped,
    sendClose: socket.sendClose,
    resumed: socket.resumed,
    selfRestored: socket.selfRestored,
    exported: socket.exported,
    data: socket.data,
    timeout: socket.timeout,
    connectionId: socket.connectionId,
    peerConnectionId: socket.peerConnectionId,
    isSessionReused: socket.isSessionReused(),
    srtpProfile: socket.getSrtpProfile(),
    publicKey: socket.publicKey.length,
    publicKeyPEM: socket.publicKeyPEM.length,
    certificate: socket.getCertificate(),
    peerCertificate: socket.getPeerCertificate(),
    x509: socket.getX509Certificate(),
    peerX509: socket.getPeerX509Certificate(),
  };
}

const NOTHING = {
  connected: false,
  encrypted: true,
  authorized: false,
  authorizationError: null,
  claim: null,
  alpnProtocol: null,
  messagesDropped: 0,
  sendClose: true,
  resumed: false,
  selfRestored: false,
  exported: false,
  data: undefined,
  timeout: undefined,
  connectionId: undefined,
  peerConnectionId: undefined,
  isSessionReused: false,
  srtpProfile: null,
  publicKey: 0,
  publicKeyPEM: 0,
  certificate: {},
  peerCertificate: {},
  x509: undefined,
  peerX509: undefined,
};

/** What there is only while the handshake is over and the connection is not. */
function ofConnection(socket) {
  return {
    cipher: socket.getCipher(),
    protocol: socket.getProtocol(),
    ephemeral: socket.getEphemeralKeyInfo(),
    signatures: socket.getSharedSigalgs(),
    finished: socket.getFinished(),
    peerFinished: socket.getPeerFinished(),
    addressConfirmed: socket.addressConfirmed,
    counter: socket.outCounter.toString('hex'),
    session: socket.session,
    confirms: socket.confirmAddress(),
  };
}

const NO_CONNECTION = {
  cipher: null,
  protocol: null,
  ephemeral: {},
  signatures: [],
  finished: undefined,
  peerFinished: undefined,
  addressConfirmed: false,
  counter: '0000000000000000',
  session: undefined,
  confirms: false,
};

describe('a client', () => {
  test('knows nothing before its handshake', async (t) => {
    const server = await startServer(t);
    const client = connect({ host: HOST, port: server.address().port, ...BOB });
    t.after(() => client.destroy());
    assert.deepEqual({ ...shown(client), ...ofConnection(client) }, { ...NOTHING, ...NO_CONNECTION });
    assert.deepEqual([client.connecting, client.server, client.servername], [true, undefined, undefined]);
    assert.deepEqual([client.remoteAddress, client.remotePort, client.remoteFamily], [undefined, undefined, undefined]);
    assert.deepEqual(
      [client.address(), client.localAddress, client.localPort, client.dgramSocket],
      [{}, undefined, undefined, null],
    );
    assert.deepEqual(
      [client.pskIdentity, client.handshakeTime, client.getSession()],
      [undefined, undefined, undefined],
    );
    assert.deepEqual([client.bytesRead, client.bytesWritten, client.connectionStats.roundTripTime], [0, 0, undefined]);
    client.enableTrace();
    client._isTraced = false;
    await event(client, 'secureConnect');
    assert.equal(client.connecting, false);
  });

  test('knows its connection while it lasts, and its counters afterwards', async (t) => {
    inOlderVersion(t, SAVED);
    const { server, socket, client } = await connectedPair(t);
    for (const [one, other] of [
      [client, socket],
      [socket, client],
    ]) {
      assert.deepEqual(shown(one), { ...NOTHING, connected: true, authorized: true, alpnProtocol: false });
      const { cipher, protocol, ephemeral, signatures, finished, peerFinished, addressConfirmed, counter, session } =
        ofConnection(one);
      assert.deepEqual([protocol, cipher.version, addressConfirmed], ['DTLSv1.2', 'DTLSv1.2', true]);
      assert.match(cipher.standardName, /^TLS_/);
      assert.deepEqual(Object.keys(cipher), ['name', 'standardName', 'version']);
      assert.deepEqual(Object.keys(ephemeral), /^ECDHE/.test(cipher.name) ? ['type', 'name', 'size'] : []);
      assert(Array.isArray(signatures));
      assert.deepEqual([finished, peerFinished], [other.getPeerFinished(), other.getFinished()]);
      assert.deepEqual([finished.length, counter.slice(0, 4), session.master.length], [12, '0001', 48]);
      assert.deepEqual(one.pskIdentity, one === socket ? Buffer.from('bob') : undefined);
      assert.equal(one.pskIdentity, one.pskIdentity);
      assert(one.handshakeTime > 0);
      assert.deepEqual([one.remoteAddress, one.remoteFamily, one.remotePort], [HOST, 'IPv4', other.localPort]);
      assert.deepEqual(one.address(), { address: one.localAddress, family: 'IPv4', port: one.localPort });
    }
    assert.deepEqual([socket.server, socket.servername, client.server], [server, false, undefined]);
    assert.equal(client.getSession() instanceof Buffer, true);
    socket.resume();
    const ends = [event(client, 'close'), event(socket, 'close')];
    client.write('hello');
    client.end();
    await Promise.all(ends);
    for (const one of [client, socket]) {
      const { certificate, peerCertificate, ...rest } = shown(one);
      assert.deepEqual([certificate, peerCertificate], [null, null]);
      const { certificate: _, peerCertificate: __, ...nothing } = NOTHING;
      assert.deepEqual(rest, { ...nothing, authorized: true, alpnProtocol: false });
      const { cipher, protocol, ...over } = ofConnection(one);
      assert.deepEqual([cipher.version, protocol], ['DTLSv1.2', 'DTLSv1.2']);
      const { cipher: _c, protocol: _p, ...none } = NO_CONNECTION;
      assert.deepEqual(over, none);
      assert.deepEqual(one.pskIdentity, one === socket ? Buffer.from('bob') : undefined);
    }
    assert.deepEqual([client.getSession(), client.connecting], [undefined, false]);
    assert.deepEqual([client.bytesWritten, client.bytesRead, socket.bytesRead, socket.bytesWritten], [5, 0, 5, 0]);
  });

  test('binds once, before it connects, and only a UDP socket of its own', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    assert.throws(() => client.bind(-1), { code: 'ERR_OUT_OF_RANGE', message: /"port"/ });
    assert.throws(() => client.bind(0, 5), { code: 'ERR_INVALID_ARG_TYPE', message: /"address"/ });
    assert.throws(() => client.bind(0, HOST, 5), { code: 'ERR_INVALID_ARG_TYPE', message: /"callback"/ });
    let bound = 0;
    assert.equal(
      client.bind(0, HOST, () => bound++),
      client,
    );
    await event(client, 'secureConnect');
    assert.deepEqual([bound, client.localAddress], [1, HOST]);
    assert.throws(() => client.bind(), { code: 'ERR_SOCKET_ALREADY_BOUND', message: 'Socket is already bound' });
    const other = openClient(t, server, { ...BOB, socket: dgram.createSocket('udp4') });
    assert.throws(() => other.bind(), { code: 'ERR_SOCKET_ALREADY_BOUND' });
    other.dgramSocket.close();
    other.on('error', () => {});
  });

  test('keeps the process alive or not, as it is told, also before it is bound', async (t) => {
    const server = await startServer(t);
    const early = openClient(t, server);
    assert.equal(early.unref(), early);
    await event(early, 'secureConnect');
    assert.equal(hasRef(early.dgramSocket), false);
    assert.equal(early.ref(), early);
    assert.equal(hasRef(early.dgramSocket), true);
    assert.equal(early.unref(), early);
    assert.equal(hasRef(early.dgramSocket), false);
  });

  /** Whether a UDP socket keeps the process alive. */
  function hasRef(udp) {
    const state = Object.getOwnPropertySymbols(udp).find((one) => /state/.test(String(one)));
    return udp[state].handle.hasRef();
  }
});

describe('a time without messages', () => {
  test('is a number of milliseconds, and 0 is none', async (t) => {
    const { client } = await connectedPair(t);
    const listener = () => {};
    assert.equal(client.setTimeout(5000, listener), client);
    assert.deepEqual([client.timeout, client.listenerCount('timeout')], [5000, 1]);
    client.setTimeout(6000);
    assert.deepEqual([client.timeout, client.listenerCount('timeout')], [6000, 1]);
    client.setTimeout(0, listener);
    assert.deepEqual([client.timeout, client.listenerCount('timeout')], [undefined, 0]);
    client.setTimeout(2 ** 31 - 1);
    for (const duration of [-1, 2 ** 31, 1.5]) {
      assert.throws(() => client.setTimeout(duration), { code: 'ERR_OUT_OF_RANGE', message: /"msecs"/ });
    }
    assert.throws(() => client.setTimeout('1'), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => client.setTimeout(1, 5), { code: 'ERR_INVALID_ARG_TYPE', message: /"callback"/ });
    client.destroy();
    assert.equal(client.timeout, undefined);
    client.setTimeout(5000);
    assert.equal(client.timeout, undefined);
  });

  test('is over when nothing has come or gone for so long, and begins anew with each message', async (t) => {
    const { client, socket } = await connectedPair(t);
    client.resume();
    let isOver = false;
    client.setTimeout(100, () => {
      isOver = true;
    });
    const began = Date.now();
    while (Date.now() - began < 150) {
      socket.write('x');
      await event(client, 'data');
      client.write('y');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // A busy machine may have stood still for so long.
    const lasted = Date.now();
    if (!isOver) await event(client, 'timeout');
    assert(isOver && Date.now() - lasted < 10_000);
    assert.equal(client.connected, true);
  });
});

describe('the end', () => {
  test('of a socket that is reset is its last event, and its peer hears nothing', async (t) => {
    const { client, socket } = await connectedPair(t);
    const [seen, peers] = [eventsUntilClose(socket, 'closing', 'end', 'error'), eventsUntilClose(client, 'closing')];
    socket.reset();
    assert.equal(socket.sendClose, false);
    assert.deepEqual(await seen, ['closing', 'close false']);
    await new Promise(setImmediate);
    assert.deepEqual(socket.eventNames(), []);
    assert.equal(client.connected, true);
    client.destroy();
    assert.deepEqual(await peers, ['closing', 'close false']);
  });

  test('of a server is told to everybody who asks, and once', async (t) => {
    const server = createServer({ psk: { bob: BOB.psk } });
    t.after(() => server.close());
    const notRunning = (error) =>
      error.code === 'ERR_SERVER_NOT_RUNNING' && error.message === 'The server is not listening';
    assert.deepEqual(
      [server.listening, server.address(), server.dgramSocket, server.getConnections()],
      [false, null, null, 0],
    );
    assert.equal(notRunning(await new Promise((resolve) => server.close(resolve))), true);
    assert.equal(server.close(), server);
    assert.throws(() => server.close(5), { code: 'ERR_INVALID_ARG_TYPE', message: /"callback"/ });
    assert.throws(() => server.getConnections(5), { code: 'ERR_INVALID_ARG_TYPE', message: /"callback"/ });
    assert.throws(() => server.resumeSocket({ address: HOST, port: 1 }, {}), notRunning);
    assert.throws(() => server.resumeSocket(null, {}), { message: /^The "remote" argument must be of type object/ });
    assert.throws(() => server.resumeSocket(5, {}), { message: /^The "remote" argument must be of type object/ });
    assert.throws(() => server.resumeSocket({ address: 'x', port: 1 }, {}), {
      message: /^The "remote\.address" property must be an IP address/,
    });
    assert.throws(() => server.resumeSocket({ address: HOST, port: 0 }, {}), {
      message: /"remote\.port" is out of range\. It must be >= 1/,
    });
    let listened = 0;
    assert.equal(
      server.listen(0, HOST, () => listened++),
      server,
    );
    assert.throws(() => server.listen(), {
      code: 'ERR_SERVER_ALREADY_LISTEN',
      message: 'The server is listening already, or is not closed yet',
    });
    await event(server, 'listening');
    assert.deepEqual([listened, server.listening, server.address().address], [1, true, HOST]);
    const client = openClient(t, server);
    await Promise.all([event(client, 'secureConnect'), event(server, 'secureConnection')]);
    assert.deepEqual([server.getConnections(), Object.keys(server.sockets).length], [1, 1]);
    assert.equal(
      await new Promise((resolve) => server.getConnections((...args) => resolve(args.length === 1 && args[0]))),
      1,
    );
    let closes = 0;
    server.on('close', () => closes++);
    const both = [0, 1].map(() => new Promise((resolve) => server.close(resolve)));
    assert.equal(server.listening, false);
    assert.throws(() => server.listen(), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    await Promise.all(both);
    assert.deepEqual([closes, server.address(), server.dgramSocket, server.getConnections()], [1, null, null, 0]);
    server.listen(0, HOST);
    await event(server, 'listening');
    await server[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
    await server[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
    assert.equal(closes, 2);
    assert.equal(server.fleetStats, null);
    assert.deepEqual([server.ref(), server.unref()], [server, server]);
  });

  test('of a disposed client is waited for, whatever goes wrong', async (t) => {
    const dispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
    const { client, socket } = await connectedPair(t);
    const told = event(socket, 'close');
    const done = client[dispose]();
    client.emit('error', new Error('nobody waits for it any more'));
    await done;
    assert.equal(client.closed, true);
    await client[dispose]();
    assert.deepEqual(await told, [false]);
  });
});
