import { Client } from 'pg';
import { expect } from 'vitest';
import type { RequestQueueStats } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import type { DrillApp } from './drill-app.js';
import { idOf, wrongContent, type DrillRow } from './content.js';
import type { Load } from './fixed-load.js';

/** What became of the requests that were answered. */
export interface Account {
  answered: number;
  rows: number;
  duplicates: number;
  /** Ids that were answered and are not in the table. */
  missing: string[];
  /** Records that are lost or refused, and said to be. */
  counted: number;
}

/** Compares the ids that were answered with those in the table. */
export async function accountOf(databaseUrl: string, loads: readonly Load[]): Promise<Account> {
  const rows = await rowsOf<{ path: string }>(databaseUrl, 'path');
  const stored = new Set(rows.map(idOf));
  const answered = loads.flatMap(({ ids }) => ids);
  return {
    answered: answered.length,
    rows: rows.length,
    duplicates: rows.length - stored.size,
    missing: answered.filter((id) => !stored.has(id)),
    counted: 0,
  };
}

/** Holds that every column of every row says what its client has seen. */
export async function expectContent(databaseUrl: string, loads: readonly Load[]): Promise<void> {
  const rows = await rowsOf<DrillRow>(databaseUrl, '*');
  expect(wrongContent(rows, loads), 'what rows say, and clients have seen otherwise').toEqual([]);
}

async function rowsOf<Row extends object>(databaseUrl: string, columns: string): Promise<Row[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(`select ${columns} from ip_tracking.request_log`)).rows;
  } finally {
    await client.end();
  }
}

/** Waits until the apps have nothing left to deliver, but for so many records that are on their way. */
export async function drained(
  apps: readonly DrillApp[],
  withinMs = 30_000,
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

/**
 * Waits until *answered = rows + counted drops*, with no row twice, and holds that it is so. The apps that live say what
 * they have counted: records for which there was no room, and records whose data the database refuses.
 */
export async function expectIdentity(
  databaseUrl: string,
  loads: readonly Load[],
  apps: readonly DrillApp[],
  /** `lost`: what apps that are gone had counted, or the fault itself has destroyed. */
  { lost = 0, withinMs = 30_000 } = {},
): Promise<Account> {
  const look = async (): Promise<Account & { stats: RequestQueueStats[] }> => {
    const account = await accountOf(databaseUrl, loads);
    const stats = await Promise.all(apps.map((app) => app.stats()));
    const counted = stats.reduce((sum, { dropped, refused }) => sum + dropped + refused, lost);
    return { ...account, counted, stats };
  };
  // The last response may have closed a moment ago, and what a process has left behind waits to be found.
  const { stats, ...account } = await eventually(
    async () => {
      const found = await look();
      return found.missing.length === found.counted ? found : undefined;
    },
    { withinMs },
  ).catch(look);
  expect(account.answered, 'requests were answered').toBeGreaterThan(0);
  expect(account.duplicates, 'rows that are there twice').toBe(0);
  expect(
    account.missing.length,
    `answered and not stored, of which are counted ${account.counted}: ${JSON.stringify(stats)}`,
  ).toBe(account.counted);
  await expectContent(databaseUrl, loads);
  return account;
}

/** What the identity is made of, for the table of the drill. */
export function figuresOf({
  answered,
  rows,
  counted,
  duplicates,
}: Account): Record<string, string> {
  return {
    answered: String(answered),
    rows: String(rows),
    counted: String(counted),
    duplicates: String(duplicates),
  };
}
