import { compileProbes, type ProbeList } from '../../signals/compile-probes.js';
import { parseIp } from '../../net/ip-address.js';

/** What a site answers by itself, as far as its log shows. */
export interface SiteFacts {
  /** Paths that are the site's own. */
  readonly routes: ReadonlySet<string>;
  /** The hosts by which it is called; empty where the log does not tell. */
  readonly hosts: ReadonlySet<string>;
  /** It is a WordPress: what it answers of it is its own. */
  readonly isWordPress: boolean;
  /** It runs scripts such as `.php` itself. */
  readonly hasScripts: boolean;
}

/** A site as requests to it are read. */
export class Site {
  constructor(
    readonly facts: SiteFacts,
    readonly probes: ProbeList = compileProbes().probes,
  ) {}

  /** Of which nothing is known: nothing is its own. */
  static unknown(): Site {
    return new Site({ routes: new Set(), hosts: new Set(), isWordPress: false, hasScripts: false });
  }

  isRoute(path: string): boolean {
    return this.facts.routes.has(path);
  }

  /** Whether a host is the site's own; null where nothing can be said, since the log names none. */
  get isOwnHost(): ((host: string) => boolean) | null {
    const { hosts } = this.facts;
    if (hosts.size === 0) return null;
    return (named) => {
      const host = named.replace(/:\d+$/, '');
      const other = host.startsWith('www.') ? host.slice(4) : `www.${host}`;
      // Whoever names the server by its address may mean this one: the log does not say which it has.
      return hosts.has(host) || hosts.has(other) || parseIp(host.replace(/^\[|\]$/g, '')) !== null;
    };
  }
}
