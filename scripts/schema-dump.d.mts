/** Runs one parameterised statement on the database that is dumped. */
export type DumpQuery = (
  sql: string,
  params?: unknown[],
) => Promise<readonly Record<string, unknown>[]>;

/** The schema `ip_tracking` of a database as SQL that makes it again; the same text for the same schema. */
export function dumpSchema(query: DumpQuery): Promise<string>;
