import { ClientOptions, DtlsClient, DtlsServer, DtlsSocket, ServerOptions } from '../../../index.js';

/**
 * Options as an application of a fork has them. As in the fork, unknown ones are ignored; docs/migrating.md says which there
 * are, and how their values differ from those of this package.
 */
export interface LegacyServerOptions extends Omit<ServerOptions, LegacyOption> {
  [option: string]: unknown;
}

export interface LegacyClientOptions extends Omit<ClientOptions, LegacyOption> {
  [option: string]: unknown;
}

type LegacyOption = 'compat' | 'cert' | 'debug' | 'identityPskCallback' | 'psk' | 'pskCallback' | 'pskIdentityEncoding';

/** createServer() with the profile of the fork that this entry is named after. */
export function createServer(
  options?: LegacyServerOptions,
  secureConnectionListener?: (socket: DtlsSocket) => void,
): DtlsServer;

/** connect() with that profile. */
export function connect(options: LegacyClientOptions, secureConnectListener?: (client: DtlsClient) => void): DtlsClient;
