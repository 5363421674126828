import { Client } from 'pg';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { DrillApp } from './drill-app.js';
import type { FixedLoad } from './fixed-load.js';

/** What became of the requests that were answered. */
export interface Account {
  answered: number;
  rows: number;
  duplicates: number;
  /** Ids that were answered and are not in the table. */
  missing: string[];
}

/** Compares the ids that were answered with those in the table. */
export async function accountOf(
  databaseUrl: string,
  loads: readonly FixedLoad[],
): Promise<Account> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ path: string }>(
      'select path from ip_tracking.request_log',
    );
    const stored = new Set(rows.map(({ path }) => path.split('/').at(-1)!));
    const answered = loads.flatMap((load) => [...load.answeredAt.keys()]);
    return {
      answered: answered.length,
      rows: rows.length,
      duplicates: rows.length - stored.size,
      missing: answered.filter((id) => !stored.has(id)),
    };
  } finally {
    await client.end();
  }
}

/** Waits until the apps have nothing left to deliver, but for so many records that are on their way. */
export async function drained(
  apps: readonly DrillApp[],
  withinMs = 20_000,
  atMost = 0,
): Promise<void> {
  let last: unknown;
  await eventually(
    async () => {
      const all = await Promise.all(apps.map((app) => app.stats()));
      last = all;
      return all.every(({ queued, isFailing }) => queued <= atMost && !isFailing);
    },
    { withinMs, what: 'delivery of all records' },
  ).catch((error: Error) => {
    const logs = apps.map(({ log }) => log.slice(-2_000)).join('\n');
    throw new Error(`${error.message}: ${JSON.stringify(last)}\n${logs}`);
  });
}

/** What a load keeps on its way while all is well. */
export const UNDER_LOAD = 200;

/** Holds that *answered = rows + counted drops*, with no row twice. */
export async function expectIdentity(
  databaseUrl: string,
  loads: readonly FixedLoad[],
  counted = 0,
): Promise<Account> {
  // The last response may have closed a moment ago.
  const account = await eventually(
    async () => {
      const found = await accountOf(databaseUrl, loads);
      return found.missing.length <= counted ? found : undefined;
    },
    { withinMs: 2_000 },
  ).catch(() => accountOf(databaseUrl, loads));
  expect(account.answered, 'requests were answered').toBeGreaterThan(0);
  expect(account.duplicates, 'rows that are there twice').toBe(0);
  expect(account.missing.length, 'answered, and neither stored nor counted').toBe(counted);
  return account;
}
