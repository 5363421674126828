const WIDTH = 30;
/** So often at most is it drawn, in milliseconds. */
const EVERY_MS = 100;

/** Where a {@link ProgressBar} is drawn. */
export interface ProgressScreen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows on a terminal how far the passes over a log are; elsewhere nothing. */
export class ProgressBar {
  private passes = 0;
  private drawnAtMs = -Infinity;
  private isDrawn = false;

  constructor(
    private readonly screen: ProgressScreen,
    /** What the passes do, one after the other. */
    private readonly doing: readonly string[],
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** So many bytes of so many have been read in this pass; at none a pass begins. */
  show(bytesRead: number, bytesTotal: number): void {
    if (this.screen.isTTY !== true) return;
    if (bytesRead === 0) this.passes += 1;
    const nowMs = this.now();
    if (nowMs - this.drawnAtMs < EVERY_MS && bytesRead !== 0) return;
    this.drawnAtMs = nowMs;
    this.isDrawn = true;
    const share = bytesTotal === 0 ? 1 : Math.min(1, bytesRead / bytesTotal);
    const full = Math.round(share * WIDTH);
    const bar = '#'.repeat(full) + '.'.repeat(WIDTH - full);
    const what = this.doing[this.passes - 1] ?? '';
    this.screen.write(
      `\r[${bar}] ${String(Math.floor(share * 100)).padStart(3)} % ${what}\u001b[K`,
    );
  }

  /** Takes it away. */
  clear(): void {
    if (this.isDrawn) this.screen.write('\r\u001b[K');
    this.isDrawn = false;
  }
}
