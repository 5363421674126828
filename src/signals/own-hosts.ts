import { hostName } from './host-name.js';
import { ownCopy } from './own-copy.js';
import { pathStart } from './target-form.js';

/** How many hosts are kept as they are compared, each of at most as many characters. */
const MAX_KEPT = 512;
const MAX_LENGTH = 128;

/** Tells the app's own hosts from others. */
export class OwnHosts {
  /** Hosts as they were written, and as they are compared: the same few come again and again. */
  private readonly names = new Map<string, string>();

  constructor(private readonly isOwnHost: ((host: string) => boolean) | null) {}

  /**
   * Whether a target in absolute form names another host. Where the app has not said which hosts are its own, the `Host`
   * header says which one the client took it for; without either, nobody can tell, and it does not.
   *
   * @param authority where the target's authority begins, and `path` where it ends.
   */
  isForeign(target: string, authority: number, path: number, host: string | null): boolean {
    const named = this.nameOf(target.slice(authority, path));
    if (this.isOwnHost !== null) return !this.isOwnHost(named);
    return host !== null && host !== '' && named !== this.nameOf(host);
  }

  /** Whether a referer is a page of this site. */
  isOwnReferer(referer: string, authority: number, host: string | null): boolean {
    if (host !== null && host !== '' && referer.startsWith(host, authority)) {
      const next = authority + host.length;
      // Most referers are the site's own, and written as the Host header is.
      if (next === referer.length || '/?#'.includes(referer[next]!)) return true;
    }
    const named = this.nameOf(referer.slice(authority, pathStart(referer, authority)));
    if (host !== null && named === this.nameOf(host)) return true;
    return this.isOwnHost !== null && this.isOwnHost(named);
  }

  private nameOf(authority: string): string {
    const kept = this.names.get(authority);
    if (kept !== undefined) return kept;
    const name = ownCopy(hostName(authority));
    if (authority.length <= MAX_LENGTH) {
      if (this.names.size === MAX_KEPT) this.names.clear();
      this.names.set(ownCopy(authority), name);
    }
    return name;
  }
}
