import type { NotificationListener } from '../database/notifications.js';
import type { IpAddress } from '../net/ip-address.js';
import { decide, type Decision, type MatchedRules, type RuleMode } from './decide.js';
import type { IpRuleRepository } from './ip-rule.repository.js';
import { RuleSnapshot, type RejectedRule } from './rule-snapshot.js';

/** The PostgreSQL channel on which the trigger of `ip_rule` says that something changed. */
export const RULE_CHANNEL = 'ip_tracking_rules';

/** What a {@link LiveRules} needs besides its repository. */
export interface LiveRulesOptions {
  mode: RuleMode;
  /** How often the version in the database is compared with ours, in milliseconds, in case a notification was lost. */
  pollIntervalMs: number;
  /** Epoch milliseconds. */
  now(): number;
  /** Called when the rules cannot be read, once per outage, and with null when they can again. */
  onOutage(error: unknown): void;
  onRejected(rejected: RejectedRule): void;
}

/**
 * The rules in memory, kept up to date: a notification makes it reload at once, a poll finds what a lost notification
 * did not tell, and while the database is gone the last known rules hold.
 */
export class LiveRules {
  private snapshot = RuleSnapshot.empty();
  private timer: NodeJS.Timeout | null = null;
  private reloading: Promise<void> | null = null;
  private isStale = false;
  private isOut = false;
  private isStopped = true;

  constructor(
    private readonly repository: IpRuleRepository,
    private readonly options: LiveRulesOptions,
  ) {}

  /** Connects the copy to a listener's events. */
  readonly handlers = {
    onNotification: (): void => this.refresh(),
    onListening: (): void => this.refresh(),
  };

  /** What is known of the copy, for health checks. */
  get state(): { version: number; size: number; isLoaded: boolean; isOut: boolean } {
    const { version, size } = this.snapshot;
    return { version, size, isLoaded: version >= 0, isOut: this.isOut };
  }

  /**
   * Starts to follow the database. Waits for the first load, but no longer than `patienceMs`: a database that is down
   * must not keep the host from booting.
   */
  async start(listener: NotificationListener, patienceMs: number): Promise<void> {
    this.isStopped = false;
    const first = this.reload();
    listener.start();
    this.timer = setInterval(() => void this.poll(), this.options.pollIntervalMs);
    this.timer.unref();
    let patience: NodeJS.Timeout | undefined;
    const outOfPatience = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, patienceMs);
    });
    await Promise.race([first, outOfPatience]);
    clearTimeout(patience);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.reloading;
  }

  /** Decides about one client. Never waits, never throws. */
  decide(ip: IpAddress | null): Decision {
    return decide(ip === null ? null : this.match(ip), this.options.mode);
  }

  /** The live rules that match an address. */
  match(ip: IpAddress): MatchedRules {
    return this.snapshot.match(ip, this.options.now());
  }

  /** Reads the rules again; resolves when this process acts on what the database held at the time of the call. */
  async reload(): Promise<void> {
    if (this.reloading !== null) {
      // The load under way may have begun before the change that we are asked to see.
      this.isStale = true;
      return this.reloading;
    }
    this.reloading = this.loadUntilFresh().finally(() => {
      this.reloading = null;
    });
    return this.reloading;
  }

  private refresh(): void {
    if (!this.isStopped) void this.reload();
  }

  private async loadUntilFresh(): Promise<void> {
    do {
      this.isStale = false;
      await this.load();
    } while (this.isStale && !this.isOut);
  }

  private async load(): Promise<void> {
    try {
      const { version, rows } = await this.repository.load();
      this.snapshot = RuleSnapshot.from(version, rows, this.options.onRejected);
      this.setOut(null);
    } catch (error) {
      this.setOut(error);
    }
  }

  private async poll(): Promise<void> {
    try {
      const version = await this.repository.version();
      if (version !== this.snapshot.version) await this.reload();
      else this.setOut(null);
    } catch (error) {
      this.setOut(error);
    }
  }

  private setOut(error: unknown): void {
    const isOut = error !== null;
    if (isOut === this.isOut) return;
    this.isOut = isOut;
    this.options.onOutage(error);
  }
}
