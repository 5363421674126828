import { messageOf } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import { within } from '../within.js';
import type { MatchedRules, WithoutRules } from './decide.js';
import { HeldRules } from './held-rules.js';
import type { IpRuleRepository } from './ip-rule.repository.js';
import type { RuleFile } from './rule-file.js';
import { describeLate, describeOutage, statusOf, type RulesStatus } from './rules-in-force.js';
import { RuleSnapshot, type RuleChange } from './rule-snapshot.js';
import { RuleTableBuilder, type RejectedRule } from './rule-table-builder.js';

/** The PostgreSQL channel on which the trigger of `ip_rule` says that something changed. */
export const RULE_CHANNEL = 'ip_tracking_rules';

/** Beyond this many changes since the last full load, another full load is cheaper than carrying them along. */
const MAX_CHANGES = 5_000;

const FILE_AFTER_MS = 1_000;

/** What a {@link LiveRules} needs besides its repository. */
export interface LiveRulesOptions {
  /** How often the version in the database is compared with ours, in milliseconds, in case a notification was lost. */
  pollIntervalMs: number;
  /** Epoch milliseconds. */
  now(): number;
  /** What happens to clients while no rules are known. */
  withoutRules: WithoutRules;
  /**
   * Names the database that is reached now; null where that is not known. Versions of two say nothing of each other.
   * Null where nobody asks.
   */
  whose: (() => Promise<string | null>) | null;
  /** Called when the rules cannot be read, once per outage, and when they can be again. @param error null then. */
  onOutage(error: unknown): void;
  onRejected(rejected: RejectedRule): void;
  /** Takes what an operator has to know. */
  log: { log(message: string): void; warn(message: string): void; error(message: string): void };
}

/** Told of other rules: by what has changed of those that are stored, or null where all were read anew. */
export type RulesListener = (changes: readonly RuleChange[] | null) => void;

/**
 * The rules in memory, kept up to date: a notification makes it read what has changed, a poll finds what a lost
 * notification did not tell, and while the database is gone the last known rules hold.
 */
export class LiveRules {
  /** What holds in this process besides. */
  readonly held = new HeldRules();
  private snapshot = RuleSnapshot.empty();
  private timer: NodeJS.Timeout | null = null;
  private following: Promise<void> | null = null;
  private isStale = false;
  private isOut = false;
  private outage: unknown = null;
  private isStopped = true;
  /** The rules in memory come from the database, not from a file that may belong to its past. */
  private isConfirmed = false;
  /** Names the database that the rules in memory come from. */
  private loadedFrom: string | null = null;
  private confirmedAtMs: number | null = null;
  private writtenAt: Date | null = null;
  private diskTrouble: string | null = null;
  /** What is wrong is said once the start knows what holds meanwhile. */
  private isStarting = false;
  private isLate = false;
  private filing: NodeJS.Timeout | null = null;
  private onChange: RulesListener = () => undefined;

  constructor(
    private readonly repository: IpRuleRepository,
    private readonly file: RuleFile | null,
    private readonly options: LiveRulesOptions,
  ) {}

  /** What a listener on {@link RULE_CHANNEL} has to call. */
  readonly handlers = {
    onNotification: (payload: string): void => {
      if (Number(payload) !== this.snapshot.version) this.refresh();
    },
    onListening: (): void => this.refresh(),
  };

  /** What is known of the copy. */
  get status(): RulesStatus {
    const { snapshot, isConfirmed, confirmedAtMs, writtenAt, diskTrouble, isOut } = this;
    return statusOf(snapshot, { isConfirmed, confirmedAtMs, writtenAt, diskTrouble, isOut });
  }

  /** The database's counter of changes; null before the first load. */
  get version(): number | null {
    return this.isKnown ? this.snapshot.version : null;
  }

  /** Whether any stored rules are known, be they none: else {@link match} tells of held ones alone. */
  get isKnown(): boolean {
    return this.snapshot.version >= 0;
  }

  /**
   * Starts to follow the database. Waits for the first load, but no longer than `patienceMs`: a database that is down
   * must not keep the host from booting. Then the rules on disk hold, if there are any.
   */
  async start(patienceMs: number): Promise<void> {
    this.isStopped = false;
    this.isStarting = true;
    const first = this.reload();
    this.timer = setInterval(() => void this.poll(), this.options.pollIntervalMs);
    this.timer.unref();
    await within(patienceMs, first);
    if (!this.isConfirmed) await this.readFile();
    this.isStarting = false;
    if (this.isConfirmed) return;
    this.isLate = !this.isOut;
    if (this.isLate) this.options.log.warn(describeLate(patienceMs, this.status, this.options));
    else this.tellOutage();
  }

  /** Calls back each time that other rules hold. */
  whenChanged(onChange: RulesListener): void {
    this.onChange = onChange;
  }

  /** What is held has changed, and nothing that is stored. */
  heldChanged(): void {
    this.onChange([]);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.following;
    if (this.filing !== null) {
      clearTimeout(this.filing);
      await this.fileChanges();
    }
  }

  /** The live rules that match an address, and what is held. Never waits, never throws. */
  match(ip: IpAddress): MatchedRules {
    const nowMs = this.options.now();
    return this.held.over(this.snapshot.match(ip, nowMs), ip, nowMs);
  }

  /**
   * The stored rules that match an address at a moment, without what is held.
   *
   * @param atMs in epoch milliseconds; minus infinity for those that are over as well
   */
  matchStored(ip: IpAddress, atMs: number): MatchedRules {
    return this.snapshot.match(ip, atMs);
  }

  /** Follows the database; resolves when this process acts on what it held at the time of the call. */
  async reload(): Promise<void> {
    if (this.following !== null) {
      // What is under way may have begun before the change that we are asked to see.
      this.isStale = true;
      return this.following;
    }
    this.following = this.followUntilFresh().finally(() => {
      this.following = null;
    });
    return this.following;
  }

  private refresh(): void {
    if (!this.isStopped) void this.reload();
  }

  private async followUntilFresh(): Promise<void> {
    do {
      this.isStale = false;
      await this.follow();
    } while (this.isStale && !this.isOut);
  }

  private async follow(): Promise<void> {
    try {
      const { version, changes } = this.snapshot;
      const delta =
        this.isConfirmed && changes < MAX_CHANGES && !(await this.isElsewhere())
          ? await this.repository.changesSince(version, MAX_CHANGES)
          : null;
      if (delta === null) await this.loadAll();
      else if (delta.changes.length > 0) {
        this.snapshot = this.snapshot.with(delta.version, delta.changes, this.options.onRejected);
        this.onChange(delta.changes);
        this.fileSoon();
      }
      this.setOut(null);
    } catch (error) {
      this.setOut(error);
    }
  }

  private async loadAll(): Promise<void> {
    const builder = new RuleTableBuilder(this.options.onRejected);
    const writer = await this.keep((file) => file.begin());
    try {
      const version = await this.repository.stream(async (rows) => {
        for (const row of rows) builder.add(row);
        await writer?.rows(rows);
      });
      const snapshot = RuleSnapshot.of(version, await builder.buildAsync());
      this.loadedFrom = (await this.options.whose?.()) ?? null;
      this.snapshot = snapshot;
      this.isConfirmed = true;
      if (this.isLate) this.options.log.log(`the rules are loaded: ${this.snapshot.size}`);
      this.isLate = false;
      this.onChange(null);
      await this.keep(async () => writer?.finish(version));
    } catch (error) {
      await writer?.abandon();
      throw error;
    }
  }

  /** A burst of changes is written once: nobody waits for the disk to see a rule act. */
  private fileSoon(): void {
    if (this.file === null || this.filing !== null) return;
    this.filing = setTimeout(() => void this.fileChanges(), FILE_AFTER_MS);
    this.filing.unref();
  }

  private async fileChanges(): Promise<void> {
    this.filing = null;
    await this.keep((file) => file.writeChanges(this.snapshot.changesSinceBase()));
  }

  /** What goes to the file is for a later boot: whatever is wrong with it, the rules in memory hold. */
  private async keep<T>(write: (file: RuleFile) => Promise<T | null>): Promise<T | null> {
    if (this.file === null) return null;
    try {
      return await write(this.file);
    } catch (error) {
      this.options.log.warn(
        `the rules cannot be kept on disk, so a boot without the database will have older ones, or none: ${messageOf(error)}`,
      );
      return null;
    }
  }

  private async readFile(): Promise<void> {
    if (this.file === null) {
      this.diskTrouble = 'nothing is kept on disk';
      return;
    }
    try {
      const found = await this.file.read();
      // The database may have answered meanwhile.
      if (this.isConfirmed) return;
      this.diskTrouble = found === null ? 'none were ever kept on disk' : found.damage;
      if (found === null) return;
      this.snapshot = found.snapshot;
      this.writtenAt = found.writtenAt;
    } catch (error) {
      this.diskTrouble = messageOf(error);
    }
  }

  /** Whether the rules in memory are those of another database than the one that is reached. */
  private async isElsewhere(): Promise<boolean> {
    if (this.options.whose === null || this.loadedFrom === null) return false;
    const whose = await this.options.whose();
    return whose !== null && whose !== this.loadedFrom;
  }

  private async poll(): Promise<void> {
    try {
      const version = await this.repository.version();
      const isCurrent = this.isConfirmed && version === this.snapshot.version;
      if (!isCurrent || (await this.isElsewhere())) await this.reload();
      else this.setOut(null);
    } catch (error) {
      this.setOut(error);
    }
  }

  private setOut(error: unknown): void {
    const isOut = error !== null;
    if (!isOut) this.confirmedAtMs = this.options.now();
    if (isOut === this.isOut) return;
    this.isOut = isOut;
    this.outage = error;
    this.options.onOutage(error);
    if (this.isStarting) return;
    if (isOut) this.tellOutage();
    else this.options.log.log('the rules can be read again');
  }

  private tellOutage(): void {
    this.options.log.error(describeOutage(this.outage, this.status, this.options));
  }
}
