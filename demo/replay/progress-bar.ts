import type { WriteStream } from 'node:tty';

export interface Progress {
  /** `fraction` is `null` while nobody knows the whole. */
  update(fraction: number | null, lines: number): void;
  /** A run that was broken off stays where it is. */
  end(isComplete: boolean): void;
}

const WIDTH = 40;
const REDRAW_EVERY_MS = 100;
const LINES_BETWEEN_REPORTS = 10_000;

/** A bar that redraws itself on a terminal; elsewhere a line for every tenth. */
export function showProgress(out: WriteStream | NodeJS.WriteStream): Progress {
  return out.isTTY ? redrawnBar(out) : plainReports(out);
}

function redrawnBar(out: NodeJS.WritableStream): Progress {
  let drawnAt = 0;
  let last = '';
  const draw = (fraction: number | null, lines: number) => {
    const done = Math.floor((fraction ?? 0) * WIDTH);
    const bar = `[${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] `;
    const text = `${fraction === null ? '' : `${bar}${percent(fraction)}  `}${count(lines)}`;
    out.write(`\r${text.padEnd(last.length)}`);
    last = text;
  };
  let latest: Parameters<typeof draw> = [0, 0];
  return {
    update: (...now) => {
      latest = now;
      if (Date.now() - drawnAt < REDRAW_EVERY_MS) return;
      drawnAt = Date.now();
      draw(...now);
    },
    end: (isComplete) => {
      const [fraction, lines] = latest;
      draw(isComplete && fraction !== null ? 1 : fraction, lines);
      out.write('\n');
    },
  };
}

function plainReports(out: NodeJS.WritableStream): Progress {
  let reported = 0;
  let latest: [fraction: number | null, lines: number] = [0, 0];
  return {
    update: (fraction, lines) => {
      latest = [fraction, lines];
      // What was read is a little ahead of what was sent: the last tenth waits for the end.
      const step =
        fraction === null
          ? Math.floor(lines / LINES_BETWEEN_REPORTS)
          : Math.min(9, Math.floor(fraction * 10));
      if (step <= reported) return;
      reported = step;
      out.write(
        fraction === null ? `${count(lines)}\n` : `${percent(step / 10)}  ${count(lines)}\n`,
      );
    },
    end: (isComplete) => {
      const [fraction, lines] = latest;
      if (isComplete && fraction !== null) out.write(`${percent(1)}  ${count(lines)}\n`);
    },
  };
}

function percent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`.padStart(5);
}

function count(lines: number): string {
  return `${lines.toLocaleString('en-US')} lines`;
}
