import { Resolver } from 'node:dns/promises';
import type { NameResolver } from './crawler-check.js';
import { reverseName } from './dns-name.js';

/** What DNS says where it knows that there is nothing: no such name, and a name without such a record. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

/** How {@link dnsResolver} asks. */
export interface DnsResolverOptions {
  /** How long the first try of one question may take, in milliseconds. @default 1500 */
  readonly timeoutMs?: number;
  /** How often a question is asked. @default 2 */
  readonly tries?: number;
  /** Name servers to ask, such as `127.0.0.1:5353`. @default those of the system */
  readonly servers?: readonly string[];
}

/**
 * Asks name servers, and only them: `reverse` of node's would look into this machine's hosts file as well, which proves
 * nothing.
 */
export function dnsResolver({
  timeoutMs = 1_500,
  tries = 2,
  servers,
}: DnsResolverOptions = {}): NameResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    reverse: (ip) => orNothing(resolver.resolvePtr(reverseName(ip))),
    forward: (name, family) =>
      orNothing(family === 4 ? resolver.resolve4(name) : resolver.resolve6(name)),
  };
}

async function orNothing(answer: Promise<string[]>): Promise<string[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
