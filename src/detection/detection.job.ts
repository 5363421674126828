import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Cron, CronExpression, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { CronJob, CronTime } from 'cron';
import { afterTimer } from '../hourly-work.js';
import { messageOf } from '../ip-tracking.errors.js';
import { logger } from '../provide.js';
import type { DetectionService } from './detection.service.js';

/** The name of the job in the host's `SchedulerRegistry`, where the host has one. */
export const DETECTION_JOB = 'ip-tracking.detection';

/** The job waits so long, in milliseconds: rows of the hour's last moment are still on their way when it is over. */
const SETTLE_MS = 20_000;

/** How soon the host's scheduler is asked again for its job, in milliseconds. */
const LOOK_AGAIN_MS = 20;

/** When a {@link DetectionJob} runs. */
export interface DetectionJobOptions {
  readonly isEnabled: boolean;
  /** A cron expression, in UTC; null for every hour. */
  readonly expression: string | null;
  /** @default 20 seconds */
  readonly settleMs?: number;
}

/**
 * The hourly scan. A second `ScheduleModule.forRoot()` beside the host's would fire every interval of the host's twice,
 * so this module brings none: where the host has one it finds the `@Cron()` below, and where it has none the same
 * expression is run by a job of our own.
 */
export class DetectionJob implements OnApplicationBootstrap, OnModuleDestroy {
  private ownJob: CronJob | null = null;
  private running: Promise<void> | null = null;
  private isStopped = false;
  /** Ends the wait that is under way. */
  private wake: () => void = () => undefined;

  constructor(
    private readonly scan: DetectionService,
    private readonly modules: ModulesContainer,
    private readonly options: DetectionJobOptions,
  ) {}

  /** Whether the host's own scheduler drives the job. */
  get isDrivenByHost(): boolean {
    return this.hostsScheduler() !== null;
  }

  onApplicationBootstrap(): void {
    const { isEnabled, expression } = this.options;
    if (!isEnabled) return;
    const registry = this.hostsScheduler();
    if (registry === null) this.ownJob = this.jobAt(expression ?? CronExpression.EVERY_HOUR);
    else if (expression !== null) this.moveTo(expression, registry);
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    this.wake();
    await this.ownJob?.stop();
    this.ownJob = null;
    await this.running;
  }

  /** One run; never rejects, for nobody waits for it but the scheduler. */
  @Cron(CronExpression.EVERY_HOUR, { name: DETECTION_JOB, timeZone: 'UTC' })
  async run(): Promise<void> {
    if (!this.options.isEnabled) return;
    this.running ??= this.scanOnce().finally(() => {
      this.running = null;
    });
    await this.running;
  }

  /** The host's `SchedulerRegistry`; null where it has none. */
  private hostsScheduler(): SchedulerRegistry | null {
    for (const module of this.modules.values()) {
      if (module.metatype !== ScheduleModule) continue;
      for (const { instance } of module.providers.values()) {
        if (instance instanceof SchedulerRegistry) return instance;
      }
    }
    return null;
  }

  private jobAt(cronTime: string): CronJob {
    return CronJob.from({
      cronTime,
      onTick: () => this.run(),
      start: true,
      timeZone: 'UTC',
      unrefTimeout: true,
    });
  }

  /** `@Cron()` knows no options, and the host's scheduler may register its job only after this. */
  private moveTo(expression: string, registry: SchedulerRegistry): void {
    if (this.isStopped) return;
    if (registry.doesExist('cron', DETECTION_JOB)) {
      registry.getCronJob(DETECTION_JOB).setTime(new CronTime(expression, 'UTC'));
    } else {
      afterTimer(LOOK_AGAIN_MS, () => this.moveTo(expression, registry));
    }
  }

  private settled(): Promise<void> {
    return new Promise((resolve) => {
      const callOff = afterTimer(this.options.settleMs ?? SETTLE_MS, resolve);
      this.wake = () => {
        callOff();
        resolve();
      };
    });
  }

  private async scanOnce(): Promise<void> {
    await this.settled();
    if (this.isStopped) return;
    try {
      const result = await this.scan.scanOnce();
      const found = result?.findings.filter(({ isNew }) => isNew).length ?? 0;
      if (found > 0) logger.warn(`${found} new ${found === 1 ? 'finding' : 'findings'}`);
    } catch (error) {
      logger.error(
        `the scan of the log failed and will run again with the next hour: ${messageOf(error)}`,
      );
    }
  }
}
