/// <reference types="node" />

import { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';

import { DtlsServer } from './index.js';

/**
 * Starts a worker as cluster.fork() does, and makes it a node: the lowest number that is free is its own until it ends. To be
 * called in the primary process.
 *
 * @param env environment variables of the worker, beside those of the primary
 */
export function forkNode(env?: Record<string, string>): Worker;

/**
 * Starts a worker that has the number of another one as soon as its server listens. With the option `handover` of listen(), it
 * takes that worker's UDP port and connections over, and the other one's server closes. To be called in the primary process.
 *
 * @param worker that forkNode() or replaceNode() has started
 * @param env environment variables of the new worker, beside those of the primary
 */
export function replaceNode(worker: Worker, env?: Record<string, string>): Worker;

/**
 * Makes a server that of its worker, before it listens: datagrams of the connections of other workers go to them, and theirs
 * come to it. Throws in a process that forkNode() has not started.
 *
 * @param server with `connectionId`, which is 2 or more and the same in all workers; it needs no `nodeId`
 * @returns the same server
 */
export function joinCluster(server: DtlsServer, options?: ClusterOptions): DtlsServer;

export interface ClusterOptions {
  /** Where a worker has several servers, each needs another name, which is the same in all workers. Default: ''. */
  name?: string;
}

/**
 * Links a server to those of other hosts. The link ends when the server closes.
 *
 * @param server with `nodeId`
 */
export function linkNodes(server: DtlsServer, options: LinkOptions): NodeLink;

export interface LinkOptions {
  /** What all nodes know and nobody else: 16 bytes at least. Whoever has it can send datagrams from the port of every node. */
  key: Uint8Array;
  /** The UDP port of the link, which is no port of the server; 0 for one of the system's choice. */
  port: number;
  /** The IP address of the link. Default: '::', for IPv6 and IPv4. */
  address?: string;
  /** Where the links of the other nodes are, by their numbers. This node may be among them. setNodes() names others later. Default:
   * none. */
  nodes?: Record<number, NodePlace>;
  /** Whether an answer leaves through the node that has received what it answers. Without, it leaves directly, which takes nodes
   * that send from one address. Default: true. */
  relayAnswers?: boolean;
}

export interface NodePlace {
  /** A host name or an IP address. */
  address: string;
  port: number;
}

export interface NodeLinkEvents {
  /** The link has its port. */
  listening: [];
  /** Other nodes than before answer. */
  reach: [nodes: number[]];
  /** The UDP socket of the link has failed, and the link is closed. */
  error: [error: Error];
  close: [];
}

export interface NodeLink extends EventEmitter<NodeLinkEvents> {
  /** The nodes that answer, and the number of parcels that could not be handed to one; a parcel holds up to 64 datagrams. */
  readonly stats: { nodes: number[]; parcelsLost: number };
  /** Where the link listens; null before 'listening'. */
  address(): { address: string; family: string; port: number } | null;
  /** Says where the others are now. Those that are not named are no nodes any more. */
  setNodes(nodes: Record<number, NodePlace>): void;
  /** Ends the link; the server goes on. */
  close(): void;
}
