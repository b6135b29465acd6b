// biome-ignore-all lint/suspicious/noExplicitAny: the general overloads are declared as node:events declares them

/// <reference types="node" />

import { KeyObject, X509Certificate } from 'node:crypto';
import { RemoteInfo, Socket as UdpSocket, SocketOptions as UdpSocketOptions } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { BlockList } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import { DetailedPeerCertificate, PeerCertificate } from 'node:tls';

/** Bytes in any of Node's usual forms. */
export type Bytes = NodeJS.ArrayBufferView | ArrayBuffer;

/** A pre-shared key, 1 to 64 bytes: a string stands for its UTF-8 bytes. */
export type PresharedKey = string | Bytes;

/** A PSK identity, up to 256 bytes: a string stands for its UTF-8 bytes. */
export type PskIdentity = string | Bytes;

/** PEM as a string, PEM or DER as bytes. */
export type PemOrDer = string | Bytes;

/** Answer to the look-up of a key; null or undefined means that nobody has that identity. */
export type PskAnswer = PresharedKey | null | undefined;

/** The pre-shared key of a client, and its identity. */
export interface OwnPsk {
  psk: PresharedKey;
  /** Up to 256 bytes; it may be empty. */
  identity: PskIdentity;
}

/** Answer of a client that is asked for its key; null or undefined means that it has no key for this server. */
export type OwnPskAnswer = OwnPsk | null | undefined;

/** A way in which DTLS 1.3 uses pre-shared keys. */
export type PskKeyExchangeMode = 'psk_dhe_ke' | 'psk_ke';

export type SrtpProfile =
  | 'SRTP_AEAD_AES_128_GCM'
  | 'SRTP_AEAD_AES_256_GCM'
  | 'SRTP_AES128_CM_SHA1_80'
  | 'SRTP_AES128_CM_SHA1_32';

/** A PKCS#12 file: base64 as a string, DER as bytes. */
export type Pfx = string | Bytes;

/** A file name, PEM as a string, or PEM or DER as bytes. */
export type KeyInput = PemOrDer;

/** The fork of node-mbed-dtls that an application was written for; see docs/migrating.md. 'spark' means 'neustar'. */
export type CompatProfile = 'neustar' | 'spark' | 'particle' | 'trackle' | 'k4' | 'matasarei';

/**
 * A saved connection of DTLS 1.2, which can go on later or elsewhere. Its first fields have node-mbed-dtls's names. It can be turned
 * into JSON and back. It is a secret: whoever has it can read and write in the connection's name.
 */
export interface SavedSession {
  /** IANA's number of the cipher suite. */
  ciphersuite: number;
  /** 64 bytes: the client's random value, then the server's. */
  randbytes: SavedBytes;
  /** Session id, up to 32 bytes. */
  id: SavedBytes;
  /** Master secret, 48 bytes. */
  master: SavedBytes;
  /** Epoch of the records that we receive. */
  in_epoch: number;
  /** Epoch and number of the next record that we send, 8 bytes. */
  out_ctr: SavedBytes;
  /** Highest record number that was received, 8 bytes. Without it, and without `in_window`, records from before the save
   * are accepted once more if somebody replays them. */
  in_window_top?: SavedBytes;
  /** The replay window below `in_window_top`, 8 bytes. */
  in_window?: SavedBytes;
  /** Whether encrypt-then-MAC (RFC 7366) is in use. */
  encrypt_then_mac?: boolean;
  /** Whether the extended master secret (RFC 7627) is in use. A session that does not say so cannot be resumed by its id. */
  extended_master_secret?: boolean;
  /** Maximum fragment length (RFC 6066) in bytes; absent if none was agreed on. */
  max_fragment_length?: 512 | 1024 | 2048 | 4096;
  /** The connection ID in the peer's records, up to 32 bytes; absent without connection IDs. A server restores the session only
   * if its `connectionId` is as long. */
  connection_id?: SavedBytes;
  /** The connection ID in our records, up to 32 bytes. It is there if `connection_id` is. */
  peer_connection_id?: SavedBytes;
  /** Whether both sides answer return routability checks (RFC 9853). */
  return_routability?: boolean;
  /** When the copy was made: milliseconds, Unix time. A server whose clock is behind it says so. */
  saved_at?: number;
  /** False where the connection cannot go on from a copy, because its cipher suite is one with ChaCha20-Poly1305. */
  restorable?: false;
  /** PSK identity of the peer, as the handshake has confirmed it. */
  psk_identity?: SavedBytes;
  /** Public key of the peer, as the handshake has confirmed it: SubjectPublicKeyInfo, DER. */
  public_key?: SavedBytes;
  /** The name by which the client has asked for the server, in lower case; absent without one. A session is resumed under
   * its own name alone. */
  servername?: string;
}

/** Bytes as a Uint8Array, as JSON represents a Buffer, or in base64. */
export type SavedBytes = Uint8Array | { type: 'Buffer'; data: number[] } | string;

/** Address of a peer, now or earlier. */
export interface PeerAddress {
  address: string;
  port: number;
  family?: 'IPv4' | 'IPv6';
}

export interface SharedOptions {
  /**
   * Private key of `cert`. Without `cert`, its public key is presented as a raw public key (RFC 7250). A server may have one
   * RSA key and one EC key, in an array; then each entry of `cert` is the certificate of one of them with its chain, in any
   * order, and the cipher suite decides which is shown.
   */
  key?: KeyInput | readonly (KeyInput | { pem: KeyInput; passphrase?: string })[];
  /** Passphrase of an encrypted `key`, or of `pfx`. */
  passphrase?: string;
  /** Our certificate, or our chain of certificates with the leaf first. */
  cert?: PemOrDer | readonly PemOrDer[];
  /**
   * PKCS#12 file (`.p12`, `.pfx`) of up to 1048576 bytes in place of `key` and `cert`, or an array: of one, and on a server also
   * of one with an RSA key and one with an EC key. The first key in a file that has a certificate is used, with its chain. If no other option says whom to trust, the root certificates in it are
   * trusted: by a client in addition to Node's, by a server only with `requestCert: true`. Throws ERR_DTLS_WRONG_PASSPHRASE
   * or ERR_DTLS_INVALID_PFX.
   */
  pfx?: Pfx | readonly (Pfx | { buf: Pfx; passphrase?: string })[];
  /** Revocation lists of the authorities of peers. With any, each issuer in a peer's chain must have one that is valid.
   * Default: revocation is not checked. */
  crl?: PemOrDer | readonly PemOrDer[];
  /**
   * Raw public keys (RFC 7250) that authenticate a peer, as SubjectPublicKeyInfo; any one of them will do. A client prefers
   * them to certificates, and accepts certificates only with `ca`.
   */
  peerPublicKey?: KeyInput | readonly PemOrDer[];
  /**
   * Decides during the handshake whether a peer is accepted, if its certificate has been verified or its raw public key is
   * not among `peerPublicKey`. Returns true or false, returns a promise of it, or calls `callback`, in which case it must be
   * declared with three parameters. The peer proves only afterwards that it has the private key. Raw public keys are
   * accepted if there is no `ca`, or if there is also `peerPublicKey`, which may then be an empty array.
   */
  verifyPeer?: VerifyPeer;
  /** Oldest version that is spoken. It must not be newer than `maxVersion`. Default: 'DTLSv1.2'. */
  minVersion?: Version;
  /**
   * Newest version that is spoken, and preferred: each peer is answered in the newest that both sides have. Default: 'DTLSv1.3', but
   * 'DTLSv1.2' with `compat`, `srtpProfiles`, `maxFragmentLength` or a listener of 'resumeSession'.
   */
  maxVersion?: Version;
  /**
   * Cipher suites by IANA or OpenSSL name, best first: an array, or names separated by colons. With suites of one version
   * alone, the other version is not spoken; those of DTLS 1.3 begin with 'TLS_AES' or 'TLS_CHACHA20'. Throws
   * ERR_DTLS_INVALID_CIPHER or ERR_DTLS_NO_USABLE_CIPHER. Default: all that the credentials and versions allow, AEAD suites first.
   */
  ciphers?: string | readonly string[];
  /** Groups for the key exchange and, in DTLS 1.2, for the EC keys of peers, best first: an array, or names separated by colons.
   * getCurves() lists them. A version without any of them is not spoken: X25519MLKEM768 is of DTLS 1.3 alone, and P-521 of DTLS 1.2.
   * Throws ERR_DTLS_INVALID_CURVE. Default: all. */
  ecdhCurve?: string | readonly string[];
  /** Signature algorithms of the handshake and of the peer's chain, best first, by OpenSSL's names ('ECDSA+SHA256') or IANA's
   * ('ecdsa_secp256r1_sha256'): an array, or names separated by colons. 'RSA+SHA256' stands for RSA-PSS, too, by which RSA keys sign
   * in DTLS 1.3. Throws ERR_DTLS_INVALID_SIGALG. Default: ECDSA and RSA with SHA256, SHA384, SHA512, and
   * in chains Ed25519 and RSA-PSS as well. */
  sigalgs?: string | readonly string[];
  /** Application protocols (RFC 7301), best first: an array of names of 1 to 255 bytes without zero bytes, or Bytes in which
   * each name follows its length. The server chooses by its own order. If there is none in common, the handshake fails.
   * Default: none. */
  ALPNProtocols?: readonly (string | Bytes)[] | Bytes;
  /** Whether a peer that does not support the extended master secret (RFC 7627) is refused in DTLS 1.2. DTLS 1.3 always has what it
   * is for. Default: false. */
  requireExtendedMasterSecret?: boolean;
  /** Longest record in bytes (RFC 6066), in DTLS 1.2 alone: `maxVersion` is 'DTLSv1.2' then unless it is given, and
   * `minVersion: 'DTLSv1.3'` is an error. A client asks its server to keep to it, and each side keeps to its own.
   * Default: only the protocol's limit. */
  maxFragmentLength?: 512 | 1024 | 2048 | 4096;
  /** SRTP profiles (RFC 5764) by OpenSSL's names, best first: an array, or names separated by colons. In DTLS 1.2 alone, as
   * `maxFragmentLength`. The server chooses by its own order. If there is none in common, the connection goes on without SRTP. Default: none. */
  srtpProfiles?: SrtpProfile | (string & {}) | readonly SrtpProfile[];
  /** How pre-shared keys are used in DTLS 1.3 (RFC 8446, section 4.2.9): together with a key exchange ('psk_dhe_ke'), or by
   * themselves ('psk_ke'), which costs less, and lets whoever gets hold of the key later read what was recorded. An array, or
   * names separated by colons. If both sides have both, there is a key exchange. Default: 'psk_dhe_ke'. */
  pskKeyExchangeModes?: PskKeyExchangeMode | (string & {}) | readonly PskKeyExchangeMode[];
  /** Time until the first retransmission of a flight, ms; it doubles with each. Default: 3000 on a server, 1000 on a client. */
  handshakeTimeoutMin?: number;
  /** Longest interval between retransmissions, ms. Default: 60000, or handshakeTimeoutMin if that is more. */
  handshakeTimeoutMax?: number;
  /** Time for the whole handshake, ms. Default: 120000. */
  handshakeTimeout?: number;
  /** Time without a valid datagram from the peer after which a connection is closed, ms; 0 means never.
   * Default: 86400000 (a day) on a server, 0 on a client. */
  idleTimeout?: number;
  /** Leaves out the server's Certificate message where it would be a raw public key, as some forks of node-mbed-dtls do, in DTLS 1.2
   * alone. On a
   * server this is for clients that know its key. A client with this option allows it if `peerPublicKey` is exactly one key;
   * the server still proves that it has that key. Default: false. */
  omitServerCertificate?: boolean;
  /** Quiet time after which an open connection gives back some 3 KB of its memory, ms. As long as nothing has been sent on
   * the connection in either direction, the time is at most 500. The connection wakes by itself when it is needed, within
   * some 20 microseconds. Infinity means never. Default: 5000. */
  hibernateAfter?: number;
  /** Number of threads, 0 to 64, for the steps of handshakes that compute with certificates and their keys, so that the event
   * loop can go on meanwhile. With 0, the event loop takes these steps itself. The threads belong to the process and serve
   * all its endpoints in turn, those of worker threads included. The pool grows to the largest `handshakeThreads` of any
   * endpoint, and no endpoint uses more threads at a time than it asked for. The threads start with the first such step.
   * Default: the number of cores that the process may use, at most 8; 0 if that number is one. */
  handshakeThreads?: number;
  /** Connection IDs (RFC 9146, RFC 9147 section 9), by which a connection outlives the address of its peer: the length of the ID that the peer is
   * to put into its records, 0 to 32 bytes. 8 is enough for any number of connections. With 0, records to the peer have the ID
   * that it wants, and none is asked of it. They are used if both sides have this option. A function makes the IDs, ahead of the
   * handshakes: 1 to 32 bytes, always as many, with `nodeId` as the first byte if there is one. IDs that are in use at the same
   * time differ in their last 8 bytes. Default: none. */
  connectionId?: number | (() => Uint8Array);
  /** How a peer with a connection ID that has moved shows that it receives at its address. Until then, at most three times the
   * bytes that have come from there are sent there, and the address before gets a copy of each datagram. 'rrc': the enhanced
   * return routability check of RFC 9853, which first asks at the address before; it takes a second, or three round trips if these are longer. 'rrc-basic': the basic check,
   * which takes one round trip, and which an attacker can pass who sees the peer's records and forwards them. 'none': nobody is
   * asked, and nothing is limited. With a peer that knows no such checks, 'rrc' and 'rrc-basic' wait for
   * socket.confirmAddress(). Default: 'rrc'. */
  addressValidation?: 'rrc' | 'rrc-basic' | 'none';
  /** Largest datagram of a handshake, bytes of UDP payload, 256 to 65507. Default: 1200. */
  mtu?: number;
  /** How much is traced to stderr, from 0 (nothing) to 4 (everything): docs/observing.md says what each level shows. Default: 0,
   * or 4 with NODE_DEBUG=mbed-dtls in the environment. */
  debug?: 0 | 1 | 2 | 3 | 4;
  /**
   * Whether the peer is told when a connection is closed (close_notify). close() of a server tells every peer, also those whose
   * connections are to go on after a restart: false keeps them. Default: true.
   */
  sendClose?: boolean;
  /**
   * Behaves as one of the forks of node-mbed-dtls where they differ, such as in arguments of events and checks of options;
   * see docs/migrating.md. It is an option of createServer() and connect() only. Default: none.
   */
  compat?: CompatProfile;
  /**
   * With `compat`: accepts on a server, and sends on a client, Trackle's unencrypted keep-alive. Anybody who knows the
   * device's name can then move its connection to another address. Default: false.
   */
  insecureLegacyPing?: boolean;
  /** With `compat`, on a server: any datagram that looks like an alert ends the connection of its address. Default: false. */
  insecureLegacyAlerts?: boolean;
  /**
   * How many bytes of messages are kept for an application that does not read, beyond the 16 messages that the stream itself
   * takes. Each message counts 128 bytes more than its length. Further messages are dropped; see messagesDropped.
   * Default: 262144.
   */
  receiveQueueLimit?: number;
  /** Type of the UDP socket. Default: the one that the address requires. */
  type?: 'udp4' | 'udp6';
  /** Receive buffer of the UDP socket (SO_RCVBUF), bytes. Default: on a server as much as the system grants, up to 4194304;
   * on a client the system's default. */
  recvBufferSize?: number;
  /** Send buffer of the UDP socket (SO_SNDBUF), bytes. Default: the system's default. */
  sendBufferSize?: number;
  /** Whether the UDP socket may have an address that another one has (SO_REUSEADDR). Datagrams then take a slower way.
   * Default: false. */
  reuseAddr?: boolean;
  /** Whether several UDP sockets may have one address and share its datagrams (SO_REUSEPORT), from Node 23.1 on. Datagrams then
   * take a slower way. Default: false. */
  reusePort?: boolean;
  /** Addresses that a server hears nothing of, and that a client does not connect to. A server's datagrams then take a slower
   * way. Default: none. */
  blockList?: BlockList;
  /** Resolves `host`, and is called as node:dgram calls it. It may answer with a list. Default: dns.lookup. */
  lookup?: (
    hostname: string,
    family: number,
    callback: (
      error: NodeJS.ErrnoException | null,
      address: string | readonly { address: string; family?: number }[],
      family?: number,
    ) => void,
  ) => void;
  /** Credentials and what is negotiated with them, in place of `key`, `cert`, `pfx` and `passphrase`. Other options count more
   * than what it says. */
  secureContext?: SecureContext;
  /** Whether messages are traced to stderr, as with `debug: 3`. Default: false. */
  enableTrace?: boolean;
}

/**
 * Where an application keeps a server's sessions. Whatever it does, no handshake fails by it: one that throws, rejects, answers
 * after a second, or answers with nonsense, leads to a full handshake. What it keeps is secret: whoever can write to it can
 * appear as any client.
 */
export interface SessionStore {
  /** Answers with what was kept under this id, which is in hex, or with a promise of it. */
  get(id: string): Bytes | null | undefined | PromiseLike<Bytes | null | undefined>;
  /** Keeps a session, which is of no use after `timeout` milliseconds. */
  set(id: string, session: Buffer, timeout: number): unknown;
  /** Forgets a session, because its connection has failed. */
  delete(id: string): unknown;
}

/**
 * Options of a server. It needs a source of pre-shared keys, which is one of `psk`, `pskCallback` and `identityPskCallback`,
 * or a private key, which is `key` or `pfx`. It may have both.
 */
export interface ServerOptions extends SharedOptions {
  /**
   * Time for which a client can resume a session after the full handshake that made it, in seconds as in node:tls, up to
   * 604800. With 0, the server remembers nothing. Default: 86400.
   */
  sessionTimeout?: number;
  /**
   * Keys of tickets (RFC 5077, RFC 8446), 48 bytes each as in node:tls: the first seals, and all of them open. Processes that share them
   * resume each other's sessions. Default: random ones, which change by themselves every `sessionTimeout`.
   */
  ticketKeys?: Bytes;
  /**
   * Keeps sessions by their ids, in place of the server's own memory. A Map will do, and so will whatever has its three
   * functions. With it, tickets are issued only if `ticketKeys` are given. Default: the server's memory.
   */
  sessionStore?: SessionStore;
  /** Largest number of sessions in the server's own memory, for clients that take no tickets. The oldest give way.
   * Default: 10000. */
  maxSessions?: number;
  /** Whether handshakes with a pre-shared key are remembered, too. Default: false. */
  pskSessions?: boolean;
  /** One key for every identity, or a table of identities and their keys. It is copied at the call, and identities are compared
   * byte by byte. */
  psk?: PresharedKey | ReadonlyMap<PskIdentity, PresharedKey> | { readonly [identity: string]: PresharedKey };
  /**
   * Finds the key of an identity, in node:tls's form: returns it, returns a promise of it, or calls `callback`, in which
   * case it must be declared with three parameters. Only this handshake waits for it.
   */
  pskCallback?: PskCallback<string>;
  /** Finds the key of an identity, in node-mbed-dtls's form. An empty string refuses the client. */
  identityPskCallback?: IdentityPskCallback<string>;
  /**
   * Form in which the callbacks get the identity, which is bytes. With 'utf8' it is a string, and an identity that is not
   * valid UTF-8 counts as unknown. With 'buffer' it is a Buffer; see BufferIdentityServerOptions. Default: 'utf8'.
   */
  pskIdentityEncoding?: 'utf8';
  /**
   * Hint for clients that have yet to choose their identity (RFC 4279), 1 to 128 bytes; a string stands for its UTF-8 bytes.
   * Anybody can read it. DTLS 1.3 has none: clients of both versions that need one go on in DTLS 1.2. Default: none.
   */
  pskIdentityHint?: string | Bytes;
  /** Whether the order of `ciphers` decides which suite is chosen; with false, the client's order decides. Default: true. */
  honorCipherOrder?: boolean;
  /** Certificates of the authorities that may vouch for clients. */
  ca?: PemOrDer | readonly PemOrDer[];
  /**
   * Whether clients that are asked for a certificate are told the names of all authorities of `ca` (RFC 5246, section 7.4.4).
   * With true, createServer() throws ERR_DTLS_INVALID_CA if a message has no room for all names, which is 16 KB in all.
   * Default: all are named if there is room for them, and none otherwise.
   */
  nameAuthorities?: boolean;
  /**
   * Whether clients are asked for a certificate or a raw public key. Default: true if there is `ca`, `peerPublicKey` or
   * `verifyPeer`, else false.
   */
  requestCert?: boolean;
  /** Whether a client is refused that is asked for a certificate or key and does not authenticate. Default: true. */
  rejectUnauthorized?: boolean;
  /**
   * Finds the context for the name that a client asks for (SNI), in place of the contexts of addContext(). Returns it, returns
   * a promise of it, or calls `callback`, in which case it must be declared with two parameters. Null or undefined means the
   * server's own context. It is not asked about clients that send no name. If it throws or answers with an error, the
   * handshake ends with ERR_DTLS_LOOKUP_FAILED. Only this handshake waits for it.
   */
  SNICallback?: SNICallback;
  /**
   * Chooses one of the application protocols that a client offers (RFC 7301), and answers in the same three ways as
   * `SNICallback`. Null or undefined ends the handshake with ERR_DTLS_NO_APPLICATION_PROTOCOL, and a protocol that the client
   * did not offer ends it with ERR_DTLS_LOOKUP_FAILED. It is asked after `SNICallback`, but not where the context has
   * `ALPNProtocols`, nor about clients that offer no protocols. It excludes `ALPNProtocols`.
   */
  ALPNCallback?: ALPNCallback;
  /** Ignored, because applications of node-mbed-dtls hand one object to createServer() and listen(). */
  host?: unknown;
  /** Ignored, like `host`. */
  port?: unknown;
  /** With `compat: 'k4'`: finds the key of an identity. An answer that is not a Buffer refuses the client. */
  psk_cb?: (identity: Buffer) => unknown;
  /**
   * Largest number of unfinished handshakes at a time. Beyond it, the one with the least claim to its place ends with
   * ERR_DTLS_HANDSHAKE_DISPLACED. Default: 1000.
   */
  maxHandshakes?: number;
  /** The same from one IPv4 address, or from one IPv6 prefix of 64 bits. Default: 100. */
  maxHandshakesPerAddress?: number;
  /**
   * Time without progress after which a handshake is given up while there are more than half of `maxHandshakes`, in
   * milliseconds. Default: 10000.
   */
  stalledHandshakeTimeout?: number;
  /** Largest number of connections at a time, handshakes included. Default: 1000000. */
  maxConnections?: number;
  /**
   * The same from one IPv4 address, or from one IPv6 prefix of 64 bits. A handshake beyond it is refused. Infinity means no
   * limit. Default: Infinity.
   */
  maxConnectionsPerAddress?: number;
  /**
   * Largest number of questions about addresses, which are 'resumeSession' and 'lookupKey', that are open at a time. As many
   * addresses wait for their turn. Default: 32.
   */
  maxAddressQuestions?: number;
  /** Questions about addresses a second, in the long run. Default: 1000. */
  addressQuestionsPerSecond?: number;
  /**
   * Whether a connection beyond `maxConnections` takes the place of the one that has been silent longest, which is told. It does so
   * when its peer has authenticated itself; unfinished handshakes are then limited by `maxHandshakes` alone. Default: false, which
   * refuses handshakes.
   */
  evictIdleConnections?: boolean;
  /**
   * Whether each PSK identity, or public key, has one connection: the newest whose handshake was here. The earlier one ends, and its
   * peer is not told. Default: false.
   */
  replaceByIdentity?: boolean;
  /** Shares live connections with the other nodes of a fleet: see createRedisStore(). Default: none. */
  connectionStore?: RedisStore;
  /**
   * UDP socket to take over, which must not be connected. listen() binds it unless it is bound already, and close() closes
   * it. Default: a socket that the server makes.
   */
  socket?: UdpSocket;
  /** The number of this server among several nodes that serve one address, 0 to 255: the first byte of its connection IDs, for
   * which `connectionId` is 2 or more. See docs/cluster.md. Default: none. */
  nodeId?: number;
  /** Whether a server on '::' leaves IPv4 alone. Default: false, which means dual stack. */
  ipv6Only?: boolean;
}

/** Options of a server whose callbacks get identities as Buffers. */
export interface BufferIdentityServerOptions
  extends Omit<ServerOptions, 'pskCallback' | 'identityPskCallback' | 'pskIdentityEncoding'> {
  /** See ServerOptions. */
  pskCallback?: PskCallback<Buffer>;
  /** See ServerOptions. */
  identityPskCallback?: IdentityPskCallback<Buffer>;
  /** See ServerOptions. */
  pskIdentityEncoding: 'buffer';
}

/** What a peer has presented. */
export interface PresentedPeer {
  /** Its public key: SubjectPublicKeyInfo, DER. */
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

/** The context for a client that asks for a name; null or undefined means the server's own. */
export type SNIAnswer = SecureContext | ContextOptions | null | undefined;

export type SNICallback = (
  this: DtlsSocket,
  servername: string,
  callback: (error: Error | null | undefined, context?: SNIAnswer) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that calls back returns
) => SNIAnswer | PromiseLike<SNIAnswer> | void;

export type ALPNCallback = (
  this: DtlsSocket,
  /** `servername` is false if the client sent no name. A protocol's bytes are read as UTF-8. */
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
 * Options of a client. With only `psk` or `pskCallback`, only pre-shared keys are offered. With `peerPublicKey` or
 * `verifyPeer`, the server's raw public key is verified. With `ca`, or with none of these, its certificate is verified.
 */
export interface ClientOptions extends SharedOptions {
  /**
   * DNS name or IP address of the server. A name is resolved once, and its addresses are tried one after the other. '0.0.0.0'
   * and '::' mean this machine. Default: 'localhost'.
   */
  host?: string;
  /** UDP port of the server. */
  port: number | string;
  /**
   * UDP socket to use, bound or not, which must not be connected. It is never closed, and other traffic on it is left alone.
   * Clients of different servers may share it. Default: a socket that the client makes.
   */
  socket?: UdpSocket;
  /** Address family to resolve `host` to; 0 means either. Default: 0, or the family that `type` or `socket` requires. */
  family?: 0 | 4 | 6 | 'IPv4' | 'IPv6';
  /** IP address to bind the client's own UDP socket to. Default: any. */
  localAddress?: string;
  /** UDP port to bind the client's own UDP socket to; 0 lets the system choose. Default: 0. */
  localPort?: number | string;
  /** Ends the connection, or gives the handshake up, with an AbortError. */
  signal?: AbortSignal;
  /** Pre-shared key; it needs `pskIdentity`. */
  psk?: PresharedKey;
  /** Identity that goes with `psk`. It may be empty in DTLS 1.2 alone. */
  pskIdentity?: PskIdentity;
  /**
   * Chooses the key and its identity, in place of `psk` and `pskIdentity` and in node:tls's form. Returns them or a promise of
   * them; null or undefined ends the handshake with ERR_DTLS_NO_PSK. In DTLS 1.2 it is called when the server has chosen a suite
   * with a pre-shared key. The hint is the server's `pskIdentityHint`, and nobody has proved it. The hint is null if there is
   * none, if it is not UTF-8, or if it is longer than 256 bytes. In DTLS 1.3 it is called before the first hello, and the hint
   * is null. If both versions are offered, and there is no usable answer to null, the client goes on in DTLS 1.2.
   */
  pskCallback?: ClientPskCallback;
  /** node-mbed-dtls's name of `pskIdentity`. */
  PSKIdent?: PskIdentity;
  /** Certificates of the authorities that may vouch for the server. Default: those that Node trusts, including
   * NODE_EXTRA_CA_CERTS and --use-system-ca (Node 22.15 and newer); none if there is `psk`, `pskCallback`, `peerPublicKey` or
   * `verifyPeer`. */
  ca?: PemOrDer | readonly PemOrDer[];
  /** node-mbed-dtls's name of `ca`. */
  CACert?: PemOrDer | readonly PemOrDer[];
  /** DNS name or IP address that the server's certificate must name. A DNS name is also sent (SNI). Default: `host`. */
  servername?: string;
  /**
   * Compares the name with a certificate that has been verified, in place of the engine's own comparison. It has the form of
   * tls.checkServerIdentity. If it returns an error, that is the error of the connection.
   * Default: the engine compares the name.
   */
  checkServerIdentity?: (servername: string, cert: PeerCertificate) => Error | undefined;
  /**
   * What getSession() of an earlier connection to the same server returned. If the session cannot be resumed, whatever the
   * reason, a full handshake follows, and isSessionReused() tells.
   */
  session?: Bytes;
  /** Whether it is an error if the server's certificate or raw public key does not verify. Default: true. */
  rejectUnauthorized?: boolean;
}

/**
 * Where a server listens. Without `host` and `address`, on all addresses, IPv6 and IPv4; on all IPv4 addresses where there is
 * no IPv6, or with type 'udp4'.
 */
export interface ListenOptions {
  /** UDP port; 0 lets the system choose. Default: 0. */
  port?: number | string;
  /** DNS name or IP address. */
  host?: string;
  /** node:dgram's name of `host`. */
  address?: string;
  /** File descriptor of an open UDP socket to take over instead. */
  fd?: number;
  /** Whether each worker of a cluster needs a port of its own. Default: false, which lets them share it on Linux. */
  exclusive?: boolean;
  /** See ServerOptions. */
  ipv6Only?: boolean;
  /**
   * Takes the UDP socket and the connections of the process over that serves at this path with this key, if there is one, and then
   * waits there for a successor of its own. Port and host are not looked at when there is one. It does not work on Windows.
   */
  handover?: { path: string; key: Uint8Array | KeyObject };
  /** Closes the server. */
  signal?: AbortSignal;
}

/** A version of DTLS. */
export type Version = 'DTLSv1.2' | 'DTLSv1.3';

/** What `getEphemeralKeyInfo()` tells of a key exchange. */
export interface EphemeralKeyInfo {
  type: 'ECDH';
  name: 'prime256v1' | 'secp384r1' | 'secp521r1' | 'X25519' | 'X25519MLKEM768';
  /** Bits of the curve. */
  size: number;
}

export interface CipherInfo {
  /** OpenSSL's name: 'PSK-AES128-CCM8'. */
  name: string;
  /** IANA's name: 'TLS_PSK_WITH_AES_128_CCM_8'. */
  standardName: string;
  version: Version;
}

/** Counters. The last three say how many there are now, and the others are totals. */
export interface Stats {
  /** Datagrams that came from the UDP socket. */
  datagramsReceived: number;
  /** Datagrams that were handed to the UDP socket. */
  datagramsSent: number;
  /** Datagrams that held no record of any use. */
  datagramsDropped: number;
  /** Records that were malformed, forged, replayed, or for nobody. */
  recordsDropped: number;
  /** Bytes of UDP payload that came from the UDP socket. */
  datagramBytesReceived: number;
  /** Bytes of UDP payload that were handed to the UDP socket. */
  datagramBytesSent: number;
  /** Payloads of the application that came. */
  messagesReceived: number;
  /** Payloads of the application that were sent. */
  messagesSent: number;
  /** What was dropped, by the reason. All but `noRecord` count records, and are `recordsDropped` together. */
  drops: Record<DropReason, number>;
  /** Flights of handshakes that were sent again. */
  retransmissions: number;
  /** Answers to ClientHellos without a valid cookie: HelloVerifyRequests, and HelloRetryRequests of DTLS 1.3. */
  helloVerifyRequestsSent: number;
  /** Handshakes that began, with a valid cookie where we are the server. */
  handshakesStarted: number;
  /** Handshakes that led to a connection. */
  handshakesCompleted: number;
  /** Handshakes that failed. */
  handshakesFailed: number;
  /** Handshakes that were refused because they exceeded a limit, and hellos without a version that the server speaks. */
  handshakesRefused: number;
  /** Unfinished handshakes that gave way to others, hellos in fragments included. */
  handshakesDisplaced: number;
  /** Handshakes that resumed a session. */
  sessionsResumed: number;
  /** Connections that went on from a saved session. */
  connectionsRestored: number;
  /** Changes of address of connections. */
  moves: number;
  /** Connections and handshakes that ended without an error: by the peer, by us, by idleTimeout, because another took the
   * place, or by evictIdleConnections. */
  ends: Record<'peer' | 'local' | 'idle' | 'replaced' | 'evicted', number>;
  /** Errors that ended connections and handshakes, by their code. A code is absent until it happens. */
  errors: Record<string, number>;
  /** How long completed handshakes took. */
  handshakeTimes: Histogram;
  /** How long answers to flights of handshakes took, where the flight was sent once. */
  roundTrips: Histogram;
  /** Datagrams that left for the nodes that they belong to. */
  datagramsForwarded: number;
  /** Datagrams that came through other nodes. */
  datagramsInjected: number;
  /** Addresses about which the application was not asked, because too many others waited. */
  addressQuestionsDisplaced: number;
  /** Return routability checks (RFC 9853) that have begun. */
  addressChecks: number;
  /** Return routability checks after which the connection went back to the address before. */
  addressChecksFailed: number;
  /** Datagrams that were not sent to an address at which nobody has shown to receive. */
  datagramsWithheld: number;
  /** Steps of handshakes that other threads have taken; see `handshakeThreads`. */
  handshakeStepsOffloaded: number;
  /** Number of connections now, handshakes included. */
  connections: number;
  /** Number of handshakes now. */
  handshakes: number;
  /** Number of questions to the application that have no answer now. */
  lookups: number;
}

/** Why something counts as if it had never come. docs/observing.md explains each. */
export type DropReason =
  | 'unauthentic'
  | 'replayed'
  | 'unexpected'
  | 'noConnection'
  | 'unknownConnectionId'
  | 'otherNode'
  | 'unprotectedConnectionId'
  | 'missingConnectionId'
  | 'malformed'
  | 'repeated'
  | 'limit'
  | 'surplus'
  | 'noRecord';

/** How often something has taken how long. */
export interface Histogram {
  /** Upper bounds of the buckets, ms. There is one bucket more, without a bound. */
  bounds: number[];
  /** How many durations are in each bucket; a duration is in one bucket only. */
  counts: number[];
  /** All durations together, ms. */
  sum: number;
}

/** Counters of one connection, its handshake included. */
export interface ConnectionStats {
  messagesReceived: number;
  messagesSent: number;
  /** Bytes of the messages that came. */
  bytesReceived: number;
  /** Bytes of the messages that were sent. */
  bytesSent: number;
  /** Records at its address that it could not use. */
  recordsDropped: number;
  /** Flights that were sent again. */
  retransmissions: number;
  /** The shortest time between a flight of the handshake and the answer, ms, where the flight was sent once; else undefined. */
  roundTripTime: number | undefined;
}

/**
 * Counters as text in the OpenMetrics format, for Prometheus. Of several servers and clients, give an object: its keys become
 * the label `endpoint`.
 */
export const openMetrics: {
  (source: Counted | Readonly<Record<string, Counted>>): string;
  /** For the HTTP header Content-Type. */
  readonly contentType: string;
};

/** What has counters. */
export type Counted = Pick<DtlsServer | DtlsClient, 'stats'>;

/** Permanent names of errors. docs/errors.md has a heading for each. */
export type DtlsErrorCode =
  | 'ERR_DTLS_ADDRESS_IN_USE'
  | 'ERR_DTLS_ALERT_RECEIVED'
  | 'ERR_DTLS_BAD_RECORD_MAC'
  | 'ERR_DTLS_CLOSED_DURING_HANDSHAKE'
  | 'ERR_DTLS_CONFIGURATION'
  | 'ERR_DTLS_CONNECTION_ID'
  | 'ERR_DTLS_MESSAGE_TOO_LONG'
  | 'ERR_DTLS_EXPORTED'
  | 'ERR_DTLS_EXPORT_DAMAGED'
  | 'ERR_DTLS_EXPORT_INCOMPLETE'
  | 'ERR_DTLS_EXPORT_UNCLAIMED'
  | 'ERR_DTLS_EXPORT_VERSION'
  | 'ERR_DTLS_EXPORT_WRONG_KEY'
  | 'ERR_DTLS_HANDOVER_REFUSED'
  | 'ERR_DTLS_HANDSHAKE_DISPLACED'
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
  | 'ERR_DTLS_INVALID_VERSION'
  | 'ERR_DTLS_KEY_MISMATCH'
  | 'ERR_DTLS_LOOKUP_FAILED'
  | 'ERR_DTLS_MULTICAST'
  | 'ERR_DTLS_NOT_CONNECTED'
  | 'ERR_DTLS_NOT_DTLS'
  | 'ERR_DTLS_NO_ANSWER'
  | 'ERR_DTLS_NO_APPLICATION_PROTOCOL'
  | 'ERR_DTLS_NO_CONNECTION'
  | 'ERR_DTLS_NO_EXTENDED_MASTER_SECRET'
  | 'ERR_DTLS_NO_PEER_CERTIFICATE'
  | 'ERR_DTLS_NO_PSK'
  | 'ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE'
  | 'ERR_DTLS_NO_SHARED_CIPHER'
  | 'ERR_DTLS_NO_RECORD_NUMBERS'
  | 'ERR_DTLS_NO_USABLE_CIPHER'
  | 'ERR_DTLS_PAYLOAD_TOO_LARGE'
  | 'ERR_DTLS_PEER_KEY_MISMATCH'
  | 'ERR_DTLS_PEER_REFUSED'
  | 'ERR_DTLS_PROTOCOL'
  | 'ERR_DTLS_SEND_QUEUE_FULL'
  | 'ERR_DTLS_SOCKET_CLOSED'
  | 'ERR_DTLS_TOO_MANY_COOKIES'
  | 'ERR_DTLS_UNKNOWN_PSK_IDENTITY'
  | 'ERR_DTLS_UNRESTORABLE_CIPHER'
  | 'ERR_DTLS_WEAK_CERTIFICATE'
  | 'ERR_DTLS_WRONG_PASSPHRASE'
  | 'ERR_DTLS_WRONG_VERSION'
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

/** Who the peer of a failed handshake says it is. Nobody has proved it: use it to look for a device, never to trust one. */
export interface PeerClaim {
  pskIdentity?: Buffer;
  /** Subject of its certificate, one line for each part. */
  subject?: string;
  /** SubjectPublicKeyInfo, DER. */
  publicKey?: Buffer;
}

/** An error of this module. */
export class DtlsError extends Error {
  constructor(
    message: string,
    details?: {
      code?: DtlsErrorCode | (string & {});
      errno?: number;
      alert?: number;
      address?: string;
      port?: number;
      claim?: PeerClaim;
      cause?: unknown;
    },
  );
  /** Name of the error. Codes are permanent, messages are not. */
  code: DtlsErrorCode | (string & {});
  /** Mbed TLS's negative number; 0 if Mbed TLS had no part in the error. */
  errno: number;
  /** Number of the TLS alert that was sent or received. */
  alert?: number;
  /** IP address of the peer. */
  address?: string;
  /** UDP port of the peer. */
  port?: number;
  /** Identity that the peer of a failed handshake claims. Nobody has proved it. */
  pskIdentity?: Buffer;
  /** Subject of the certificate that it shows, one line for each part. Nobody has proved that the certificate is its own. */
  subject?: string;
  /** Public key that it shows, SubjectPublicKeyInfo in DER. Nobody has proved that it has the private key. */
  publicKey?: Buffer;
  /** What led to the error, such as what a callback threw. */
  cause?: unknown;
}

export interface DtlsSocketEvents {
  /** The handshake has keys: a line for Wireshark, which is a secret. In DTLS 1.3 it comes twice, with two lines each. */
  keylog: [line: Buffer];
  /** The handshake is over. */
  secureConnect: [socket: DtlsSocket];
  /** A message has come, which is the payload of one datagram. */
  data: [message: Buffer];
  /** The connection is closed and all messages have been read. */
  end: [];
  /** A write without a callback was too long for one datagram. It was not sent, and the stream goes on. */
  writeError: [error: DtlsError];
  /** A datagram with payload has left; the length of the payload is in bytes. */
  send: [length: number];
  /** A datagram with payload has come; the length of the payload is in bytes. */
  receive: [length: number];
  /** On a server: the peer has proved that it is at another address, which is now in remoteAddress and remotePort. `old` is the
   * earlier address, with the device's id if 'lookupKey' asked for it. */
  ipChanged: [old: PeerAddress & { deviceId?: string }];
  /** On a server: a new handshake from the peer's address has taken this connection's place. 'close' follows. */
  reconnect: [successor: DtlsSocket];
  /** On a client: there is a session that a later connection can resume. It comes after 'secureConnect', in DTLS 1.3 once for
   * each ticket that the server sends. */
  session: [session: Buffer];
  /** The connection is over. 'close' follows. */
  closing: [];
  /** The connection has failed, or a client's handshake has. The error is a DtlsError, or on a client also an error of the UDP
   * socket or of the look-up of the host. On a server's socket this event may go without a listener. */
  error: [error: DtlsError | NodeJS.ErrnoException, message: string];
  /** The last event, which comes once. */
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
 * One connection, as a stream with datagram boundaries: one write sends one datagram, and one datagram arrives as one 'data'
 * event. What is written before the end of the handshake waits for it. The memory of a message cannot be transferred to
 * another thread, because messages of other connections may lie in it.
 */
export class DtlsSocket extends Duplex {
  protected constructor();
  /** The server that accepted the connection; undefined on a client. */
  readonly server: DtlsServer | undefined;
  /** IP address of the peer, '192.0.2.1' on a dual-stack socket too; undefined until a client has resolved its host. */
  readonly remoteAddress: string | undefined;
  /** UDP port of the peer; undefined until a client has resolved its host. */
  readonly remotePort: number | undefined;
  /** Address family of the peer; undefined until a client has resolved its host. */
  readonly remoteFamily: 'IPv4' | 'IPv6' | undefined;
  /** Our own IP address; '::' or '0.0.0.0' if the UDP socket is bound to all and the system does not tell which of them the peer has
   * asked; undefined if it is not bound. */
  readonly localAddress: string | undefined;
  /** UDP port of our own UDP socket; undefined if it is not bound. */
  readonly localPort: number | undefined;
  /** On a server: the name that the client asks for (SNI), or false if it sent none. Nobody has proved it. */
  readonly servername: string | false | undefined;
  /** The connection ID in the peer's records (RFC 9146), empty if it is not asked for one; undefined without connection IDs, and
   * before the end of the handshake. In 'resumeSession': the ID in the record that has led to the question. */
  readonly connectionId: Buffer | undefined;
  /** The connection ID in our records, empty if the peer wants none; undefined without connection IDs, and before the end of the
   * handshake. */
  readonly peerConnectionId: Buffer | undefined;
  /** Whether the peer has been shown to receive at its address, or has had no other yet; see `addressValidation`. It is false
   * before the end of the handshake and after the end of the connection. */
  readonly addressConfirmed: boolean;
  /** PSK identity that the handshake has confirmed; undefined without PSK, and before the end of the handshake. */
  readonly pskIdentity: Buffer | undefined;
  /** The peer's public key, SubjectPublicKeyInfo in DER; empty if it showed none, and before the end of the handshake. */
  readonly publicKey: Buffer;
  /** The peer's public key in PEM, as bytes. */
  readonly publicKeyPEM: Buffer;
  /** Whether the peer has proved to be one that the options accept: by a pre-shared key, by a verified certificate, or by a
   * raw public key that was expected or accepted. It is false before the end of the handshake, after a resumption, and for a
   * client that was not asked. */
  readonly authorized: boolean;
  /** Code of what is wrong with a peer that `rejectUnauthorized: false` has let in; else null. */
  readonly authorizationError: string | null;
  /** Who a peer says it is whose handshake has failed; null otherwise. Nobody has proved it. */
  readonly claim: PeerClaim | null;
  /** Application protocol that both sides have agreed on, or false; null before the end of the handshake. */
  readonly alpnProtocol: string | false | null;
  /** Duration of the handshake, ms; undefined before its end. */
  readonly handshakeTime: number | undefined;
  /** True, as on node:tls's sockets. */
  readonly encrypted: true;
  /** True from the end of the handshake to the end of the connection. */
  readonly connected: boolean;
  /** Whether the peer is told when the connection is closed. It can be set. */
  sendClose: boolean;
  /** Whether the keys come from a saved session, because the connection was restored or its handshake resumed a session. */
  readonly resumed: boolean;
  /** Whether server.resumeSocket() has made it. */
  readonly selfRestored: boolean;
  /** Time that setTimeout() was told, in ms; undefined if 'timeout' is not emitted. */
  readonly timeout: number | undefined;
  /**
   * Emits 'timeout' when no message has come or gone for so many milliseconds; 0 means never. The connection goes on. The listener
   * hears the next 'timeout'; with 0, it is removed.
   */
  setTimeout(msecs: number, listener?: () => void): this;
  /** Whether the connection goes on elsewhere: it was exported, or another node of its fleet has taken it over. */
  readonly exported: boolean;
  /** The application's own. It travels with an exported connection as JSON. */
  data: any;
  /**
   * Takes the connection out of this process, sealed for another one. The socket closes, and the peer does not notice. The bytes
   * are for server.importConnections() or, of a client, for importConnection().
   */
  exportConnection(options: ExportOptions): Promise<Buffer>;
  /** The live connection, to be saved; undefined in DTLS 1.3, before the end of the handshake and after the end of the connection. */
  readonly session: SavedSession | undefined;
  /** Epoch and number of the next record that we send, 8 bytes; all zeros in DTLS 1.3, and without a connection. */
  readonly outCounter: Buffer;
  /** The UDP socket that carries the connection. */
  readonly dgramSocket: UdpSocket | null;
  /** Number of messages that were dropped because nobody read them; see receiveQueueLimit. */
  readonly messagesDropped: number;
  /** Counters of this connection. They stay when it is over. */
  readonly connectionStats: ConnectionStats;
  /** Bytes of the messages that came: `connectionStats.bytesReceived` by node:net's name. */
  readonly bytesRead: number;
  /** Bytes of the messages that were sent: `connectionStats.bytesSent` by node:net's name. */
  readonly bytesWritten: number;
  /** Address of our own UDP socket; an empty object if it is not bound. */
  address(): { address?: string; family?: string; port?: number };
  /** The cipher suite in use; null before the end of the handshake. */
  getCipher(): CipherInfo | null;
  /** The protocol version in use; null before the end of the handshake. */
  getProtocol(): Version | null;
  /** The peer's certificate in node:tls's form; an empty object if it has shown none, null when the socket is destroyed. */
  getPeerCertificate(detailed: true): DetailedPeerCertificate | Record<string, never> | null;
  getPeerCertificate(detailed?: false): PeerCertificate | Record<string, never> | null;
  /** The peer's certificate; undefined if it has shown none, and when the socket is destroyed. */
  getPeerX509Certificate(): X509Certificate | undefined;
  /** Our own certificate in node:tls's form; an empty object without one and before the end of the handshake, null when the
   * socket is destroyed. */
  getCertificate(): PeerCertificate | Record<string, never> | null;
  /** Our own certificate; undefined without one, before the end of the handshake, and when the socket is destroyed. */
  getX509Certificate(): X509Certificate | undefined;
  /** The group in which both sides made their keys, by OpenSSL's name, and the bits of its curve. An empty object without such an
   * exchange, before the end of the handshake, and when the handshake was in another process. */
  getEphemeralKeyInfo(): EphemeralKeyInfo | Record<string, never>;
  /** Signature algorithms that both sides accept, our favourite first, by OpenSSL's names, such as `'ECDSA+SHA256'`. Empty when the
   * handshake had no signatures, on a client that was not asked for a certificate, and when it was in another process. */
  getSharedSigalgs(): string[];
  /** Traces what happens on this connection from now on to stderr, as `debug: 3` does for all of a server or client. */
  enableTrace(): void;
  /** Content of our Finished message, 12 bytes in DTLS 1.2 and 32 or 48 in DTLS 1.3; undefined without a connection, and for a
   * restored one. */
  getFinished(): Buffer | undefined;
  /** Content of the peer's Finished message; undefined without a connection, and for a restored one. */
  getPeerFinished(): Buffer | undefined;
  /** Whether the connection has resumed a session. */
  isSessionReused(): boolean;
  /** The SRTP profile that both sides have agreed on (RFC 5764), or null. exportKeyingMaterial() gives its keys. */
  getSrtpProfile(): SrtpProfile | null;
  /**
   * Keying material for another protocol (RFC 5705; RFC 8446, section 7.5), 1 to 65536 bytes, which is the same on both sides. An
   * empty context gives another result than no context in DTLS 1.2, and the same in DTLS 1.3. Throws ERR_TLS_INVALID_STATE without a
   * connection.
   */
  exportKeyingMaterial(length: number, label: string, context?: NodeJS.ArrayBufferView | ArrayBuffer): Buffer;
  /** write() with node:dgram's arguments. Port and host are not looked at, because a connection has one peer. */
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
  /** In a listener of 'resumeSession': answers the question, and returns whether the connection goes on. Elsewhere it returns
   * false. */
  resumeSession(session: SavedSession): boolean;
  /** Says that the application has its own proof that the peer receives at its address: what is sent there is no longer limited,
   * and a check that is under way is over. Returns whether that was in doubt. */
  confirmAddress(): boolean;
  /** Ends the connection without telling the peer. After 'close' the socket's listeners are removed. */
  reset(): void;
  /** Ends the connection, and waits until it is over. */
  [Symbol.asyncDispose](): Promise<void>;

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

/** A connection that this side has opened. */
export class DtlsClient extends DtlsSocket {
  constructor(options: ClientOptions, secureConnectListener?: (client: DtlsClient) => void);
  /** True until the handshake is over or given up. */
  readonly connecting: boolean;
  readonly stats: Stats;
  /** Sets localPort and localAddress, in the tick of connect(). The callback is called when the UDP socket is bound. */
  bind(port?: number, address?: string, whenBound?: () => void): this;
  /**
   * What a later connection can resume: the option `session`. It is a secret: whoever has it can appear as this client.
   * Undefined without a connection, and where there is no session. In DTLS 1.3 the first one comes behind the handshake.
   */
  getSession(): Buffer | undefined;
  /** Lets the connection keep the process alive, which is the default. It has no effect on a given UDP socket. */
  ref(): this;
  /** Lets the process end though the connection is open. It has no effect on a given UDP socket. */
  unref(): this;
}

export interface DtlsServerEvents {
  /** A datagram has come that belongs to another node, whose server's inject() takes it. Without a listener it is dropped. */
  forward: [nodeId: number, datagram: Buffer, rinfo: RemoteInfo];
  /** The UDP socket is bound. */
  listening: [];
  /** A peer has proved its address and begins a handshake. */
  connection: [socket: DtlsSocket];
  /** A handshake is over, or a connection goes on from its saved session, which is then the second argument. */
  secureConnection: [socket: DtlsSocket, session?: SavedSession];
  /**
   * Application data came from an address without a connection, and the server asks whether there was one before a restart. A
   * server with such a listener speaks DTLS 1.2 alone, unless `maxVersion` is given.
   * The key is 'address:port'. The answer may come later, and no other connection waits for it. The connection goes on when
   * the data has been authenticated with the session's keys.
   */
  resumeSession: [
    key: string,
    socket: DtlsSocket,
    callback: (error?: unknown, session?: SavedSession | null | undefined) => void,
  ];
  /** A device says that its address has changed, and the server asks where it was. The connection moves when the device's
   * record has been authenticated. */
  lookupKey: [deviceId: string, callback: (error?: unknown, old?: PeerAddress | null | undefined) => void];
  /** A client of DTLS 1.2 wants to resume the session with this id, in hex. An answer that does not fit leads to a full handshake; an error
   * ends the handshake. */
  renegotiate: [
    sessionId: string,
    socket: DtlsSocket,
    callback: (error?: unknown, session?: SavedSession | null | undefined) => void,
  ];
  /** A device could not be found by its id, or sends what no connection can decrypt. Only a new handshake would help. */
  forceDeviceRehandshake: [peer: PeerAddress, deviceId: string | undefined];
  /** A handshake has failed. Its socket emits no 'error', and is destroyed afterwards. */
  clientError: [error: DtlsError, socket: DtlsSocket];
  /** node:tls's name of 'clientError', which comes right before it. */
  tlsClientError: [error: DtlsError, socket: DtlsSocket];
  /** A handshake has keys: a line for Wireshark, which is a secret. In DTLS 1.3 it comes twice, with two lines each. */
  keylog: [line: Buffer, socket: DtlsSocket];
  /** The UDP socket has failed. 'close' follows. */
  error: [error: Error];
  /** The server is closed. */
  close: [];
}

/** Options of a context. What addContext() and setSecureContext() are not told is as createServer() was told. */
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
  | 'nameAuthorities'
  | 'minVersion'
  | 'maxVersion'
  | 'ecdhCurve'
  | 'sigalgs'
  | 'ALPNProtocols'
  | 'requireExtendedMasterSecret'
  | 'maxFragmentLength'
  | 'srtpProfiles'
  | 'pskKeyExchangeModes'
>;

/** Credentials and what is negotiated with them, checked and parsed. It never changes, and many servers may use it. */
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
  /** Whether the server is listening. */
  readonly listening: boolean;
  /** A snapshot of the live sockets by 'address:port'. Imported connections that have not been announced are announced first. */
  readonly sockets: { readonly [addressAndPort: string]: DtlsSocket };
  readonly stats: Stats;
  listen(port?: number | string, host?: string, listeningListener?: () => void): this;
  listen(port: number | string | undefined, listeningListener: () => void): this;
  listen(options: ListenOptions, listeningListener?: () => void): this;
  listen(listeningListener: () => void): this;
  /** Address of the UDP socket; null when the server does not listen. */
  address(): import('node:net').AddressInfo | null;
  /**
   * Says goodbye to every peer, then closes the UDP socket. The callback is called on 'close', or with
   * ERR_SERVER_NOT_RUNNING if the server does not listen.
   */
  close(callback?: (error?: Error) => void): this;
  /**
   * Answers clients that ask for this name (SNI) with these credentials, or this hint, from now on. '*.example.com' stands for
   * one label. The last context that fits counts, and the same name again replaces the earlier one. `ca` has an effect only if
   * clients are asked at all.
   */
  addContext(
    servername: string,
    context:
      | SecureContext
      | (ContextOptions &
          ({ key: PemOrDer } | { pfx: NonNullable<ContextOptions['pfx']> } | { pskIdentityHint: string | Bytes })),
  ): void;
  /** Answers all other clients with this context from now on. Connections and handshakes go on as they began. */
  setSecureContext(context: SecureContext | ContextOptions): void;
  /** Keys of tickets, 48 bytes each, the one that seals first; undefined without tickets. Keep them secret. */
  getTicketKeys(): Buffer | undefined;
  /**
   * Seals tickets with the first of these keys from now on, and opens those that any of them has sealed. From then on the keys
   * do not change by themselves any more.
   *
   * @param keys 48 bytes each, up to 16 keys
   */
  setTicketKeys(keys: Bytes): void;
  /**
   * Lets a saved connection, which is one of DTLS 1.2, go on without waiting for its peer. 'connection' and 'secureConnection' come before this returns.
   * Returns false if the address has a connection already, if the session's own connection is open, or if the session cannot
   * go on.
   */
  resumeSocket(remote: PeerAddress, session: SavedSession): boolean;
  /** What has been done with `connectionStore`; null without one. */
  readonly fleetStats: FleetStats | null;
  /**
   * Seals every connection for another process, as a stream, and closes the server. The connections leave together in the next
   * tick, whether the stream is read or not. Peers do not notice; those whose connections cannot go on elsewhere are told
   * goodbye.
   */
  exportConnections(options: ExportOptions): ExportStream;
  /**
   * Lets exported connections go on here: at once, or as soon as the server listens. 'connection' and 'secureConnection' of the
   * first 256 come at once, or right before 'listening', and of the others in turns; that of a connection comes before its first
   * message. Nothing is imported unless all of it is authentic and complete. Those that find no room, or whose association lives
   * here already, are refused; so are those of DTLS 1.3 that nobody has claimed, and a client's sides of connections.
   */
  importConnections(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    options: ImportOptions,
  ): Promise<{ imported: number; refused: number }>;
  /**
   * Takes a datagram that another node has received, which has emitted 'forward'. It is not forwarded again.
   *
   * @param rinfo the peer's address, as 'forward' names it
   */
  inject(datagram: Uint8Array, rinfo: PeerAddress): void;
  /**
   * Names addresses whose connections the application has saved, beside those that it has named before. From then on
   * 'resumeSession' is emitted for these addresses alone. Null means that it is emitted for every address again.
   *
   * @param addresses each `{ address, port }`, or 'address:port' as 'resumeSession' names it
   */
  expectAddresses(addresses: Iterable<PeerAddress | string> | null): void;
  /** Number of connections whose handshake is over. */
  getConnections(callback?: (count: number) => void): number;
  /** Closes the server, if it listens. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Lets the server keep the process alive, which is the default. */
  ref(): this;
  /** Lets the process end though the server listens. */
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

/** Makes a server; listen() then starts it. Throws if the options or the key material cannot be used. */
export function createServer(
  options: ServerOptions | BufferIdentityServerOptions,
  secureConnectionListener?: (socket: DtlsSocket) => void,
): DtlsServer;

/**
 * Makes a context for `SNICallback`, addContext() and setSecureContext(). Throws if the key material cannot be used. What the
 * context does not name is as each server was told. Each server parses it once, at its first use.
 */
export function createSecureContext(options?: ContextOptions): SecureContext;

/** What a datagram socket of createDgramSocket() says about a message. */
export interface DgramRemoteInfo extends RemoteInfo {
  /** The connection that the message came by, which says who the peer is: `pskIdentity`, getPeerCertificate() and so on. */
  socket: DtlsSocket;
}

/** How createDgramSocket() opens connections: options of connect() without those that bind() and send() decide. */
export type DgramClientOptions = Omit<
  ClientOptions,
  | 'host'
  | 'port'
  | 'socket'
  | 'compat'
  | 'family'
  | 'lookup'
  | 'localAddress'
  | 'localPort'
  | 'type'
  | 'recvBufferSize'
  | 'sendBufferSize'
  | 'insecureLegacyPing'
  | 'insecureLegacyAlerts'
>;

/**
 * Options of createDgramSocket(). The socket accepts connections if there are options of createServer(), it opens connections
 * if there is `client`, and it does both if there are both.
 */
export interface DgramSocketOptions
  extends Omit<
    ServerOptions,
    'host' | 'port' | 'socket' | 'lookup' | 'compat' | 'insecureLegacyPing' | 'insecureLegacyAlerts'
  > {
  /** How a connection is opened with a peer that a message is sent to and that has none. The connection is closed after a day
   * without a datagram from the peer, unless its own idle time says otherwise. */
  client?: DgramClientOptions;
  /** Messages that wait for the end of the handshake with one peer, in bytes. Default: 262144. */
  sendQueueLimit?: number;
  /** Type of the UDP socket. Default: 'udp4'. */
  type?: 'udp4' | 'udp6';
  /** As in node:dgram. Default: false. */
  reuseAddr?: boolean;
  /** As in node:dgram, where Node has it. Default: false. */
  reusePort?: boolean;
  /** Resolves the names that send() and connect() are given. Default: dns.lookup. */
  lookup?: UdpSocketOptions['lookup'];
  /** Closes the socket. */
  signal?: AbortSignal;
}

/** A dgram.Socket that encrypts what it sends and decrypts what it receives. It has neither multicast nor broadcast. */
export interface DtlsDgramSocket extends UdpSocket {
  /** The server that accepts connections: its counters, contexts and questions. It is null if the socket accepts none. */
  readonly dtlsServer: DtlsServer | null;
  on(event: 'message', listener: (message: Buffer, rinfo: DgramRemoteInfo) => void): this;
  /** The handshake with a peer is over, whichever side began it. */
  on(event: 'secureConnection', listener: (socket: DtlsSocket) => void): this;
  /** The handshake with a peer has failed, or the connection has; null if there was none to send a message by. */
  on(event: 'peerError', listener: (error: DtlsError | NodeJS.ErrnoException, socket: DtlsSocket | null) => void): this;
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once(event: 'message', listener: (message: Buffer, rinfo: DgramRemoteInfo) => void): this;
  once(event: 'secureConnection', listener: (socket: DtlsSocket) => void): this;
  once(
    event: 'peerError',
    listener: (error: DtlsError | NodeJS.ErrnoException, socket: DtlsSocket | null) => void,
  ): this;
  once(event: string | symbol, listener: (...args: any[]) => void): this;
}

/**
 * Makes a dgram.Socket with DTLS underneath, for libraries that are written for UDP sockets. Throws if the options or the key
 * material cannot be used.
 */
export function createDgramSocket(
  options: DgramSocketOptions,
  messageListener?: (message: Buffer, rinfo: DgramRemoteInfo) => void,
): DtlsDgramSocket;

/** Where serveDashboard() listens. */
export interface DashboardOptions {
  /** TCP port. The system chooses one if it is 0 or absent. */
  port?: number | string;
  /** IP address or name to listen on, 127.0.0.1 if it is absent. Whoever reaches it sees who is connected. */
  host?: string;
}

/**
 * Shows what a server does, as a page in a browser: connections, counters, and what fails. Returns an HTTP server that listens,
 * and that does not keep the process alive; its close() ends the dashboard. It emits 'error' if it cannot listen.
 */
export function serveDashboard(
  server: DtlsServer,
  options?: DashboardOptions,
  listeningListener?: () => void,
): import('node:http').Server;

export { dtls } from './node-dtls-client';

/** How connections are sealed on their way between two processes. */
export interface ExportOptions {
  /** At least 32 bytes that only these processes know. */
  key: Uint8Array | KeyObject;
}

/** How exported connections are read. */
export interface ImportOptions extends ExportOptions {
  /**
   * Asked once, before connections go on: whether this is the first import of the export with this id, 64 hexadecimal digits. It
   * must answer true to one alone of all who ever ask, as Redis does for SET with NX. Without it, and with any other answer, connections of
   * DTLS 1.3 do not go on. Default none.
   */
  claim?: (id: string) => boolean | PromiseLike<boolean>;
}

/** A client of the package redis, as far as it is needed. */
export interface RedisClient {
  sendCommand(args: string[]): Promise<any>;
  duplicate(): any;
  on(event: string, listener: (...args: any[]) => void): any;
}

export interface RedisStoreOptions {
  /** At least 32 bytes that only the nodes of this fleet know. What is in Redis is sealed under it. */
  key: Uint8Array | KeyObject;
  /** How the keys and channels of this fleet begin. Default: 'mbed-dtls:'. */
  prefix?: string;
  /** Time that Redis has for an answer, in ms. Default: 1000. */
  timeout?: number;
}

/** What the nodes of a fleet share: it is for the options `connectionStore` and `sessionStore` of their servers. */
export interface RedisStore {
  /** The session with this id. */
  get(id: string): Promise<Buffer | undefined>;
  /** Keeps a session for so many milliseconds. */
  set(id: string, session: Uint8Array, timeout: number): Promise<void>;
  /** Forgets a session. */
  delete(id: string): Promise<void>;
}

/** Makes the store of a fleet. The client must be connected, and stay so until the server has emitted 'close'. */
export function createRedisStore(client: RedisClient, options: RedisStoreOptions): RedisStore;

/** What a node of a fleet has done with its store. */
export interface FleetStats {
  /** Commands that the store has answered, beside look-ups. */
  writes: number;
  /** Addresses and connection IDs that the store was asked about. */
  lookups: number;
  /** Connections that were taken over. */
  takeovers: number;
  /** Connections that were handed over to another node that asked for them. */
  released: number;
  /** Connections of which the store says that another node has them. */
  lost: number;
  /** Connections of DTLS 1.3 that go on here alone, because the store may have forgotten that another node has had them. */
  unstored: number;
  /** Commands that the store has not answered. */
  failures: number;
}

/** The exported connections of a server. */
export interface ExportStream extends Readable {
  /** How many connections it holds. It is 0 before they have been taken out, in the tick after the call. */
  readonly connections: number;
}

/**
 * Lets a client's connection go on that was exported in another process. It takes the options of connect(), of which port and
 * host are not looked at. 'secureConnect' follows. Throws one of ERR_DTLS_EXPORT_... if the connection cannot go on here; where there is
 * a `claim`, some of these come with 'error'.
 */
export function importConnection(
  exported: Uint8Array,
  importing: ImportOptions,
  options?: Partial<ClientOptions>,
  secureConnectListener?: (client: DtlsClient) => void,
): DtlsClient;

/** Opens a connection; the handshake begins in the next tick. Throws if the options or the key material cannot be used. */
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

/** connect() and listen() as promises. */
export const promises: {
  /** Opens a connection, and waits for the end of the handshake. */
  connect(options: ClientOptions): Promise<DtlsClient>;
  connect(port: number | string, host: string, options: Omit<ClientOptions, 'port' | 'host'>): Promise<DtlsClient>;
  connect(port: number | string, options: Omit<ClientOptions, 'port'>): Promise<DtlsClient>;
  /** Lets a server listen, and waits until it does. */
  listen(server: DtlsServer, options: ListenOptions): Promise<DtlsServer>;
  listen(server: DtlsServer, port?: number | string | null, host?: string | null): Promise<DtlsServer>;
};

/** Cipher suites that this build offers, by OpenSSL's names, best first. */
export function getCiphers(): string[];

/** Groups that this build offers for the key exchange, in the order of DTLS 1.2. DTLS 1.3 prefers X25519MLKEM768, X25519, P-256 and
 * P-384, in this order. */
export function getCurves(): string[];

/**
 * Numbers by name: limits in bytes (`MAX_MESSAGE_LENGTH`, `MAX_PSK_LENGTH`, `MAX_PSK_IDENTITY_LENGTH`, ...), numbers of alerts
 * (`ALERT_HANDSHAKE_FAILURE`), and Mbed TLS's error numbers (`MBEDTLS_ERR_SSL_INVALID_MAC`).
 */
export const constants: { readonly [name: string]: number };

/** Versions of the package (`mbed-dtls`), of the protocol (`dtls`), and of what is compiled in (`mbedtls`, `aws-lc`). */
export const versions: { readonly [name: string]: string };
