import { token } from './provide.js';

/** A store that cannot be reached, or can be again. */
export interface Outage {
  /** What is concerned: the rules that processes follow, the log that takes records, the limits that processes share. */
  readonly of: 'rules' | 'request log' | 'limits';
  /** Whether it is over. */
  readonly isOver: boolean;
  /** Why it cannot be reached, for people; null where it is over. */
  readonly message: string | null;
}

/** Where whoever meets an outage says so, and whoever wants to know hears it. */
export class Outages {
  private listener: (outage: Outage) => void = () => undefined;

  /** Tells of an outage once, and once when it is over. Never throws. */
  readonly tell = (outage: Outage): void => this.listener(outage);

  /** Who hears it. */
  whenTold(listener: (outage: Outage) => void): void {
    this.listener = listener;
  }
}

export const OUTAGES = token<Outages>('outages');
