/**
 * The same text in memory of its own. What was cut from a longer text keeps all of that alive: a user agent a whole
 * piece of an access log, a host a whole target. Joined with something, a text is written anew before it can be cut again.
 */
export function ownCopy(text: string): string {
  return ` ${text}`.slice(1);
}
