import { channel, type Channel } from 'node:diagnostics_channel';
import { leaveUnawaited } from '../edge/host-hook.js';
import type { StoredFinding } from '../detection/suspicious-ip.repository.js';
import type { Outage } from '../outages.js';
import type { BanTold } from './ban.js';

/** What is told of a ban's end. */
export interface UnbanTold extends BanTold {
  /**
   * `expiry`: it was over; `pardon`: somebody has ended it; `dropped`: the database knew why it must not be, such as an allow
   * rule, a pardon or the budget of all processes.
   */
  readonly why: 'expiry' | 'pardon' | 'dropped';
}

/** What is told of rules that have changed in the database. */
export interface RulesTold {
  /** Each rule that has changed, as it is now, or with nothing but its id where it is gone; null where all were read anew. */
  readonly changes:
    | readonly {
        readonly ruleId: number;
        readonly action: string | null;
        readonly network: string | null;
        readonly expiresAt: Date | null;
      }[]
    | null;
  /** The database's counter of changes. */
  readonly version: number | null;
}

/** What is told, by the name under which it is told. */
export interface IpTrackingEventMap {
  /** Something was found about a subject for the first time, or again since it was settled; it is stored. */
  finding: StoredFinding;
  /** This process has decided on a ban or a limit; it is in force here. */
  ban: BanTold;
  /** One of this process's bans has ended. */
  unban: UnbanTold;
  /** This process acts on changed rules. */
  rule: RulesTold;
  /** A store cannot be reached, or can be again. */
  outage: Outage;
}

/** A name of {@link IpTrackingEventMap}. */
export type IpTrackingEventName = keyof IpTrackingEventMap;

/** Whoever has a method like that of `EventEmitter2`, of @nestjs/event-emitter. */
export interface EventEmitterLike {
  emit(name: string, event: unknown): unknown;
}

const NAMES = ['finding', 'ban', 'unban', 'rule', 'outage'] as const;

/**
 * What happens to clients, for the host's own code: listeners here, a `diagnostics_channel` named
 * `nestjs-ip-tracking:<name>` each, and `@OnEvent('ip-tracking.<name>')` where the app imports `EventEmitterModule`.
 * Nothing is made that nobody listens to, and no listener can fail or hold up anything of the module's.
 */
export class IpTrackingEvents {
  private readonly listeners = new Map<IpTrackingEventName, Set<(event: never) => unknown>>();
  private readonly channels = Object.fromEntries(
    NAMES.map((name) => [name, channel(`nestjs-ip-tracking:${name}`)]),
  ) as Record<IpTrackingEventName, Channel>;
  private emitter: EventEmitterLike | null = null;

  /** Calls `listener` at each event of a name, until what is given back is called. What it throws is swallowed. */
  on<Name extends IpTrackingEventName>(
    name: Name,
    listener: (event: IpTrackingEventMap[Name]) => unknown,
  ): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Whether anybody would hear an event. @internal */
  isHeard(name: IpTrackingEventName): boolean {
    return (
      (this.listeners.get(name)?.size ?? 0) > 0 ||
      this.channels[name].hasSubscribers ||
      this.emitter !== null
    );
  }

  /** Tells an event, which is only made where somebody listens. @internal */
  tell<Name extends IpTrackingEventName>(name: Name, make: () => IpTrackingEventMap[Name]): void {
    if (!this.isHeard(name)) return;
    const event = make();
    for (const listener of this.listeners.get(name) ?? []) {
      safely(() => (listener as (told: IpTrackingEventMap[Name]) => unknown)(event));
    }
    // It catches what subscribers throw, and has the process end by it: that is theirs to decide.
    if (this.channels[name].hasSubscribers) this.channels[name].publish(event);
    const { emitter } = this;
    if (emitter !== null) safely(() => emitter.emit(`ip-tracking.${name}`, event));
  }

  /** Hands every event on to the app's own emitter; null for none. @internal */
  handOn(emitter: EventEmitterLike | null): void {
    this.emitter = emitter;
  }
}

function safely(call: () => unknown): void {
  try {
    leaveUnawaited(call());
  } catch {
    // The host's own code: whatever it does, what has happened has happened.
  }
}
