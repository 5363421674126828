import type { Arrival } from './edge-policy.js';
import { isForCors, type HostCors } from './host-cors.js';

/** The host's CORS settings, where they have something to say of a request. */
export function corsOf({ raw, framework: { cors } }: Arrival): HostCors | null {
  return cors !== null && isForCors(raw) && cors.areSet ? cors : null;
}
