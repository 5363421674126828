const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
/** More agents of one client than this make no difference. */
const AGENTS = 6;
/** Clients whose keys fall together: the one that was heard of longest ago makes room. */
const WAYS = 8;
const SETS = 1 << 13;
/** Words of a client: its key in two, the minute at which it was heard of last, and three for each agent. */
const WORDS = 3 + 3 * AGENTS;
const [KEY_LOW, KEY_HIGH, HEARD, FIRST_AGENT] = [0, 1, 2, 3] as const;
const [NAME, PAGE, ASSET] = [0, 1, 2] as const;

/**
 * Tells how many different user agents load pages, with what belongs to them, from one client within an hour: a crowd
 * behind one address. It remembers some 65,000 clients in 5.5 MB, however many there are; who is forgotten is no crowd.
 */
export class PageCrowds {
  private readonly words = new Int32Array(SETS * WAYS * WORDS);

  /**
   * An agent was served a page, or a style, script or image.
   *
   * @param low hashed bits of the client, and `high` as many; `agent` hashed bits of its user agent.
   * @param atMs epoch milliseconds.
   */
  note(
    { low, high, agent }: { low: number; high: number; agent: number },
    isAsset: boolean,
    atMs: number,
  ): void {
    const minute = Math.floor(atMs / MINUTE_MS);
    const at = this.placeOf(low, high, minute);
    const { words } = this;
    words[at + HEARD] = minute;
    // 0 stands for nobody.
    const name = agent | 1;
    let place = -1;
    for (let i = 0; i < AGENTS; i++) {
      const candidate = at + FIRST_AGENT + 3 * i;
      if (words[candidate + NAME] === name) {
        place = candidate;
        break;
      }
      if (place < 0 || this.lastOf(candidate) < this.lastOf(place)) place = candidate;
    }
    if (words[place + NAME] !== name) {
      words[place + NAME] = name;
      words[place + PAGE] = 0;
      words[place + ASSET] = 0;
    }
    words[place + (isAsset ? ASSET : PAGE)] = minute;
  }

  /** How many agents of a client have loaded both within the hour before a moment, in epoch milliseconds. */
  of(low: number, high: number, nowMs: number): number {
    const at = this.find(low, high);
    if (at < 0) return 0;
    const since = Math.floor(nowMs / MINUTE_MS) - HOUR_MINUTES;
    let count = 0;
    for (let i = 0; i < AGENTS; i++) {
      const agent = at + FIRST_AGENT + 3 * i;
      if (Math.min(this.words[agent + PAGE]!, this.words[agent + ASSET]!) > since) count += 1;
    }
    return count;
  }

  private lastOf(agent: number): number {
    return Math.max(this.words[agent + PAGE]!, this.words[agent + ASSET]!);
  }

  private find(low: number, high: number): number {
    const set = (low & (SETS - 1)) * WAYS;
    for (let way = 0; way < WAYS; way++) {
      const at = (set + way) * WORDS;
      if (this.words[at + KEY_LOW] === (low | 0) && this.words[at + KEY_HIGH] === (high | 0))
        return at;
    }
    return -1;
  }

  private placeOf(low: number, high: number, minute: number): number {
    const known = this.find(low, high);
    if (known >= 0) return known;
    const set = (low & (SETS - 1)) * WAYS;
    let oldest = set * WORDS;
    for (let way = 1; way < WAYS; way++) {
      const at = (set + way) * WORDS;
      if (this.words[at + HEARD]! < this.words[oldest + HEARD]!) oldest = at;
    }
    this.words.fill(0, oldest, oldest + WORDS);
    this.words[oldest + KEY_LOW] = low;
    this.words[oldest + KEY_HIGH] = high;
    this.words[oldest + HEARD] = minute;
    return oldest;
  }
}
