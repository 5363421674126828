import type { OwnEntry } from '../../signals/own-path.js';

/** So many are named; the others are counted. */
const MAX_NAMED = 10;

/** What the log says at boot of entries of the probe list that the app's own routes name; null where there are none. */
export function ownProbesInWords(entries: readonly OwnEntry[]): string | null {
  const excused = entries.filter(({ probe }) => probe.group !== 'secrets');
  if (excused.length === 0) return null;
  const named = excused
    .slice(0, MAX_NAMED)
    .map(({ probe, routePattern }) => `${probe.text} (${routePattern})`);
  const others = excused.length - named.length;
  return `routes of this app are named like what attackers look for, and are no probes here: ${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

/** The same of secrets, which have no excuse: whoever asks for one is found, be the route the app's own. */
export function ownSecretsInWords(entries: readonly OwnEntry[]): string | null {
  const secrets = entries.filter(({ probe }) => probe.group === 'secrets');
  if (secrets.length === 0) return null;
  const named = secrets.slice(0, MAX_NAMED).map(({ routePattern }) => routePattern);
  return `routes of this app are named like secrets, and whoever asks for one is flagged: ${[...new Set(named)].join(', ')}`;
}
