import type { RequestLogPartitions } from './partitions.js';
import type { PruneResult, RequestLogRetention, RetentionDays } from './retention.js';
import type { RequestRollup } from './rollup.js';

/** Where there are no tables. */
export const NO_UPKEEP = {
  prune: (): Promise<PruneResult> =>
    Promise.resolve({
      keptFrom: null,
      isLeftToAnother: false,
      dropped: [],
      busy: [],
      late: [],
      deletedRows: 0,
      deletedFigures: 0,
    }),
};

/** What the tables of the request log need from time to time. */
export class RequestLogUpkeep {
  constructor(
    private readonly partitions: Pick<RequestLogPartitions, 'ensure' | 'emptyDefault'>,
    private readonly rollup: Pick<RequestRollup, 'run'>,
    private readonly retention: Pick<RequestLogRetention, 'prune'>,
    private readonly days: RetentionDays,
  ) {}

  /**
   * Makes partitions ahead, counts the hours that are over, and lets go of what is old. One that fails keeps the others
   * from nothing: rows that are due go even while nobody can count them.
   *
   * @throws the first error, once all have been tried.
   */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    const steps = [
      () => this.partitions.ensure(),
      () => this.rollup.run(),
      () => this.retention.prune(this.days),
      // Last, so that a day which is to be dropped gets no partition first.
      () => this.partitions.emptyDefault(),
    ];
    for (const step of steps) await step().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  }

  /** Counts, and lets go of what is older than these days, whatever the app is configured to. */
  async prune(days: RetentionDays): Promise<PruneResult> {
    await this.rollup.run();
    return this.retention.prune(days);
  }
}
