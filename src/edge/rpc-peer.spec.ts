import { describe, expect, it } from 'vitest';
import { nameOfRpc, peerOfRpc } from './rpc-peer.js';

const grpc = (peer: unknown) => peerOfRpc([{}, {}, { getPeer: () => peer }]);

describe('the peer of a microservice message', () => {
  it('is that of the TCP socket', () => {
    const context = { getSocketRef: () => ({ socket: { remoteAddress: '::ffff:192.0.2.1' } }) };
    expect(peerOfRpc([{}, context])).toEqual({ remoteAddress: '::ffff:192.0.2.1', headers: {} });
    const closed = { getSocketRef: () => ({ socket: {} }) };
    expect(peerOfRpc([{}, closed])).toEqual({ remoteAddress: undefined, headers: {} });
  });

  // The forms of the C core, of grpc-js, and of the RFC 3986 notation.
  it.each([
    ['192.0.2.1:50051', '192.0.2.1'],
    ['ipv4:192.0.2.1:50051', '192.0.2.1'],
    ['2001:db8::1:50051', '2001:db8::1'],
    ['[2001:db8::1]:50051', '2001:db8::1'],
    ['ipv6:[2001:db8::1]:50051', '2001:db8::1'],
    ['::ffff:192.0.2.1:50051', '::ffff:192.0.2.1'],
    ['unix:/run/app.sock', undefined],
    ['unknown', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of gRPC, %s, is %s', (peer, remoteAddress) => {
    expect(grpc(peer)).toEqual({ remoteAddress, headers: {} });
  });

  it.each([
    ['Kafka', { getTopic: () => 'orders' }, 'orders'],
    ['NATS', { getSubject: () => 'orders' }, 'orders'],
    ['Redis', { getChannel: () => 'orders' }, 'orders'],
    ['RabbitMQ', { getPattern: () => 'orders' }, 'orders'],
    ['a transport that names nothing', {}, null],
    ['no context at all', undefined, null],
  ])('of %s is nobody', (_, context, name) => {
    expect(peerOfRpc([{}, context])).toBeNull();
    expect(nameOfRpc(context)).toBe(name);
  });
});
