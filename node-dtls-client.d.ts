/// <reference types="node" />

import { RemoteInfo } from 'node:dgram';
import { EventEmitter } from 'node:events';

/** The API of the npm package node-dtls-client, for programs that were written for it; see docs/coaps.md. */
export namespace dtls {
  /** Opens a connection. The callback becomes a listener of 'message'. Throws if the options cannot be used. */
  export function createSocket(options: Options, callback?: MessageEventHandler): Socket;

  export interface SocketEvents {
    /** The handshake is over. */
    connected: [];
    message: [message: Buffer, rinfo: RemoteInfo];
    /** The connection is closed. It does not come after 'error'. */
    close: [];
    error: [error: Error];
  }

  /** A connection to one server. */
  export class Socket extends EventEmitter {
    constructor(options: Options);
    /** Throws before 'connected' and after 'close'. */
    send(data: Buffer, callback?: SendCallback): void;
    /** The callback is called on 'close'. */
    close(callback?: CloseEventHandler): void;

    on<E extends keyof SocketEvents>(event: E, listener: (...args: SocketEvents[E]) => void): this;
    once<E extends keyof SocketEvents>(event: E, listener: (...args: SocketEvents[E]) => void): this;
  }

  export interface Options {
    type: 'udp4' | 'udp6';
    /** Has no effect. */
    reuseAddr?: boolean;
    /** IP address or DNS name of the server. */
    address: string;
    port: number;
    /** An identity and its key; a string has one character for each byte. The first identity counts. */
    psk: { [identity: string]: string | Buffer };
    /** Time until the handshake is given up, ms, at least 100. Default: 1000. */
    timeout?: number;
    /** IANA's names of cipher suites. Those that this package does not have are left out. Default: all. */
    ciphers?: string[];
    /** Our own UDP port. Default: any. */
    listenPort?: number;
    /** Has no effect. */
    compat?: { resetAntiReplayWindowBeforeServerHello?: boolean };
  }

  export type MessageEventHandler = (message: Buffer, rinfo: RemoteInfo) => void;
  export type CloseEventHandler = () => void;
  export type ErrorEventHandler = (error: Error) => void;
  export type SendCallback = (error: Error | null, bytes?: number) => void;
}
