'use strict';

// connect() and listen() as promises, beside their forms with callbacks and events.

const { connectArguments } = require('./options/arguments');

/** @param {(...args: unknown[]) => import('./client').DtlsClient} connect as the package exports it */
function promisesFor(connect) {
  return {
    /**
     * connect(options) or connect(port[, host][, options]).
     *
     * @returns {Promise<import('./client').DtlsClient>} when the handshake is over; rejected with its error
     */
    async connect(...args) {
      const { options } = connectArguments(args);
      const client = connect(options);
      return new Promise((resolve, reject) => {
        const fail = (error) => reject(error);
        client.once('error', fail);
        client.once('close', () => reject(new Error('The client was closed before the handshake was over')));
        client.once('secureConnect', () => {
          client.off('error', fail);
          resolve(client);
        });
      });
    },

    /**
     * listen(server), with the arguments of server.listen() behind it.
     *
     * @returns {Promise<import('./server').DtlsServer>} the server, when it is listening; rejected with its error
     */
    async listen(server, ...args) {
      return new Promise((resolve, reject) => {
        const settle = (act, value) => {
          server.off('listening', listening);
          server.off('error', failed);
          server.off('close', closed);
          act(value);
        };
        const listening = () => settle(resolve, server);
        const failed = (error) => settle(reject, error);
        const closed = () => settle(reject, new Error('The server was closed before it was listening'));
        server.once('listening', listening);
        server.once('error', failed);
        server.once('close', closed);
        try {
          server.listen(...args);
        } catch (error) {
          failed(error);
        }
      });
    },
  };
}

module.exports = { promisesFor };
