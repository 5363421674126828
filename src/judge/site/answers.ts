/** An answer that many different paths have got is the app's word for "nothing here", whatever its status says. */
const FALLBACK_PATHS = 10;
/** So few are enough where the front page is answered alike: an app of one page gives that page to everybody. */
const FALLBACK_PATHS_OF_ROOT = 3;
/** Sizes of answers that are told apart; of those that come later nothing is learnt. */
const MAX_SIZES = 50_000;

/** Which paths were answered with the same number of bytes. */
export class AnswerSizes {
  private readonly paths = new Map<string, Set<string>>();
  private readonly ofRoot = new Set<string>();

  /** Notes an answer by its kind, such as its status, and its size. */
  note(kind: string, bytes: number, path: string): void {
    const key = keyOf(kind, bytes);
    if (path === '/') this.ofRoot.add(key);
    const paths = this.paths.get(key);
    if (paths === undefined) {
      if (this.paths.size < MAX_SIZES) this.paths.set(key, new Set([path]));
    } else if (paths.size < FALLBACK_PATHS) paths.add(path);
  }

  /** Whether an answer is what is given for anything. */
  isFallback(kind: string, bytes: number): boolean {
    const key = keyOf(kind, bytes);
    const paths = this.paths.get(key);
    // Nothing is known of it.
    if (paths === undefined) return true;
    return paths.size >= (this.ofRoot.has(key) ? FALLBACK_PATHS_OF_ROOT : FALLBACK_PATHS);
  }
}

function keyOf(kind: string, bytes: number): string {
  return `${kind} ${bytes}`;
}
