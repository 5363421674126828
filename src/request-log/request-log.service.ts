import { checkObject, wholeNumber } from '../options/checks.js';
import { within } from '../within.js';
import type { RecordFolding } from './capture/record-folding.js';
import type { RecordIntake } from './capture/record-intake.js';
import type { RequestQueue } from './queue/request-queue.js';
import type { RequestQueueStats } from './queue/request-queue-stats.js';
import type { RequestRecord } from './record/request-record.js';
import type { ImportedRequestsRepository } from './table/imported-requests.repository.js';
import type { PruneResult, RetentionDays } from './table/retention.js';
import type { StrandedSpool, StrandedSpools } from './spool/stranded-spools.js';
import type { RequestLogUpkeep } from './table/upkeep.js';

/** No default here: what was left out by mistake would say how much is dropped. */
const dayCount = wholeNumber(0, 36_500);

/** What a {@link RequestLogService} asks. */
export interface RequestLogParts {
  queue: Pick<RequestQueue, 'stats' | 'flush'>;
  intake: Pick<RecordIntake, 'settle'>;
  folding: Pick<RecordFolding, 'folded'> | null;
  upkeep: Pick<RequestLogUpkeep, 'prune'>;
  imported: Pick<ImportedRequestsRepository, 'write' | 'timestampOf'>;
  stranded: StrandedSpools;
}

/** What has become of the requests of this process: each is `enqueued` as a record, or `folded` into another one's. */
export interface RequestLogStats extends RequestQueueStats {
  /** Blocked requests that another one's row stands for, by its `repeats`. */
  folded: number;
}

/** What a host can ask of the request log, and have it do. */
export class RequestLogService {
  /** @internal */
  constructor(private readonly parts: RequestLogParts) {}

  /** What has become of the records so far, in this process. */
  get stats(): RequestLogStats {
    return { ...this.parts.queue.stats, folded: this.parts.folding?.folded ?? 0 };
  }

  /**
   * Writes what is queued, until nothing is left, a write fails, or `patienceMs` have passed.
   *
   * @returns the records that could not be written yet.
   */
  async flush(patienceMs: number): Promise<number> {
    const { intake, queue } = this.parts;
    const startedAt = performance.now();
    await within(patienceMs, intake.settle());
    return queue.flush(Math.max(0, patienceMs - (performance.now() - startedAt)));
  }

  /**
   * Counts the hours that are over, and lets go of what is older than these days, whatever the app is configured to.
   *
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` or `IPT_SCHEMA_MISSING`; `IPT_INVALID_OPTION` or
   * `IPT_UNKNOWN_OPTION` for days that are none.
   */
  async prune(days: RetentionDays): Promise<PruneResult> {
    checkObject('days', days, { retentionDays: dayCount, rollupRetentionDays: dayCount });
    dayCount('days.retentionDays', days.retentionDays);
    dayCount('days.rollupRetentionDays', days.rollupRetentionDays);
    return this.parts.upkeep.prune(days);
  }

  /**
   * Writes records that were made elsewhere, such as those of an access log, past the queue: each id once, however often
   * it comes. What `privacy` does not keep of requests is not kept of these.
   *
   * @returns how many records were handed over, those included that had been there before.
   * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` or `IPT_SCHEMA_MISSING`. Batches before that are written, and may
   * be sent again.
   */
  async importRecords(batches: AsyncIterable<readonly RequestRecord[]>): Promise<number> {
    let count = 0;
    for await (const batch of batches) {
      await this.parts.imported.write(batch);
      count += batch.length;
    }
    return count;
  }

  /** When the request with this id came, by the log; null where it has none. */
  timestampOf(id: string): Promise<Date | null> {
    return this.parts.imported.timestampOf(id);
  }

  /**
   * Records that earlier processes have spooled for other databases: the one that this is a copy of, for instance.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN` where nothing is kept on disk, or the database cannot say who it is.
   */
  listStranded(): Promise<StrandedSpool[]> {
    return this.parts.stranded.list();
  }

  /**
   * Makes such records this database's: the apps that run deliver them within seconds, or the next one that starts.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN`; `IPT_STATE_NOT_FOUND`; `IPT_STATE_UNRELATED` without `force` where the
   *   two databases have nothing in common.
   */
  adoptStranded(name: string, options: { force?: boolean } = {}): Promise<StrandedSpool> {
    return this.parts.stranded.adopt(name, options);
  }
}
