import { setTimeout as sleep } from 'node:timers/promises';
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleInit,
} from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { Database } from './database/database.js';
import type { NotificationListener } from './database/notifications.js';
import type { EdgeAttachment } from './edge.providers.js';
import type { RequestEdge } from './edge/request-edge.js';
import type { WatchRecorder } from './detection/watch-recorder.js';
import type { IpTrackingEvents } from './response/ip-tracking-events.js';
import type { ResponseWork } from './response/response-work.js';
import { hostEmitter } from './response/host-emitter.js';
import { tellRules } from './response/rules-told.js';
import type { GeoService } from './geo/geo-service.js';
import { afterTimer, type HourlyWork } from './hourly-work.js';
import type { LimitStorage } from './limits/store/limit-storage.js';
import type { UnsharedLimits } from './limits/unshared-limits.js';
import { logger } from './provide.js';
import type { RecordIntake } from './request-log/capture/record-intake.js';
import type { RequestSignals } from './request-log/capture/request-signals.js';
import type { RequestQueue } from './request-log/queue/request-queue.js';
import type { LiveRules } from './rules/live-rules.js';
import { SecondSignal } from './second-signal.js';
import type { State } from './state/state.js';
import { isListenedTo, onSuddenEnd } from './sudden-end.js';
import { within } from './within.js';

/** What the lifecycle starts and stops. */
export interface LifecycleParts {
  plan: LifecyclePlan;
  attachment: EdgeAttachment;
  edge: RequestEdge;
  database: Database;
  /** What outlives the process; null where nothing does. */
  state: State | null;
  listener: NotificationListener;
  rules: LiveRules;
  geo: GeoService;
  intake: RecordIntake;
  queue: RequestQueue;
  hourly: HourlyWork;
  /** What looks at requests; null where nobody does. */
  signals: RequestSignals | null;
  /** What has findings to store; null where nobody watches. */
  watch: WatchRecorder | null;
  /** What follows from findings; null where there are none. */
  response: ResponseWork | null;
  events: IpTrackingEvents;
  /** All modules of the app, with what they provide. */
  modules: ModulesContainer;
  unshared: UnsharedLimits;
  limits: LimitStorage;
}

/** Which parts are on, and how long is waited for them. */
export interface LifecyclePlan {
  followsRules: boolean;
  endsWebSockets: boolean;
  /** Whether this process keeps anything that outlives it. */
  keepsState: boolean;
  /** How long the start waits for the rules, in milliseconds. */
  startTimeoutMs: number;
  places: boolean;
  logs: boolean;
  /** Whether it is tests that run the program, which nobody ends by a signal. */
  isTest: boolean;
  /** Whether records may outlive the process. */
  spools: boolean;
  /** Whether the program serves HTTP: one that does not places nobody, and keeps nothing up. A test makes its app late. */
  hasServer(): boolean;
  /** How long the shutdown waits for the last records, in milliseconds. */
  shutdownTimeoutMs: number;
}

/** How long the start waits for the database to say who it is, in milliseconds. */
const IDENTITY_PATIENCE_MS = 1_000;
/** How long the start waits for the disk of the spool, in milliseconds. */
const SPOOL_PATIENCE_MS = 1_000;
/** How long after its boot an app is looked at once more: by then whoever would listen to signals does, in milliseconds. */
const SETTLED_AFTER_MS = 1_000;
/** How long connections are given to take their leave, in milliseconds: where packets vanish nobody says goodbye. */
const LEAVE_MS = 2_000;
/** How long responses that are still open once the server has closed are waited for, in milliseconds. */
const LAST_RESPONSES_MS = 500;

/**
 * What happens when, in one place. Before the app listens the rules are loaded. After the last response has closed the
 * last records are written, and only then is the database let go.
 */
export class IpTrackingLifecycle
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private isClosing = false;
  private closing: Promise<void> | null = null;
  private isSaved = (): void => undefined;
  private callOffLook = (): void => undefined;
  private readonly secondSignal = new SecondSignal(() => performance.now());

  constructor(private readonly parts: LifecycleParts) {}

  async onModuleInit(): Promise<void> {
    const { plan, state, rules, edge, listener, geo, queue, hourly, attachment } = this.parts;
    const { response, events } = this.parts;
    // Whoever answers after a connection was lost may be another database.
    listener.whenLost(() => state?.doubt());
    const starts: Promise<unknown>[] = [];
    const begun = plan.keepsState
      ? state?.begin(Math.min(plan.startTimeoutMs, IDENTITY_PATIENCE_MS))
      : undefined;
    if (plan.followsRules) {
      rules.whenChanged((changes) => {
        if (plan.endsWebSockets) void edge.endRefused();
        tellRules(events, changes, rules.version);
        response?.rulesChanged();
      });
      starts.push(rules.start(plan.startTimeoutMs));
    }
    listener.start();
    if (plan.places && plan.hasServer()) starts.push(geo.ready());
    await Promise.all(starts);
    await begun;
    if (plan.followsRules && plan.hasServer()) await response?.start();
    attachment.open();
    if (plan.logs) {
      this.isSaved = onSuddenEnd({
        save: () => queue.storeAllNow(),
        saveLast: () => this.saveLast(),
      });
      // What an earlier process has left in the spool is delivered while the app starts, and does not hold it up; that
      // records can be stored does, for a moment: once requests come there may be no time for it.
      await within(SPOOL_PATIENCE_MS, queue.start());
    }
    if (plan.hasServer()) hourly.start();
    if (plan.logs && plan.hasServer()) this.sayWhatIsOwn();
  }

  private sayWhatIsOwn(): void {
    const { note, warning } = this.parts.signals?.atBoot() ?? { note: null, warning: null };
    if (note !== null) logger.log(note);
    if (warning !== null) logger.warn(warning);
  }

  onApplicationBootstrap(): void {
    const { plan, state, events, modules } = this.parts;
    events.handOn(hostEmitter(modules));
    if (!plan.logs || !plan.hasServer() || plan.isTest) return;
    this.callOffLook = afterTimer(SETTLED_AFTER_MS, () => {
      if (isListenedTo('SIGTERM')) return;
      const rest =
        plan.spools && state !== null
          ? 'left to the spool, which a container may not keep'
          : 'lost, since there is no spool';
      logger.warn(
        `nobody listens to SIGTERM, so it ends this process while requests are being answered, and the last records of the request log are ${rest}. Add app.enableShutdownHooks(); before app.listen()`,
      );
    });
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    if (signal !== undefined && !this.isClosing) this.secondSignal.listen();
    this.isClosing = true;
    this.callOffLook();
    const { hourly, unshared, rules, listener } = this.parts;
    hourly.stop();
    unshared.stop();
    await this.shortly(Promise.all([rules.stop(), listener.stop()]));
  }

  /** Nest calls this once the server has closed, so that every record is in the queue, or is about to be. */
  onApplicationShutdown(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    const { intake, queue, geo, database, limits, watch, response, plan } = this.parts;
    await this.unlessHurried(this.lastResponses());
    await this.unlessHurried(intake.settle());
    tellLost(await queue.close(plan.shutdownTimeoutMs, this.secondSignal.signal));
    this.isSaved();
    await this.shortly(Promise.resolve(watch?.close()));
    await this.shortly(Promise.resolve(response?.stop()));
    await this.unlessHurried(Promise.resolve(limits.close?.()));
    await this.unlessHurried(geo.close());
    await this.shortly(database.close());
    this.secondSignal.stop();
  }

  private saveLast(): void {
    const { intake, queue } = this.parts;
    intake.settleNow();
    tellLost(queue.closeNow());
  }

  /**
   * Node says that a server has closed a moment before it says so of the responses on its last connections. Those of a
   * server that the host has made, and does not close, are not waited for in full.
   */
  private async lastResponses(): Promise<void> {
    const deadline = performance.now() + LAST_RESPONSES_MS;
    while (this.parts.edge.inFlight > 0 && performance.now() < deadline) await sleep(5);
  }

  private shortly(work: Promise<unknown>): Promise<void> {
    return this.unlessHurried(Promise.race([work, sleep(LEAVE_MS, null, { ref: false })]));
  }

  private async unlessHurried(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.secondSignal.heard]);
  }
}

function tellLost(count: number): void {
  if (count === 0) return;
  logger.error(`${count} records of the request log could not be written and are lost`);
}
