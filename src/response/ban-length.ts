import type { PastBan } from './client-facts.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long a first ban lasts, in milliseconds. */
export const FIRST_BAN_MS = 4 * HOUR_MS;

/** How long a first ban lasts where its detector says otherwise: a burst is over soon, and may be a broken client. */
export const FIRST_BAN_OF_DETECTOR_MS: Readonly<Record<string, number>> = { burst: HOUR_MS };

/** Nobody is banned for longer at once: addresses change hands. */
export const LONGEST_BAN_MS = 7 * DAY_MS;

/** Bans that began longer ago than this are forgotten. */
export const BAN_MEMORY_MS = 30 * DAY_MS;

/** By how much a ban is longer or shorter than the rule says, so that nobody can wait for the moment. */
export const BAN_JITTER = 0.2;

/**
 * How long to ban a client, in milliseconds: for the first length, doubled with each ban of the last 30 days, and up to
 * a fifth more or less by chance; never for longer than 7 days.
 *
 * @param history what is remembered; limits, and bans that somebody has pardoned since, do not count.
 * @param random gives a number from 0 to 1, 1 excluded, as `Math.random` does.
 */
export function banLengthMs(
  history: readonly PastBan[],
  firstLengthMs: number,
  nowMs: number,
  random: () => number,
): number {
  const doubled = Math.min(LONGEST_BAN_MS, firstLengthMs * 2 ** recentBans(history, nowMs));
  const jittered = doubled * (1 - BAN_JITTER + 2 * BAN_JITTER * random());
  return Math.min(LONGEST_BAN_MS, Math.round(jittered));
}

/** How many bans of the history began within the last 30 days. One that begins in the future is a clock gone wrong. */
export function recentBans(history: readonly PastBan[], nowMs: number): number {
  return history.filter(
    ({ action, startedAtMs }) =>
      action === 'ban' && startedAtMs <= nowMs && nowMs - startedAtMs < BAN_MEMORY_MS,
  ).length;
}
