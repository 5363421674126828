import type { Database } from '../database/database.js';

/** An address that was erased, as it is stored, and up to when. */
export interface ErasedClient {
  readonly address: string;
  readonly beforeMs: number;
}

/** Reads whom the watch of a process may still have in memory although they were erased. */
export class ErasedClientsRepository {
  constructor(private readonly database: Pick<Database, 'query'>) {}

  /** Those of the last day, which no window of a detector exceeds. */
  async lately(): Promise<ErasedClient[]> {
    const rows = await this.database.query<{ address: string; before: Date }>(
      `select host(ip_address) as address, erased_before as before from ip_tracking.erased_address
        where erased_before > clock_timestamp() - interval '25 hours'`,
    );
    return rows.map(({ address, before }) => ({ address, beforeMs: before.getTime() }));
  }
}
