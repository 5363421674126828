import type { RequestQueue } from './queue/request-queue.js';
import type { RequestQueueStats } from './queue/request-queue-stats.js';
import type { PruneResult, RetentionDays } from './table/retention.js';
import type { StrandedSpool, StrandedSpools } from './spool/stranded-spools.js';
import type { RequestLogUpkeep } from './table/upkeep.js';

/** What a host can ask of the request log, and have it do. */
export class RequestLogService {
  /** @internal */
  constructor(
    private readonly queue: Pick<RequestQueue, 'stats' | 'flush'>,
    private readonly upkeep: Pick<RequestLogUpkeep, 'prune'>,
    private readonly stranded: StrandedSpools,
  ) {}

  /** What has become of the records so far, in this process. */
  get stats(): RequestQueueStats {
    return this.queue.stats;
  }

  /**
   * Writes what is queued, until nothing is left, a write fails, or `patienceMs` have passed.
   *
   * @returns the records that could not be written yet.
   */
  flush(patienceMs: number): Promise<number> {
    return this.queue.flush(patienceMs);
  }

  /**
   * Counts the hours that are over, and lets go of what is older than these days, whatever the app is configured to.
   *
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` or `IPT_SCHEMA_MISSING`.
   */
  prune(days: RetentionDays): Promise<PruneResult> {
    return this.upkeep.prune(days);
  }

  /**
   * Records that earlier processes have spooled for other databases: the one that this is a copy of, for instance.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN` where nothing is kept on disk, or the database cannot say who it is.
   */
  listStranded(): Promise<StrandedSpool[]> {
    return this.stranded.list();
  }

  /**
   * Makes such records this database's: the apps that run deliver them within seconds, or the next one that starts.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN`; `IPT_STATE_NOT_FOUND`; `IPT_STATE_UNRELATED` without `force` where the
   *   two databases have nothing in common.
   */
  adoptStranded(name: string, options: { force?: boolean } = {}): Promise<StrandedSpool> {
    return this.stranded.adopt(name, options);
  }
}
