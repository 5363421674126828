import { Client, type QueryResultRow } from 'pg';
import type { TestDatabase } from './postgres.js';

/** Runs one statement on a connection of its own. */
export async function ask<Row extends QueryResultRow>(
  url: string,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** A database that is not the test's to drop, for a host that shall use it; each statement has a connection of its own. */
export function databaseAt(url: string): TestDatabase {
  return {
    url,
    name: new URL(url).pathname.slice(1),
    query: (sql, values) => ask(url, sql, values),
    close: () => Promise.resolve(),
  };
}
