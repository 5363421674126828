import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import type { TestDatabase } from '../support/postgres.js';
import { start, succeed } from './installed-host.js';

/** What docs/compatibility.md tells of each host, in this order. */
export const COLUMNS = [
  'install',
  'boot',
  'log',
  'rules',
  'limits',
  'scan',
  'CLI',
  'WebSocket',
  'GraphQL',
  'tests',
] as const;
export type Column = (typeof COLUMNS)[number];

export interface HostApp {
  /** The folder that it is installed in. */
  readonly folder: string;
  /** The command that starts it. */
  readonly program: readonly string[];
  readonly env?: Record<string, string>;
  readonly database: TestDatabase;
  /** What it has beside routes. */
  readonly has?: readonly ('WebSocket' | 'GraphQL')[];
}

/**
 * Starts an app that has the routes of README, and does with it what a newcomer does: asks, looks at the log, blocks
 * itself, is let in again, asks too often, scans. Fails where something does not work.
 *
 * @returns the columns that were shown to work.
 */
export async function whatWorks(app: HostApp): Promise<Column[]> {
  const { folder, program, database, has = [] } = app;
  const works: Column[] = [];
  const env = { DATABASE_URL: database.url, ...app.env };
  const ipTracking = (...args: string[]) =>
    succeed(folder, join(folder, 'node_modules/.bin/ip-tracking'), args, {
      DATABASE_URL: database.url,
    });
  const host = await start(folder, program, env);
  try {
    const status = async (path: string) => (await fetch(`${host.url}${path}`)).status;
    expect(await status('/')).toBe(200);
    works.push('boot');
    const rows = () =>
      database.query<{ path: string; route: string; outcome: string; ip: string }>(
        `select path, route, outcome, host(ip_address) as ip from ip_tracking.request_log where path = '/logged'`,
      );
    expect(await status('/logged')).toBe(404);
    expect(await eventually(async () => (await rows())[0], { withinMs: 20_000 })).toMatchObject({
      outcome: 'unmatched',
      ip: '127.0.0.1',
    });
    works.push('log');

    const { stdout } = await ipTracking('list-rules');
    expect(stdout).toContain('There are no rules');
    works.push('CLI');
    if (has.includes('WebSocket')) expect(await messageOver(host.url)).toBe('echo');
    if (has.includes('GraphQL'))
      expect(await graphql(host.url)).toEqual({ data: { hello: 'you' } });
    await ipTracking('block-ip', '127.0.0.1', '--force');
    const isRefused = async () => (await status('/')) === 403;
    await eventually(isRefused, { withinMs: 20_000, what: 'the refusal' });
    if (has.includes('WebSocket')) {
      expect(await messageOver(host.url)).toContain('403');
      works.push('WebSocket');
    }
    if (has.includes('GraphQL')) {
      expect(await graphql(host.url)).toMatchObject({ statusCode: 403 });
      works.push('GraphQL');
    }
    await ipTracking('unblock-ip', '127.0.0.1');
    await eventually(async () => !(await isRefused()), { withinMs: 20_000, what: 'the way in' });
    works.push('rules');

    const answers: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) answers.push(await status('/account'));
    expect(answers).toEqual([200, 200, 200, 200, 200, 429]);
    works.push('limits');

    await ipTracking('flag-suspicious');
    works.push('scan');
  } catch (error) {
    throw new Error(`the app said:\n${host.output()}`, { cause: error });
  } finally {
    await host.stop();
  }
  return works;
}

/** What comes back over a WebSocket, or why none was opened. */
function messageOver(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'));
    socket.on('error', ({ message }) => resolve(message));
    socket.on('open', () => socket.send(JSON.stringify({ event: 'echo', data: 1 })));
    socket.on('message', (data) => {
      resolve((JSON.parse(String(data)) as { event: string }).event);
      socket.terminate();
    });
  });
}

async function graphql(url: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ hello }' }),
  });
  return response.json();
}

/** What the module's page of compatibility is made of. */
const RESULTS = join(__dirname, 'results.json');

/** Keeps what was shown of a host, for docs/compatibility.md, where the run is one that records (`RECORD=1`). */
export function record(name: string, works: readonly Column[]): void {
  if (process.env['RECORD'] !== '1') return;
  const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as {
    hosts: Record<string, Column[]>;
  };
  const known = new Set([...(results.hosts[name] ?? []), ...works]);
  results.hosts[name] = COLUMNS.filter((column) => known.has(column));
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}
