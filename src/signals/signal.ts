/**
 * Every signal with its bit. A bit means the same for ever: rows that were written years ago hold it. So this list is
 * only ever added to, at its end, and a name that is no longer used keeps its bit. Up to 30 the bits fit the integers
 * that `&` and `|` work on; the column they are kept in has room up to 62.
 */
export const SIGNALS = {
  /** Asked for what would give away a secret: keys, dumps, a repository, a configuration with passwords. */
  'probe:secrets': 0,
  /** Asked for a part of WordPress. */
  'probe:wordpress': 1,
  /** Asked for a console by which another product is administered or looked into. */
  'probe:consoles': 2,
  /** Asked for a path that is known for a hole in some product. */
  'probe:exploits': 3,
  /** Asked for the page of a mail, VPN or network appliance. */
  'probe:appliances': 4,
  /** Asked for a back door that others may have left. */
  'probe:shells': 5,
  /** Asked for a script of another stack, such as `.php`, where no route matched. */
  'probe:scripts': 6,
  /** Came with the user agent of a program that is only made to search for holes. */
  'probe:tools': 7,
  /** Tries to leave the folder it may read from, or names a file of the operating system. */
  'payload:traversal': 8,
  /** Tries to change a database's query. */
  'payload:sql': 9,
  /** Code for a template, an expression language or a binder of parameters to evaluate. */
  'payload:template': 10,
  /** A lookup that Log4j would follow (CVE-2021-44228). */
  'payload:jndi': 11,
  /** A command for a shell, or code for PHP. */
  'payload:shell': 12,
  /** A script for somebody else's browser. */
  'payload:xss': 13,
  /** A line break with a header behind it. */
  'payload:crlf': 14,
  /** Writes to the prototype that all objects of a JavaScript program share. */
  'payload:prototype': 15,
  /** Sends the server to an address that only it can reach, such as a cloud's metadata. */
  'payload:ssrf': 16,
  /** No route matched, or none but a catch-all, and the answer was 404. */
  unmatched: 17,
  /** Credentials were refused. */
  'auth-failure': 18,
  /** Credentials were accepted. */
  'auth-success': 19,
  /** Credentials were handed in. */
  login: 20,
  /** A style, script, image, font or the like was served. */
  asset: 21,
  /** A browser asked because a page had told it to, as `Sec-Fetch-*` says: its user may be innocent of it. */
  'page-fetch': 22,
  /** The referer is a page of this site. */
  'own-referer': 23,
  /** Wants this server to speak to another host on its behalf. */
  'open-proxy': 24,
  /** No HTTP, or none that any client has reason to send. */
  malformed: 25,
  /** What the probe asked for was answered with 2xx or 304, be it with a page that fits everything. */
  answered: 26,
  /** A probe for a secret was answered with 2xx or 304, and what went out was no page. */
  'secret-served': 27,
  /** Browsers, phones and crawlers ask this of every site by themselves: icons, `robots.txt`, `/.well-known/`. */
  routine: 28,
  /** May have been made by a page, as an image is, over plain HTTP, where browsers do not say so. */
  'image-like': 29,
} as const satisfies Record<string, number>;

/** The name of a signal: what one request shows by itself. */
export type SignalName = keyof typeof SIGNALS;

/** All names, in the order of their bits. */
export const SIGNAL_NAMES = Object.keys(SIGNALS) as readonly SignalName[];

/** Whether a text names a signal. */
export function isSignalName(text: unknown): text is SignalName {
  return typeof text === 'string' && Object.hasOwn(SIGNALS, text);
}

/**
 * The bits of some signals, to test rows and requests against.
 *
 * @throws {RangeError} for a name that is none; ask {@link isSignalName} about names that people wrote.
 */
export function bitsOf(names: Iterable<SignalName>): number {
  let bits = 0;
  for (const name of names) {
    if (!isSignalName(name)) throw new RangeError(`"${String(name)}" is no signal.`);
    bits |= 1 << SIGNALS[name];
  }
  return bits;
}

/** The signals of some bits, in the order of their bits. Bits that only a later version knows have no name here. */
export function namesOf(bits: number): SignalName[] {
  return SIGNAL_NAMES.filter((name) => (bits & (1 << SIGNALS[name])) !== 0);
}

function isEvidence(name: SignalName): boolean {
  return (
    /^(probe|payload):/.test(name) ||
    ['unmatched', 'auth-failure', 'open-proxy', 'malformed'].includes(name)
  );
}

/** Signals that speak against whoever sent the request: these keep its row, whatever is sampled. */
export const EVIDENCE = bitsOf(SIGNAL_NAMES.filter((name) => isEvidence(name)));

/** Signals that only say how the others are to be read. */
export const CONTEXT = bitsOf(SIGNAL_NAMES.filter((name) => !isEvidence(name)));

/** Every `probe:<group>`. */
export const PROBES = bitsOf(SIGNAL_NAMES.filter((name) => name.startsWith('probe:')));

/** Every `payload:<kind>`. */
export const PAYLOADS = bitsOf(SIGNAL_NAMES.filter((name) => name.startsWith('payload:')));
