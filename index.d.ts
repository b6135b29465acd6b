// biome-ignore-all lint/suspicious/noExplicitAny: the general overloads are declared as node:events declares them

/// <reference types="node" />

import { X509Certificate } from 'node:crypto';
import { Socket as UdpSocket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { DetailedPeerCertificate, PeerCertificate } from 'node:tls';

/** Bytes in any of Node's usual forms. */
export type Bytes = NodeJS.ArrayBufferView | ArrayBuffer;

/** A pre-shared key, 1 to 64 bytes: a string stands for its UTF-8 bytes. */
export type PresharedKey = string | Bytes;

/** A PSK identity, up to 256 bytes: a string stands for its UTF-8 bytes. */
export type PskIdentity = string | Bytes;

/** PEM as a string, PEM or DER as bytes. */
export type PemOrDer = string | Bytes;

/** What may come of looking a key up; null or undefined: nobody has that identity. */
export type PskAnswer = PresharedKey | null | undefined;

/** As whom a client appears. */
export interface OwnPsk {
  psk: PresharedKey;
  /** 1 to 256 bytes. */
  identity: PskIdentity;
}

/** What may come of asking a client for it; null or undefined: it has no key for this server. */
export type OwnPskAnswer = OwnPsk | null | undefined;

export type SrtpProfile =
  | 'SRTP_AEAD_AES_128_GCM'
  | 'SRTP_AEAD_AES_256_GCM'
  | 'SRTP_AES128_CM_SHA1_80'
  | 'SRTP_AES128_CM_SHA1_32';

/** A PKCS#12 file: base64 as a string, DER as bytes. */
export type Pfx = string | Bytes;

/** A file name, PEM as a string, or PEM or DER as bytes. */
export type KeyInput = PemOrDer;

/** The fork of node-mbed-dtls that an application was written for, see docs/migrating.md; 'spark' is 'neustar'. */
export type CompatProfile = 'neustar' | 'spark' | 'particle' | 'trackle' | 'k4' | 'matasarei';

/**
 * A connection that can go on, with node-mbed-dtls's names and what it lacked; JSON may be made of it. A secret: whoever
 * has it can read and write in the connection's name.
 */
export interface SavedSession {
  /** IANA's number. */
  ciphersuite: number;
  /** 64 bytes: the client's random, then the server's. */
  randbytes: SavedBytes;
  /** Session id, up to 32 bytes. */
  id: SavedBytes;
  /** Master secret, 48 bytes. */
  master: SavedBytes;
  in_epoch: number;
  /** 8 bytes: epoch and number of the next record. */
  out_ctr: SavedBytes;
  /** 8 bytes each: the highest record number that was heard, and the window below it. Without them, what was recorded
   * before may be heard once more. */
  in_window_top?: SavedBytes;
  in_window?: SavedBytes;
  /** RFC 7366. */
  encrypt_then_mac?: boolean;
  /** RFC 7627. */
  extended_master_secret?: boolean;
  /** RFC 6066, bytes; absent: none was agreed on. */
  max_fragment_length?: 512 | 1024 | 2048 | 4096;
  /** Who the peer is, as the handshake has confirmed it. */
  psk_identity?: SavedBytes;
  public_key?: SavedBytes;
}

/** Bytes, what JSON makes of a Buffer, or base64. */
export type SavedBytes = Uint8Array | { type: 'Buffer'; data: number[] } | string;

/** Where a peer is, or was. */
export interface PeerAddress {
  address: string;
  port: number;
  family?: 'IPv4' | 'IPv6';
}

export interface SharedOptions {
  /** Private key that belongs to `cert`; without one, it is presented as a raw public key (RFC 7250). */
  key?: KeyInput;
  /** Passphrase of an encrypted `key`, or of `pfx`. */
  passphrase?: string;
  /** Our certificate, or the chain of it, leaf first. */
  cert?: PemOrDer | readonly PemOrDer[];
  /**
   * PKCS#12 file (`.p12`, `.pfx`) of up to 1048576 bytes in place of `key` and `cert`, or an array of one: its first key that
   * has a certificate, with its chain. Who says nothing else about whom to trust trusts the root certificates in it: a
   * client beside Node's, a server with `requestCert: true` alone. Throws ERR_DTLS_WRONG_PASSPHRASE, ERR_DTLS_INVALID_PFX.
   */
  pfx?: Pfx | readonly (Pfx | { buf: Pfx; passphrase?: string })[];
  /** Lists of what the authorities of peers have revoked. With any, each issuer in a peer's chain must have one that is
   * valid. Default: revocation is not checked. */
  crl?: PemOrDer | readonly PemOrDer[];
  /**
   * Raw public keys (RFC 7250) by which a peer is authenticated: SubjectPublicKeyInfo, any one of them. On a client they
   * are preferred to certificates, which are accepted only with `ca`.
   */
  peerPublicKey?: KeyInput | readonly PemOrDer[];
  /**
   * Decides about a peer before the handshake is over: one whose certificate has been verified, or whose raw public key is
   * not among `peerPublicKey`. Returns true or false, returns a promise of it, or calls `callback`, in which case it is
   * declared with three parameters. That the peer has the private key is proved afterwards. Without `ca`, and beside it
   * with `peerPublicKey` (which may then be an empty array), raw public keys are accepted.
   */
  verifyPeer?: VerifyPeer;
  /**
   * Cipher suites by IANA or OpenSSL name, best first: an array, or names with colons between them.
   * Default: all that the credentials allow, AEAD suites first.
   */
  ciphers?: string | readonly string[];
  /** Groups for ECDHE, and for the EC keys of peers, best first, see getCurves(): an array, or names with colons between
   * them. Default: all. */
  ecdhCurve?: string | readonly string[];
  /** Signatures in the handshake and in the peer's chain, best first, by OpenSSL's ('ECDSA+SHA256') or IANA's names
   * ('ecdsa_secp256r1_sha256'): an array, or names with colons between them. Default: ECDSA and RSA with SHA256, SHA384,
   * SHA512, and in chains Ed25519 and RSA-PSS as well. */
  sigalgs?: string | readonly string[];
  /** Application protocols (RFC 7301), best first: names of 1 to 255 bytes without zero bytes, or Bytes in which each has
   * its length before it. The server chooses by its own order; with none in common there is no connection. */
  ALPNProtocols?: readonly (string | Bytes)[] | Bytes;
  /** Whether a peer that knows no extended master secret (RFC 7627) is refused. Default: false. */
  requireExtendedMasterSecret?: boolean;
  /** Longest record, bytes (RFC 6066): a client asks its server to keep to it; both keep to it themselves.
   * Default: no limit but the protocol's. */
  maxFragmentLength?: 512 | 1024 | 2048 | 4096;
  /** SRTP profiles (RFC 5764) by OpenSSL's name, best first: an array, or names with colons between them. The server chooses
   * by its own order; with none in common the connection goes on without. Default: none. */
  srtpProfiles?: SrtpProfile | (string & {}) | readonly SrtpProfile[];
  /** Time to the first retransmission of a flight, ms. Default: 3000 on a server, 1000 on a client. */
  handshakeTimeoutMin?: number;
  /** Upper bound of the doubling of that time, ms. Default: 60000, or handshakeTimeoutMin if that is more. */
  handshakeTimeoutMax?: number;
  /** Time for the whole handshake, ms. Default: 120000. */
  handshakeTimeout?: number;
  /** Time without a valid datagram from the peer after which a connection is closed, ms; 0: never.
   * Default: 86400000 (a day) on a server, 0 on a client. */
  idleTimeout?: number;
  /** Leaves the server's Certificate message out where it would be a raw public key, as some forks of node-mbed-dtls do: on
   * a server, for clients that know its key; on a client, allows it if `peerPublicKey` is exactly one key, which the server
   * proves to have all the same. Default: false. */
  omitServerCertificate?: boolean;
  /** Quiet time after which an open connection gives its engine's memory back, some 3 KB, ms; at most 500 as long as
   * nothing has been sent on it, either way. It wakes by itself, in some 20 microseconds. Infinity: never. Default: 5000. */
  hibernateAfter?: number;
  /** Threads that take the steps of handshakes that compute with certificates and their keys, so that the event loop goes on
   * meanwhile, 0 to 64; 0: the event loop takes them itself. The threads belong to the process and serve all endpoints, of
   * worker threads as well, in turns: as many as the endpoint asks for that asks for most, and for none more than it asks
   * for. They begin with the first such step. Default: as many as the process may use cores, at most 8; 0 if that is one. */
  handshakeThreads?: number;
  /** Largest datagram of a handshake, bytes of UDP payload, 256 to 65507. Default: 1200. */
  mtu?: number;
  /** How much is written to stderr, 0 (nothing) to 4 (everything). Default: 0. */
  debug?: 0 | 1 | 2 | 3 | 4;
  /** Whether the peer is told when a connection is closed (close_notify). Default: true. */
  sendClose?: boolean;
  /**
   * Behaves as one of the forks of node-mbed-dtls where they differ: arguments of events, checks of options, see
   * docs/migrating.md. For createServer() and connect() only. Default: none.
   */
  compat?: CompatProfile;
  /**
   * With `compat`: hears, or sends, Trackle's keep-alive in the clear. Anybody who knows the device's name can then move
   * its connection to another address. Default: false.
   */
  insecureLegacyPing?: boolean;
  /** With `compat`, on a server: whatever looks like an alert ends the connection of its address. Default: false. */
  insecureLegacyAlerts?: boolean;
  /**
   * What is kept for an application that does not read, beyond the 16 messages that the stream itself takes, bytes; each
   * message counts 128 bytes more than it is long. What comes then is dropped, see messagesDropped. Default: 262144.
   */
  receiveQueueLimit?: number;
  /** Type of the UDP socket. Default: as the address requires. */
  type?: 'udp4' | 'udp6';
  /** Receive buffer of the UDP socket (SO_RCVBUF), bytes.
   * Default: on a server what the system grants up to 4194304, on a client the system's. */
  recvBufferSize?: number;
  /** Send buffer of the UDP socket (SO_SNDBUF), bytes. Default: the system's. */
  sendBufferSize?: number;
}

/**
 * Options of a server. It needs `psk`, `pskCallback` or `identityPskCallback` (one of them), or `key` or `pfx`, or both
 * kinds.
 */
export interface ServerOptions extends SharedOptions {
  /** One key for every identity, or identities and their keys; copied at the call, and compared byte by byte. */
  psk?: PresharedKey | ReadonlyMap<PskIdentity, PresharedKey> | { readonly [identity: string]: PresharedKey };
  /**
   * Finds the key of an identity, in node:tls's form: returns it, returns a promise of it, or calls `callback`, in which
   * case it is declared with three parameters. The handshake waits, and nobody else does.
   */
  pskCallback?: PskCallback<string>;
  /** Finds the key of an identity, in node-mbed-dtls's form; an empty string refuses. */
  identityPskCallback?: IdentityPskCallback<string>;
  /**
   * How the callbacks get the identity, which is bytes: 'utf8' as a string, and who sends bytes that no string stands for
   * is unknown; 'buffer' as a Buffer, see BufferIdentityServerOptions. Default: 'utf8'.
   */
  pskIdentityEncoding?: 'utf8';
  /**
   * What clients are told that have yet to choose their identity (RFC 4279), 1 to 128 bytes; a string stands for its UTF-8
   * bytes. Anybody can read it. Default: none, and clients are told nothing.
   */
  pskIdentityHint?: string | Bytes;
  /** Whether the order of `ciphers` decides which suite is chosen; false: the client's order does. Default: true. */
  honorCipherOrder?: boolean;
  /** Certificates of the authorities that may vouch for clients. */
  ca?: PemOrDer | readonly PemOrDer[];
  /**
   * Whether clients are asked for a certificate or a raw public key. Default: whether there is `ca`, `peerPublicKey` or
   * `verifyPeer`.
   */
  requestCert?: boolean;
  /** Whether a client that is asked and does not authenticate is refused. Default: true. */
  rejectUnauthorized?: boolean;
  /**
   * Finds the context for the name that a client asks for (SNI), in place of what addContext() was told: returns it, returns
   * a promise of it, or calls `callback`, in which case it is declared with two parameters. Nothing means the server's own.
   * Not asked about clients without a name. What it throws, or an error, ends the handshake with
   * ERR_DTLS_LOOKUP_FAILED. The handshake waits, and nobody else does.
   */
  SNICallback?: SNICallback;
  /**
   * Chooses one of the application protocols that a client offers (RFC 7301), in any of these three ways; none of them ends
   * the handshake with ERR_DTLS_NO_APPLICATION_PROTOCOL, anything else with ERR_DTLS_LOOKUP_FAILED. Asked after
   * `SNICallback`, and not where the context has `ALPNProtocols`, nor about clients that offer none. Excludes
   * `ALPNProtocols`.
   */
  ALPNCallback?: ALPNCallback;
  /** Ignored, as in node-mbed-dtls, whose applications hand one object to createServer() and listen(). */
  host?: unknown;
  /** Ignored, as `host`. */
  port?: unknown;
  /** Of `compat: 'k4'`: finds the key of an identity; what is no Buffer refuses. */
  psk_cb?: (identity: Buffer) => unknown;
  /** Handshakes at a time. Default: 1000. */
  maxHandshakes?: number;
  /** Handshakes at a time with one IP address. Default: 100. */
  maxHandshakesPerAddress?: number;
  /** Connections at a time, handshakes included. Default: 1000000. */
  maxConnections?: number;
  /**
   * UDP socket to take over, not connected: listen() binds it, unless it is bound already; close() closes it. Default: a
   * socket of our own.
   */
  socket?: UdpSocket;
  /** Whether a server on '::' leaves IPv4 alone. Default: false, which is dual stack. */
  ipv6Only?: boolean;
}

/** A server whose callbacks get identities as Buffers. */
export interface BufferIdentityServerOptions
  extends Omit<ServerOptions, 'pskCallback' | 'identityPskCallback' | 'pskIdentityEncoding'> {
  /** See ServerOptions. */
  pskCallback?: PskCallback<Buffer>;
  /** See ServerOptions. */
  identityPskCallback?: IdentityPskCallback<Buffer>;
  /** See ServerOptions. */
  pskIdentityEncoding: 'buffer';
}

/** What a peer presents. */
export interface PresentedPeer {
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer;
  /** Its certificate, DER; absent with a raw public key. */
  cert?: Buffer;
}

export type VerifyPeer = (
  socket: DtlsSocket,
  peer: PresentedPeer,
  callback: (error: Error | null | undefined, accepted?: boolean) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that calls back returns
) => boolean | PromiseLike<boolean> | void;

/** What is shown to clients that ask for a name; null or undefined: what all others are shown. */
export type SNIAnswer = SecureContext | ContextOptions | null | undefined;

export type SNICallback = (
  this: DtlsSocket,
  servername: string,
  callback: (error: Error | null | undefined, context?: SNIAnswer) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that calls back returns
) => SNIAnswer | PromiseLike<SNIAnswer> | void;

export type ALPNCallback = (
  this: DtlsSocket,
  /** `servername` is false without one; a protocol's bytes are taken for UTF-8. */
  offer: { servername: string | false; protocols: string[] },
  callback: (error: Error | null | undefined, protocol?: string | null) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that calls back returns
) => string | null | undefined | PromiseLike<string | null | undefined> | void;

export type PskCallback<Identity> = (
  socket: DtlsSocket,
  identity: Identity,
  callback: (error: Error | null | undefined, key?: PskAnswer) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that calls back returns
) => PskAnswer | PromiseLike<PskAnswer> | void;

export type ClientPskCallback = (hint: string | null) => OwnPskAnswer | PromiseLike<OwnPskAnswer>;

export type IdentityPskCallback<Identity> = (identity: Identity) => PskAnswer | PromiseLike<PskAnswer>;

/**
 * Options of a client. With `psk` or `pskCallback` alone only pre-shared keys are offered; with `peerPublicKey` or `verifyPeer` the server's
 * raw public key is verified; with `ca`, or with none of these, its certificate.
 */
export interface ClientOptions extends SharedOptions {
  /** DNS name or IP address of the server; resolved once. Default: 'localhost'. */
  host?: string;
  /** UDP port of the server. */
  port: number | string;
  /**
   * UDP socket to use, bound or not, but not connected. It is never closed, what others send to it is left alone, and
   * clients of different servers may share it. Default: a socket of our own.
   */
  socket?: UdpSocket;
  /** Address family to resolve `host` to; 0: either. Default: 0, or what `type` or `socket` require. */
  family?: 0 | 4 | 6 | 'IPv4' | 'IPv6';
  /** IP address to bind our own UDP socket to. Default: any. */
  localAddress?: string;
  /** UDP port to bind our own UDP socket to. Default: 0, the system's choice. */
  localPort?: number | string;
  /** Look-up function, called as by node:dgram. Default: dns.lookup. */
  lookup?: (
    hostname: string,
    family: number,
    callback: (error: NodeJS.ErrnoException | null, address: string, family?: number) => void,
  ) => void;
  /** Pre-shared key; needs `pskIdentity`. */
  psk?: PresharedKey;
  /** Identity that goes with `psk`. */
  pskIdentity?: PskIdentity;
  /**
   * Says as whom to appear, in place of `psk` and `pskIdentity` and in node:tls's form: returns key and identity, or a
   * promise of them; null or undefined ends the handshake with ERR_DTLS_NO_PSK. Called once in a handshake, when the server
   * has chosen a suite with a pre-shared key. The hint is the server's (`pskIdentityHint`), which it has not proved to be;
   * null without one, and for one that is not UTF-8 or is longer than 256 bytes.
   */
  pskCallback?: ClientPskCallback;
  /** node-mbed-dtls's name of `pskIdentity`. */
  PSKIdent?: PskIdentity;
  /** Certificates of the authorities that may vouch for the server. Default: those that Node trusts, with
   * NODE_EXTRA_CA_CERTS and --use-system-ca (Node 22.15 and newer); none with `psk`, `pskCallback`, `peerPublicKey` or
   * `verifyPeer`. */
  ca?: PemOrDer | readonly PemOrDer[];
  /** node-mbed-dtls's name of `ca`. */
  CACert?: PemOrDer | readonly PemOrDer[];
  /** DNS name or IP address that the server's certificate must name; a DNS name is also sent (SNI). Default: `host`. */
  servername?: string;
  /**
   * Compares the name with a certificate that has been verified, in place of the engine; node:tls's own is
   * tls.checkServerIdentity. What it answers, if anything, is the error of the connection.
   */
  checkServerIdentity?: (servername: string, cert: PeerCertificate) => Error | undefined;
  /** Whether a server's certificate or raw public key that does not verify is an error. Default: true. */
  rejectUnauthorized?: boolean;
}

/** `host` and `address` mean the same. Without either: all IPv4 addresses, or with type 'udp6' all addresses. */
export interface ListenOptions {
  /** UDP port; 0: the system's choice. Default: 0. */
  port?: number | string;
  /** DNS name or IP address. */
  host?: string;
  /** dgram's name of `host`. */
  address?: string;
  /** Open UDP socket to take over instead. */
  fd?: number;
  /** Whether the workers of a cluster do not share the port. Default: false. */
  exclusive?: boolean;
  /** See ServerOptions. */
  ipv6Only?: boolean;
}

export interface CipherInfo {
  /** OpenSSL's name: 'PSK-AES128-CCM8'. */
  name: string;
  /** IANA's name: 'TLS_PSK_WITH_AES_128_CCM_8'. */
  standardName: string;
  version: 'DTLSv1.2';
}

/** Counters: totals, but for the last three. */
export interface Stats {
  /** Datagrams from the UDP socket. */
  datagramsReceived: number;
  /** Datagrams to the UDP socket. */
  datagramsSent: number;
  /** Datagrams without any record that was of use. */
  datagramsDropped: number;
  /** Records that were malformed, forged, replayed, or for nobody. */
  recordsDropped: number;
  /** Answers to ClientHellos without a valid cookie. */
  helloVerifyRequestsSent: number;
  handshakesStarted: number;
  handshakesCompleted: number;
  handshakesFailed: number;
  /** Handshakes beyond one of the limits. */
  handshakesRefused: number;
  /** Steps of handshakes that other threads have taken, see `handshakeThreads`. */
  handshakeStepsOffloaded: number;
  /** Connections now, handshakes included. */
  connections: number;
  /** Handshakes now. */
  handshakes: number;
  /** Look-ups without an answer now. */
  lookups: number;
}

/** Permanent names of what can go wrong; docs/errors.md has a heading for each. */
export type DtlsErrorCode =
  | 'ERR_DTLS_ADDRESS_IN_USE'
  | 'ERR_DTLS_ALERT_RECEIVED'
  | 'ERR_DTLS_BAD_RECORD_MAC'
  | 'ERR_DTLS_CLOSED_DURING_HANDSHAKE'
  | 'ERR_DTLS_HANDSHAKE_TIMEOUT'
  | 'ERR_DTLS_INTERNAL'
  | 'ERR_DTLS_INVALID_CA'
  | 'ERR_DTLS_INVALID_CERT'
  | 'ERR_DTLS_INVALID_CIPHER'
  | 'ERR_DTLS_INVALID_CRL'
  | 'ERR_DTLS_INVALID_CURVE'
  | 'ERR_DTLS_INVALID_KEY'
  | 'ERR_DTLS_INVALID_PEER_CERTIFICATE'
  | 'ERR_DTLS_INVALID_PFX'
  | 'ERR_DTLS_INVALID_PSK'
  | 'ERR_DTLS_INVALID_PSK_IDENTITY'
  | 'ERR_DTLS_INVALID_SESSION'
  | 'ERR_DTLS_INVALID_PUBLIC_KEY'
  | 'ERR_DTLS_INVALID_SIGALG'
  | 'ERR_DTLS_INVALID_SRTP_PROFILE'
  | 'ERR_DTLS_KEY_MISMATCH'
  | 'ERR_DTLS_LOOKUP_FAILED'
  | 'ERR_DTLS_NO_APPLICATION_PROTOCOL'
  | 'ERR_DTLS_NO_EXTENDED_MASTER_SECRET'
  | 'ERR_DTLS_NO_PEER_CERTIFICATE'
  | 'ERR_DTLS_NO_PSK'
  | 'ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE'
  | 'ERR_DTLS_NO_SHARED_CIPHER'
  | 'ERR_DTLS_NO_USABLE_CIPHER'
  | 'ERR_DTLS_PAYLOAD_TOO_LARGE'
  | 'ERR_DTLS_PEER_KEY_MISMATCH'
  | 'ERR_DTLS_PEER_REFUSED'
  | 'ERR_DTLS_PROTOCOL'
  | 'ERR_DTLS_SOCKET_CLOSED'
  | 'ERR_DTLS_UNKNOWN_PSK_IDENTITY'
  | 'ERR_DTLS_WEAK_CERTIFICATE'
  | 'ERR_DTLS_WRONG_PASSPHRASE'
  | 'ERR_DTLS_WRONG_PSK'
  | 'ERR_DTLS_WRONG_SIGNATURE'
  | 'CERT_CHAIN_TOO_LONG'
  | 'CERT_HAS_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_REJECTED'
  | 'CERT_REVOKED'
  | 'CERT_SIGNATURE_FAILURE'
  | 'CERT_UNTRUSTED'
  | 'CRL_HAS_EXPIRED'
  | 'CRL_NOT_YET_VALID'
  | 'CRL_SIGNATURE_FAILURE'
  | 'DEPTH_ZERO_SELF_SIGNED_CERT'
  | 'ERR_TLS_CERT_ALTNAME_INVALID'
  | 'INVALID_CA'
  | 'INVALID_PURPOSE'
  | 'PATH_LENGTH_EXCEEDED'
  | 'SELF_SIGNED_CERT_IN_CHAIN'
  | 'UNABLE_TO_GET_CRL'
  | 'UNABLE_TO_GET_ISSUER_CERT'
  | 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
  | 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  | 'UNSPECIFIED';

/** As a number it is its `errno`, as a string its message, for code that got numbers or strings from node-mbed-dtls. */
export class DtlsError extends Error {
  constructor(
    message: string,
    details?: {
      code?: DtlsErrorCode | (string & {});
      errno?: number;
      alert?: number;
      address?: string;
      port?: number;
      cause?: unknown;
    },
  );
  /** Permanent; messages are not. */
  code: DtlsErrorCode | (string & {});
  /** Mbed TLS's negative number; 0 when Mbed TLS had no part in it. */
  errno: number;
  /** Number of the TLS alert that was sent or received. */
  alert?: number;
  /** IP address of the peer. */
  address?: string;
  /** UDP port of the peer. */
  port?: number;
  /** What led to it: what a look-up's callback threw. */
  cause?: unknown;
  /** `errno`. */
  valueOf(): number;
  /** The bare message. */
  toString(): string;
  [Symbol.toPrimitive](hint: string): number | string;
}

export interface DtlsSocketEvents {
  /** The handshake is over. */
  secureConnect: [socket: DtlsSocket];
  /** One message: one datagram of the peer's. */
  data: [message: Buffer];
  /** The connection is closed and all messages have been read. */
  end: [];
  /** A datagram with payload has left; its length, bytes. */
  send: [length: number];
  /** A datagram with payload has come; its length, bytes. */
  receive: [length: number];
  /** On a server: the peer has proved that it is at another address, which remoteAddress and remotePort say. The old one,
   * and by which name 'lookupKey' asked for it. */
  ipChanged: [old: PeerAddress & { deviceId?: string }];
  /** On a server: a new handshake from the peer's address takes this connection's place; 'close' follows. */
  reconnect: [successor: DtlsSocket];
  /** The connection is over; 'close' follows. */
  closing: [];
  /** A DtlsError, or on a client what the UDP socket or the look-up of the host had to say; and its message. On a server's
   * socket it may be left unheard. */
  error: [error: DtlsError | NodeJS.ErrnoException, message: string];
  /** The last event, once. */
  close: [hadError: boolean];
  drain: [];
  finish: [];
  pause: [];
  pipe: [source: import('node:stream').Readable];
  readable: [];
  resume: [];
  unpipe: [source: import('node:stream').Readable];
}

export type SendCallback = (error: Error | null, bytes?: number) => void;

/**
 * One connection, as a stream with datagram boundaries: one write is one datagram, one datagram is one 'data'. What is
 * written before the end of the handshake waits for it.
 */
export class DtlsSocket extends Duplex {
  protected constructor();
  /** The server that accepted the connection; undefined on a client. */
  readonly server: DtlsServer | undefined;
  /** IP address of the peer; undefined until a client has resolved its host. */
  readonly remoteAddress: string | undefined;
  /** UDP port of the peer; undefined until a client has resolved its host. */
  readonly remotePort: number | undefined;
  readonly remoteFamily: 'IPv4' | 'IPv6' | undefined;
  /** Address of our own UDP socket, '::' or '0.0.0.0' when bound to all; undefined when not bound. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** On a server: the name that the client asks for (SNI), false if none. Nobody has proved it. */
  readonly servername: string | false | undefined;
  /** PSK identity that the handshake has confirmed; undefined without PSK, and before. */
  readonly pskIdentity: Buffer | undefined;
  /** The peer's public key, SubjectPublicKeyInfo in DER; empty without one, and before the end of the handshake. */
  readonly publicKey: Buffer;
  /** The same in PEM, bytes. */
  readonly publicKeyPEM: Buffer;
  /** Whether the peer has proved to be one that the options accept: by a pre-shared key, by a verified certificate, or by a
   * raw public key that was expected or accepted. False before, after a resumption, and for a client that was not asked. */
  readonly authorized: boolean;
  /** Code of what is wrong with a peer that `rejectUnauthorized: false` has let in; else null. */
  readonly authorizationError: string | null;
  /** Application protocol that both have agreed on, false if none; null before the end of the handshake. */
  readonly alpnProtocol: string | false | null;
  /** Duration of the handshake, ms; undefined before its end. */
  readonly handshakeTime: number | undefined;
  /** From the end of the handshake to the end of the connection. */
  readonly connected: boolean;
  /** Whether the peer is told when the connection is closed. */
  sendClose: boolean;
  /** Whether the keys come from a saved session: a connection that goes on, or a handshake that was resumed. */
  readonly resumed: boolean;
  /** Whether server.resumeSocket() has made it. */
  readonly selfRestored: boolean;
  /** The connection, to be kept; undefined before the handshake is over and after the end. */
  readonly session: SavedSession | undefined;
  /** Epoch and number of the next record that we send, 8 bytes; zeros without a connection. */
  readonly outCounter: Buffer;
  /** The UDP socket that carries the connection. */
  readonly dgramSocket: UdpSocket | null;
  /** Messages that were dropped because nobody read them, see receiveQueueLimit. */
  readonly messagesDropped: number;
  /** Address of our own UDP socket; empty when not bound. */
  address(): { address?: string; family?: string; port?: number };
  /** null before the end of the handshake. */
  getCipher(): CipherInfo | null;
  /** null before the end of the handshake. */
  getProtocol(): 'DTLSv1.2' | null;
  /** The peer's certificate in node:tls's form: empty if it has shown none, null when the socket is destroyed. */
  getPeerCertificate(detailed: true): DetailedPeerCertificate | Record<string, never> | null;
  getPeerCertificate(detailed?: false): PeerCertificate | Record<string, never> | null;
  /** undefined if the peer has shown none, and when the socket is destroyed. */
  getPeerX509Certificate(): X509Certificate | undefined;
  /** Content of our Finished message; undefined without a connection, and for a restored one. */
  getFinished(): Buffer | undefined;
  /** Content of the peer's Finished message; undefined without a connection, and for a restored one. */
  getPeerFinished(): Buffer | undefined;
  /** Whether the connection has resumed a session. */
  isSessionReused(): boolean;
  /** The profile that both have agreed on (RFC 5764), null if none. Its keys are exported keying material. */
  getSrtpProfile(): SrtpProfile | null;
  /**
   * Keying material for another protocol (RFC 5705), 1 to 65536 bytes, the same on both sides. An empty context is another
   * thing than none. Throws ERR_TLS_INVALID_STATE without a connection.
   */
  exportKeyingMaterial(length: number, label: string, context?: NodeJS.ArrayBufferView | ArrayBuffer): Buffer;
  /** write() with dgram's arguments. Port and host are not looked at: a connection has one peer. */
  send(message: string | Uint8Array, callback?: SendCallback): void;
  send(message: string | Uint8Array, offset: number, length: number, callback?: SendCallback): void;
  send(
    message: string | Uint8Array,
    offset: number,
    length: number,
    port: number,
    host?: string,
    callback?: SendCallback,
  ): void;
  /** In a listener of 'resumeSession': answers it, and says whether the connection goes on. Else false. */
  resumeSession(session: SavedSession): boolean;
  /** Ends the connection without a word to the peer; after 'close' its listeners are gone. */
  reset(): void;

  addListener<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;
  emit<E extends keyof DtlsSocketEvents>(event: E, ...args: DtlsSocketEvents[E]): boolean;
  emit(event: string | symbol, ...args: any[]): boolean;
  off<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  off(event: string | symbol, listener: (...args: any[]) => void): this;
  on<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  once(event: string | symbol, listener: (...args: any[]) => void): this;
  prependListener<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  prependListener(event: string | symbol, listener: (...args: any[]) => void): this;
  prependOnceListener<E extends keyof DtlsSocketEvents>(
    event: E,
    listener: (...args: DtlsSocketEvents[E]) => void,
  ): this;
  prependOnceListener(event: string | symbol, listener: (...args: any[]) => void): this;
  removeListener<E extends keyof DtlsSocketEvents>(event: E, listener: (...args: DtlsSocketEvents[E]) => void): this;
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this;
}

/** A connection that we have opened. */
export class DtlsClient extends DtlsSocket {
  constructor(options: ClientOptions, secureConnectListener?: (client: DtlsClient) => void);
  /** Until the handshake is over or given up. */
  readonly connecting: boolean;
  readonly stats: Stats;
  /** Says localPort and localAddress, in the tick of connect(); the callback is called when the UDP socket is bound. */
  bind(port?: number, address?: string, whenBound?: () => void): this;
  /** The connection keeps the process alive, which is the default; of no effect on a given UDP socket. */
  ref(): this;
  /** The process may end though the connection is open; of no effect on a given UDP socket. */
  unref(): this;
}

export interface DtlsServerEvents {
  /** The UDP socket is bound. */
  listening: [];
  /** A peer has proved its address, and begins a handshake. */
  connection: [socket: DtlsSocket];
  /** A handshake is over, or a saved session goes on, which is then the second argument. */
  secureConnection: [socket: DtlsSocket, session?: SavedSession];
  /**
   * Application data came from an address without a connection: was there one before a restart? The key is
   * 'address:port'. The answer may come later; nobody else waits for it. The connection goes on when the data authenticates.
   */
  resumeSession: [
    key: string,
    socket: DtlsSocket,
    callback: (error?: unknown, session?: SavedSession | null | undefined) => void,
  ];
  /** A device says that its address has changed: where was it? It moves when its record authenticates. */
  lookupKey: [deviceId: string, callback: (error?: unknown, old?: PeerAddress | null | undefined) => void];
  /** A client wants to resume the session with this id, hex. What does not fit leads to a full handshake; an error ends
   * the handshake. */
  renegotiate: [
    sessionId: string,
    socket: DtlsSocket,
    callback: (error?: unknown, session?: SavedSession | null | undefined) => void,
  ];
  /** A device could not be found by its name, or sends what no connection can read: only a new handshake would help. */
  forceDeviceRehandshake: [peer: PeerAddress, deviceId: string | undefined];
  /** A handshake has failed, which is no 'error' of its socket; that is destroyed afterwards. */
  clientError: [error: DtlsError, socket: DtlsSocket];
  /** The UDP socket has failed; 'close' follows. */
  error: [error: Error];
  close: [];
}

/** What is in a context: what addContext() and setSecureContext() change; the rest is as createServer() was told. */
export type ContextOptions = Pick<
  ServerOptions,
  | 'key'
  | 'passphrase'
  | 'cert'
  | 'pfx'
  | 'ca'
  | 'crl'
  | 'ciphers'
  | 'pskIdentityHint'
  | 'honorCipherOrder'
  | 'ecdhCurve'
  | 'sigalgs'
  | 'ALPNProtocols'
  | 'requireExtendedMasterSecret'
  | 'maxFragmentLength'
  | 'srtpProfiles'
>;

/** Credentials and what is negotiated with them, checked and parsed; never changes, and may be used by many servers. */
export interface SecureContext {
  readonly [Symbol.toStringTag]: 'SecureContext';
}

/** A server on one UDP address. */
export class DtlsServer extends EventEmitter {
  constructor(
    options: ServerOptions | BufferIdentityServerOptions,
    secureConnectionListener?: (socket: DtlsSocket) => void,
  );
  /** The UDP socket; null before 'listening' and after 'close'. */
  readonly dgramSocket: UdpSocket | null;
  readonly listening: boolean;
  /** Live sockets by 'address:port': a snapshot. */
  readonly sockets: { readonly [addressAndPort: string]: DtlsSocket };
  readonly stats: Stats;
  listen(port?: number | string, host?: string, listeningListener?: () => void): this;
  listen(port: number | string | undefined, listeningListener: () => void): this;
  listen(options: ListenOptions, listeningListener?: () => void): this;
  listen(listeningListener: () => void): this;
  /** null when the server does not listen. */
  address(): import('node:net').AddressInfo | null;
  /**
   * Says goodbye to every peer, then closes the UDP socket. The callback is called on 'close', or with
   * ERR_SERVER_NOT_RUNNING when the server does not listen.
   */
  close(callback?: (error?: Error) => void): this;
  /**
   * Answers clients that ask for this name (SNI) with these credentials, or this hint, from now on. '*.example.com' is for
   * one label; the last that fits counts, and the same name again replaces. `ca` counts only where clients are asked at all.
   */
  addContext(
    servername: string,
    context:
      | SecureContext
      | (ContextOptions &
          ({ key: PemOrDer } | { pfx: NonNullable<ContextOptions['pfx']> } | { pskIdentityHint: string | Bytes })),
  ): void;
  /** Answers all other clients with these from now on. Connections and handshakes go on as they began. */
  setSecureContext(context: SecureContext | ContextOptions): void;
  /**
   * Lets a saved connection go on, without waiting for its peer: 'connection' and 'secureConnection' come before this
   * returns. False when the address has a connection already, or the session cannot go on.
   */
  resumeSocket(remote: PeerAddress, session: SavedSession): boolean;
  /** Number of connections whose handshake is over. */
  getConnections(callback?: (count: number) => void): number;
  /** The server keeps the process alive, which is the default. */
  ref(): this;
  /** The process may end though the server listens. */
  unref(): this;

  addListener<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;
  emit<E extends keyof DtlsServerEvents>(event: E, ...args: DtlsServerEvents[E]): boolean;
  emit(event: string | symbol, ...args: any[]): boolean;
  off<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  off(event: string | symbol, listener: (...args: any[]) => void): this;
  on<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  once(event: string | symbol, listener: (...args: any[]) => void): this;
  prependListener<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  prependListener(event: string | symbol, listener: (...args: any[]) => void): this;
  prependOnceListener<E extends keyof DtlsServerEvents>(
    event: E,
    listener: (...args: DtlsServerEvents[E]) => void,
  ): this;
  prependOnceListener(event: string | symbol, listener: (...args: any[]) => void): this;
  removeListener<E extends keyof DtlsServerEvents>(event: E, listener: (...args: DtlsServerEvents[E]) => void): this;
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this;
}

/** Makes a server; listen() then starts it. Key material that is no good is refused here. */
export function createServer(
  options: ServerOptions | BufferIdentityServerOptions,
  secureConnectionListener?: (socket: DtlsSocket) => void,
): DtlsServer;

/**
 * Makes a context for `SNICallback`, addContext() and setSecureContext(). Key material that is no good is refused here. What
 * is not in it is as each server was told; each parses it once, at its first use.
 */
export function createSecureContext(options?: ContextOptions): SecureContext;

/** Opens a connection; the handshake begins in the next tick. Key material that is no good is refused here. */
export function connect(options: ClientOptions, secureConnectListener?: (client: DtlsClient) => void): DtlsClient;
export function connect(
  port: number | string,
  host: string,
  options: Omit<ClientOptions, 'port' | 'host'>,
  secureConnectListener?: (client: DtlsClient) => void,
): DtlsClient;
export function connect(
  port: number | string,
  options: Omit<ClientOptions, 'port'>,
  secureConnectListener?: (client: DtlsClient) => void,
): DtlsClient;
export function connect(
  port: number | string,
  host?: string,
  secureConnectListener?: (client: DtlsClient) => void,
): DtlsClient;
export function connect(port: number | string, secureConnectListener: (client: DtlsClient) => void): DtlsClient;

/** Cipher suites that this build offers, by OpenSSL's name, best first. */
export function getCiphers(): string[];

/** Groups that this build offers for ECDHE, best first. */
export function getCurves(): string[];

/**
 * By name: limits in bytes (`MAX_MESSAGE_LENGTH`, `MAX_PSK_LENGTH`, `MAX_PSK_IDENTITY_LENGTH`, ...), numbers of alerts
 * (`ALERT_HANDSHAKE_FAILURE`), and Mbed TLS's error numbers (`MBEDTLS_ERR_SSL_INVALID_MAC`).
 */
export const constants: { readonly [name: string]: number };

/** Versions of the package (`mbed-dtls`), of the protocol (`dtls`), and of what is compiled in (`mbedtls`, `aws-lc`). */
export const versions: { readonly [name: string]: string };
