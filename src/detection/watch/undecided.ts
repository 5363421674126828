/** So many requests wait for a decision at once; beyond it the oldest are given up. */
const MAX_WAITING = 20_000;
/** Of one subject. More of them decide nothing, and must not push out those of others. */
const MAX_OF_ONE = 64;
/** So many of one attempted user are enough. */
const MAX_OF_USER = 3;

/** A request that counts unless something takes it back. */
export interface Undecided<T> {
  readonly atUs: number;
  readonly dueUs: number;
  readonly subject: string;
  /** Whom credentials were for; null where nobody knows. */
  readonly user: string | null;
  readonly what: T;
  isTakenBack: boolean;
}

/** Requests that wait for their time to be over. There is no timer: whoever comes by asks what is due. */
export class UndecidedRequests<T> {
  private waiting: Undecided<T>[] = [];
  private first = 0;
  private readonly bySubject = new Map<string, Undecided<T>[]>();
  /** When each subject was last seen to do what takes back; as many as wait, and no more. */
  private readonly lastTakenBack = new Map<string, number>();
  /** Requests that were given up undecided. */
  dropped = 0;

  constructor(
    private readonly withinUs: number,
    private readonly of: 'user' | 'subject',
    /** A number from 0 to 1, 1 excluded. */
    private readonly draw: () => number,
  ) {}

  get size(): number {
    return this.waiting.length - this.first;
  }

  /** Takes a request that counts unless it is taken back. */
  add(subject: string, user: string | null, atUs: number, what: T): void {
    const before = this.of === 'subject' ? this.lastTakenBack.get(subject) : undefined;
    if (before !== undefined && before >= atUs - this.withinUs) return;
    const entry = { atUs, dueUs: atUs + this.withinUs, subject, user, what, isTakenBack: false };
    const siblings = this.bySubject.get(subject);
    if (siblings === undefined) this.bySubject.set(subject, [entry]);
    else if (!this.joins(siblings, entry)) return;
    if (this.size >= MAX_WAITING) this.makeRoom();
    this.waiting.push(entry);
  }

  /** Something happened that takes requests back: those of the subject, or of its user alone. */
  takeBack(subject: string, user: string | null, atUs: number): void {
    const siblings = this.bySubject.get(subject);
    if (this.of === 'subject') {
      if (this.lastTakenBack.size >= MAX_WAITING) this.lastTakenBack.clear();
      this.lastTakenBack.set(subject, atUs);
    } else if (user === null) return;
    for (const entry of siblings ?? []) {
      const isTheirs = this.of === 'subject' || (entry.user === user && entry.atUs < atUs);
      if (isTheirs && entry.dueUs >= atUs) entry.isTakenBack = true;
    }
    if (siblings !== undefined) this.keep(subject, siblings);
  }

  /** Hands over what nothing has taken back in its time, in the order in which it came. */
  decide(nowUs: number, count: (entry: Undecided<T>) => void): void {
    while (this.first < this.waiting.length && this.waiting[this.first]!.dueUs < nowUs) {
      const entry = this.shift()!;
      if (entry.isTakenBack) continue;
      this.leave(entry);
      count(entry);
    }
  }

  /** Forgets a subject. */
  forget(subject: string): void {
    for (const entry of this.bySubject.get(subject) ?? []) entry.isTakenBack = true;
    this.bySubject.delete(subject);
    this.lastTakenBack.delete(subject);
  }

  /** Whether there is room for one more of a subject; where it has too many, another of its own makes place by chance. */
  private joins(siblings: Undecided<T>[], entry: Undecided<T>): boolean {
    if (siblings.length < MAX_OF_ONE) {
      siblings.push(entry);
      return true;
    }
    const ofUser = siblings.filter(({ user }) => user === entry.user).length;
    if (entry.user !== null && ofUser >= MAX_OF_USER) return false;
    const at = Math.floor(this.draw() * siblings.length);
    siblings[at]!.isTakenBack = true;
    siblings[at] = entry;
    return true;
  }

  /** What was taken back goes first. A tenth at least, so that not every request has to look for room. */
  private makeRoom(): void {
    this.waiting = this.waiting.slice(this.first).filter(({ isTakenBack }) => !isTakenBack);
    this.first = 0;
    while (this.size > 0.9 * MAX_WAITING) {
      this.dropped += 1;
      this.leave(this.shift()!);
    }
  }

  private shift(): Undecided<T> | undefined {
    const entry = this.waiting[this.first];
    if (entry === undefined) return undefined;
    this.first += 1;
    if (this.first > 1_024 && this.first * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.first);
      this.first = 0;
    }
    return entry;
  }

  private leave(entry: Undecided<T>): void {
    const siblings = this.bySubject.get(entry.subject);
    if (siblings === undefined) return;
    const at = siblings.indexOf(entry);
    if (at >= 0) siblings.splice(at, 1);
    this.keep(entry.subject, siblings);
  }

  private keep(subject: string, siblings: Undecided<T>[]): void {
    const left = siblings.filter(({ isTakenBack }) => !isTakenBack);
    if (left.length === 0) this.bySubject.delete(subject);
    else this.bySubject.set(subject, left);
  }
}
