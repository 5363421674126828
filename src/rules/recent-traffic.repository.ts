import type { Database } from '../database/database.js';
import type { Prefix } from '../net/prefix.js';

/** How many requests there were, and how many of them came from one network. */
export interface RecentTraffic {
  total: number;
  matching: number;
}

/** Nobody waits longer for what is only worth a warning. */
const PATIENCE_MS = 2_000;
/** Somebody who blocks one address after the other has the log counted once a minute. */
const TOTAL_HOLDS_MS = 60_000;

const IN_LAST_HOUR = `"timestamp" > now() - interval '1 hour'`;

/** Asks the request log who has been there of late. */
export class RecentTrafficRepository {
  private total: { requests: number; countedAtMs: number } | null = null;

  constructor(
    private readonly database: Database,
    /** Milliseconds that only move forward. */
    private readonly now: () => number,
  ) {}

  /**
   * The requests of the last hour, as the log has their addresses: hashed or truncated ones match no client.
   *
   * @throws what PostgreSQL throws where counting takes longer than two seconds.
   */
  async lastHour(prefix: Prefix): Promise<RecentTraffic> {
    const total = await this.requests();
    if (total === 0) return { total, matching: 0 };
    // As a range of addresses, which the index by address is in the order of.
    const matching = await this.count(
      `${IN_LAST_HOUR} and ip_address between host(network($1::cidr))::inet and host(broadcast($1::cidr))::inet`,
      [prefix.toString()],
    );
    return { total, matching };
  }

  private async requests(): Promise<number> {
    const nowMs = this.now();
    if (this.total === null || nowMs - this.total.countedAtMs > TOTAL_HOLDS_MS) {
      this.total = { requests: await this.count(IN_LAST_HOUR, []), countedAtMs: nowMs };
    }
    return this.total.requests;
  }

  private count(condition: string, parameters: unknown[]): Promise<number> {
    return this.database.transaction(async (manager) => {
      await manager.query(`set local statement_timeout = ${PATIENCE_MS}`);
      const [row] = await manager.query<{ requests: number }[]>(
        `select coalesce(sum(1 + repeats), 0)::float8 as requests from ip_tracking.request_log where ${condition}`,
        parameters,
      );
      return row?.requests ?? 0;
    });
  }
}
