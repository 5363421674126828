/** A host is the site's own where so many clients loaded styles and scripts for its pages. */
const LEAST_CLIENTS = 3;
/** And where it has this part of what was loaded so: others show pictures of a site, but seldom use its styles. */
const LEAST_SHARE = 0.02;
const MAX_HOSTS = 5_000;

interface SeenHost {
  count: number;
  readonly clients: Set<string>;
}

/** Learns by what names a site is called, from the pages for which its styles and scripts were loaded. */
export class OwnNames {
  private readonly hosts = new Map<string, SeenHost>();
  private total = 0;

  /** A part of a page of this host was served to a client; the host is in lower case. */
  note(host: string, client: string): void {
    this.total += 1;
    let seen = this.hosts.get(host);
    if (seen === undefined) {
      if (this.hosts.size >= MAX_HOSTS) return;
      seen = { count: 0, clients: new Set() };
      this.hosts.set(host, seen);
    }
    seen.count += 1;
    if (seen.clients.size < LEAST_CLIENTS) seen.clients.add(client);
  }

  /** The site's own hosts. */
  learnt(): ReadonlySet<string> {
    return new Set(
      [...this.hosts]
        .filter(
          ([, { count, clients }]) =>
            clients.size >= LEAST_CLIENTS && count >= this.total * LEAST_SHARE,
        )
        .map(([host]) => host),
    );
  }
}
