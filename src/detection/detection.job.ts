import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Cron, CronExpression, ScheduleModule } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { messageOf } from '../ip-tracking.errors.js';
import { logger } from '../provide.js';
import type { DetectionService } from './detection.service.js';

/** The name of the hourly job in the host's `SchedulerRegistry`, where the host has one. */
export const DETECTION_JOB = 'ip-tracking.detection';

/**
 * The hourly scan. A second `ScheduleModule.forRoot()` beside the host's would fire every interval of the host's twice,
 * so this module brings none: where the host has one it finds the `@Cron()` below, and where it has none the same
 * expression is run by a job of our own.
 */
export class DetectionJob implements OnApplicationBootstrap, OnModuleDestroy {
  private ownJob: CronJob | null = null;
  private running: Promise<void> | null = null;

  constructor(
    private readonly scan: DetectionService,
    private readonly modules: ModulesContainer,
    private readonly isEnabled: boolean,
  ) {}

  /** Whether the host's own scheduler drives the job. */
  get isDrivenByHost(): boolean {
    return [...this.modules.values()].some(({ metatype }) => metatype === ScheduleModule);
  }

  onApplicationBootstrap(): void {
    if (!this.isEnabled || this.isDrivenByHost) return;
    this.ownJob = CronJob.from({
      cronTime: CronExpression.EVERY_HOUR,
      onTick: () => this.run(),
      start: true,
      timeZone: 'UTC',
      unrefTimeout: true,
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.ownJob?.stop();
    this.ownJob = null;
    await this.running;
  }

  /** One run; never rejects, for nobody waits for it but the scheduler. */
  @Cron(CronExpression.EVERY_HOUR, { name: DETECTION_JOB, timeZone: 'UTC' })
  async run(): Promise<void> {
    if (!this.isEnabled) return;
    this.running ??= this.scanOnce().finally(() => {
      this.running = null;
    });
    await this.running;
  }

  private async scanOnce(): Promise<void> {
    try {
      const result = await this.scan.scanOnce();
      const found = result?.findings.filter(({ isNew }) => isNew).length ?? 0;
      if (found > 0) {
        logger.warn(`${found} suspicious ${found === 1 ? 'address' : 'addresses'} flagged`);
      }
    } catch (error) {
      logger.error(
        `the hourly scan failed and will run again with the next hour: ${messageOf(error)}`,
      );
    }
  }
}
