import type { IpAddress } from '../../net/ip-address.js';
import type { RequestOutcome } from '../../signals/request-facts.js';

/** A request that has ended, as the watch sees it. */
export interface WatchEvent {
  /** When it ended, in microseconds of the epoch: a whole number. */
  readonly endedAtUs: number;
  /** Its client as it is stored, so that the scan finds the same; null for a peer without an address. */
  readonly client: IpAddress | null;
  /** The client's address itself, for whoever answers a finding; it is handed on and not kept. */
  readonly address: IpAddress | null;
  readonly userId: string | null;
  readonly attemptedUser: string | null;
  /** The pattern of the route. */
  readonly route: string | null;
  /** Without its query string. */
  readonly path: string;
  readonly method: string;
  readonly userAgent: string | null;
  readonly outcome: RequestOutcome;
  readonly status: number;
  readonly sensitive: boolean;
  readonly signals: number | null;
}
