import type { ClientIpRequest } from '../net/client-ip.js';

/** What the contexts of Nest's transports can tell, each of them a part of it. */
interface TransportContext {
  /** TCP: the socket that wraps node's. */
  getSocketRef?(): { socket?: { remoteAddress?: string | undefined } } | undefined;
  getPattern?(): unknown;
  getTopic?(): unknown;
  getSubject?(): unknown;
  getChannel?(): unknown;
}

/** The call of gRPC, the third argument of its handlers. */
interface GrpcCall {
  getPeer?(): unknown;
}

/**
 * Who sent the message of a microservice: the peer of the TCP socket, or of the gRPC call. Null for what a broker
 * delivers (Kafka, NATS, Redis, RabbitMQ, MQTT): the peer there is the broker, and who published is not told.
 *
 * @param args of the handler, as Nest calls it.
 */
export function peerOfRpc(args: readonly unknown[]): ClientIpRequest | null {
  const context = args[1] as TransportContext | null | undefined;
  if (typeof context?.getSocketRef === 'function') {
    return { remoteAddress: context.getSocketRef()?.socket?.remoteAddress, headers: {} };
  }
  const call = args[2] as GrpcCall | null | undefined;
  if (typeof call?.getPeer === 'function') {
    return { remoteAddress: addressOfGrpc(call.getPeer()), headers: {} };
  }
  return null;
}

/** The pattern, the topic, the subject or the channel of a message, whatever its transport calls it. */
export function nameOfRpc(context: unknown): string | null {
  const { getPattern, getTopic, getSubject, getChannel } = (context ?? {}) as TransportContext;
  const read = getPattern ?? getTopic ?? getSubject ?? getChannel;
  if (typeof read !== 'function') return null;
  const name: unknown = read.call(context);
  return typeof name === 'string' ? name : null;
}

/** `192.0.2.1:50051`, `::1:50051`, `[::1]:50051`, `ipv4:192.0.2.1:50051`, without the port and what names the family. */
function addressOfGrpc(peer: unknown): string | undefined {
  if (typeof peer !== 'string') return undefined;
  return /^(?:ipv[46]:)?\[?([0-9a-fA-F.:]+?)\]?:\d{1,5}$/.exec(peer)?.[1];
}
