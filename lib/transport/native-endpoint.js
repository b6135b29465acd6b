'use strict';

// The addon's classes for endpoints. What is called for datagrams, handshakes and payloads calls a function of the addon's, which
// finds the endpoint by its number. That takes half the time of a method of a native class, for which napi notes who has borrowed
// the object meanwhile.

const { DtlsClient, DtlsServer, Frequent } = require('../native');
const { registers: layout } = require('./layout');

const { NUMBER } = layout;

/** What a native class gets beside its own methods; `binding.d.ts` describes each at `Frequent`. */
const withFrequent = (Native) =>
  class NativeEndpoint extends Native {
    /** Takes what the native constructor takes, except that `registers` is a Float64Array. */
    constructor(options, registers, brief, waker, number, threads) {
      const bytes = Buffer.from(registers.buffer, registers.byteOffset, registers.byteLength);
      super(options, bytes, brief, waker, number, threads);
      this._number = registers[NUMBER];
    }

    receive(datagram, address, port, drains) {
      return Frequent.receive(this._number, datagram, address, port, drains);
    }

    receiveMore(drains) {
      return Frequent.receiveMore(this._number, drains);
    }

    handleTimeout() {
      Frequent.handleTimeout(this._number);
    }

    handleJobs() {
      Frequent.handleJobs(this._number);
    }

    send(connection, payload) {
      return Frequent.send(this._number, connection, payload);
    }

    sendBatch(payloads, entries, count) {
      Frequent.sendBatch(this._number, payloads, entries, count);
    }

    payloadLimit(connection) {
      return Frequent.payloadLimit(this._number, connection);
    }

    close(connection) {
      Frequent.close(this._number, connection);
    }

    abort(connection) {
      Frequent.abort(this._number, connection);
    }

    answer(question, value) {
      return Frequent.answer(this._number, question, value);
    }

    pollTransmit() {
      return Frequent.pollTransmit(this._number);
    }

    pollEvent() {
      return Frequent.pollEvent(this._number);
    }
  };

module.exports = { NativeClient: withFrequent(DtlsClient), NativeServer: withFrequent(DtlsServer) };
