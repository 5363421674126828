import { once } from 'node:events';
import { UseInterceptors } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  AllowIps,
  ClientIp,
  IpRuleService,
  RequestLogInterceptor,
  SkipIpRules,
} from '../../src/index.js';
import { startHost, type Host } from '../support/host-app.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';

async function* ticks(address: string | null) {
  yield { ticks: `one for ${address}` };
}

@Resolver()
class Resolvers {
  @Query(() => String, { nullable: true })
  who(@ClientIp() ip: string | null) {
    return ip;
  }

  @Query(() => String, { nullable: true })
  @AllowIps('10.0.0.0/8')
  inside() {
    return 'inside';
  }

  @Query(() => String)
  @SkipIpRules()
  open() {
    return 'open';
  }

  @Subscription(() => String)
  @UseInterceptors(RequestLogInterceptor)
  ticks(@ClientIp() ip: string | null) {
    return ticks(ip);
  }

  @Subscription(() => String)
  @AllowIps('10.0.0.0/8')
  insideTicks() {
    return ticks(null);
  }
}

// Mercurius runs on Fastify alone; Apollo would do the same on both, through `context.req`.
describe('a GraphQL operation on fastify', () => {
  let host: Host;
  let seen = 0;

  beforeAll(async () => {
    host = await startHost({
      adapter: 'fastify',
      imports: [
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
          subscription: true,
        }),
      ],
      providers: [Resolvers],
      options: { rules: { endWebSockets: false } },
    });
    await host.app.get(IpRuleService).block(BLOCKED);
  });
  afterAll(() => host.close());

  const query = (text: string, from: string) =>
    host.send({ path: '/graphql', body: { query: text }, from });

  async function newRows(count: number) {
    seen += count;
    // The later ones of one millisecond are in no order: a handshake and what came over it.
    return (await host.rows(seen)).slice(-count).sort((a, b) => a.method.localeCompare(b.method));
  }

  it('over HTTP has the client and the row of its request', async () => {
    const response = await query('{ who }', FREE);
    expect(response.json()).toEqual({ data: { who: FREE } });
    expect(await newRows(1)).toMatchObject([
      { method: 'POST', path: '/graphql', status: 200, outcome: 'served', ip_address: FREE },
    ]);
  });

  it('is refused at the edge for a blocked client, whatever its resolvers say', async () => {
    expect((await query('{ who }', BLOCKED)).status).toBe(403);
    // The edge knows one route, /graphql, and that one skips nothing.
    expect((await query('{ open }', BLOCKED)).status).toBe(403);
    expect(await newRows(2)).toMatchObject([{ outcome: 'blocked' }, { outcome: 'blocked' }]);
  });

  it('is refused by the rules of its resolver, and the others are answered', async () => {
    const response = await query('{ inside who }', FREE);
    const { data, errors } = response.json<{
      data: unknown;
      errors: { message: string; path: string[] }[];
    }>();
    expect(data).toEqual({ inside: null, who: FREE });
    expect(errors).toMatchObject([{ message: 'Forbidden', path: ['inside'] }]);
    expect(response.text).not.toMatch(/10\.0/);
    expect(await newRows(1)).toMatchObject([{ outcome: 'blocked', rule_id: null }]);
    const inside = await query('{ inside }', '10.1.2.3');
    expect(inside.json()).toEqual({ data: { inside: 'inside' } });
    await newRows(1);
  });

  async function connect(from: string): Promise<WebSocket> {
    const client = new WebSocket(
      `${host.url.replace('http', 'ws')}/graphql`,
      'graphql-transport-ws',
      {
        headers: { 'x-forwarded-for': from },
      },
    );
    onTestFinished(() => client.terminate());
    return client;
  }

  interface Answer {
    type: string;
    payload: unknown;
  }

  async function subscribe(client: WebSocket, text: string): Promise<Answer> {
    const next = async () => {
      const [message] = (await once(client, 'message')) as [Buffer];
      return JSON.parse(message.toString()) as Answer;
    };
    client.send(JSON.stringify({ type: 'connection_init' }));
    await next();
    client.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: text } }));
    return next();
  }

  it('over a WebSocket has the client of the handshake, and a row of its own', async () => {
    const client = await connect(FREE);
    await once(client, 'open');
    expect(await subscribe(client, 'subscription { ticks }')).toMatchObject({
      type: 'next',
      payload: { data: { ticks: `one for ${FREE}` } },
    });
    const rows = await newRows(2);
    expect(rows.map(({ method, status, path, route }) => [method, status, path, route])).toEqual([
      ['GET', 101, '/graphql', '/graphql'],
      ['GRAPHQL', 200, 'ticks', 'Resolvers.ticks'],
    ]);
    expect(rows[1]).toMatchObject({ ip_address: FREE, outcome: 'served' });
  });

  it('over a WebSocket is refused by the rules of its resolver', async () => {
    const client = await connect(FREE);
    await once(client, 'open');
    const answer = await subscribe(client, 'subscription { insideTicks }');
    expect(JSON.stringify(answer)).toMatch(/Forbidden/);
    expect(JSON.stringify(answer)).not.toMatch(/one for/);
    expect((await newRows(2)).map(({ method, outcome }) => [method, outcome])).toEqual([
      ['GET', 'served'],
      ['GRAPHQL', 'blocked'],
    ]);
  });

  it('over a WebSocket is refused once its client is blocked, and the handshake after that', async () => {
    const from = '192.0.2.61';
    const client = await connect(from);
    await once(client, 'open');
    await host.app.get(IpRuleService).block(from);
    const answer = await subscribe(client, 'subscription { ticks }');
    expect(JSON.stringify(answer)).toMatch(/Forbidden/);
    const again = await connect(from);
    const [error] = (await once(again, 'error')) as [Error];
    expect(error.message).toMatch(/403/);
    const rows = await newRows(3);
    expect(
      rows.map(({ method, status, outcome }) => `${method} ${status} ${outcome}`).sort(),
    ).toEqual(['GET 101 served', 'GET 403 blocked', 'GRAPHQL 403 blocked']);
  });
});
