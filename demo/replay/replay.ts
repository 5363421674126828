import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { findCheckout } from '../checkout.js';
import { parseCombinedLine } from './combined-log.js';
import { DemoError, describeDemoError } from '../demo-error.js';
import { runningDemo } from '../demo-state.js';
import { openLogLines } from './log-lines.js';
import { showProgress } from './progress-bar.js';
import { ReplayClient } from './replay-client.js';
import { ReplaySummary } from './replay-summary.js';

const USAGE = `Sends an access log in the combined format (plain or gzipped) through the running demo, each line from its own
client address.

  npm run replay -- <file> [--url http://127.0.0.1:3000] [--concurrency 32]

  <file>  the log, or "-" to read it from standard input`;

/** So many in a row without an answer mean that the demo has gone. */
const ERRORS_IN_A_ROW = 100;

/** The command: prints, and answers with the exit code (2 for a call that makes no sense). */
export async function replayMain(args: readonly string[]): Promise<number> {
  try {
    const wanted = readArguments(args);
    if (wanted === null) {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    const started = performance.now();
    const summary = await replay(wanted);
    process.stdout.write(`${summary.describe(performance.now() - started)}\n`);
    return summary.hasErrors ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${describeDemoError(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

interface ReplayArguments {
  readonly file: string;
  readonly baseUrl: URL;
  readonly concurrency: number;
}

class UsageError extends DemoError {}

function readArguments(args: readonly string[]): ReplayArguments | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) {
    throw new UsageError(`Name one log file.\n\n${USAGE}`);
  }
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1_000) {
    throw new UsageError(
      `--concurrency is "${values.concurrency}": give a whole number from 1 to 1000.`,
    );
  }
  const url = values.url ?? defaultUrl();
  if (!URL.canParse(url) || new URL(url).protocol !== 'http:') {
    throw new UsageError(`--url is "${url}": give the demo's, as in http://127.0.0.1:3000.`);
  }
  return { file, baseUrl: new URL(url), concurrency };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        concurrency: { type: 'string', default: '32' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function defaultUrl(): string {
  const demo = runningDemo(findCheckout(__dirname));
  return demo?.baseUrl ?? `http://127.0.0.1:${process.env['PORT'] || 3000}`;
}

async function replay({ file, baseUrl, concurrency }: ReplayArguments): Promise<ReplaySummary> {
  const lines = await openLogLines(file);
  await tryDemo(baseUrl);

  const summary = new ReplaySummary();
  const client = new ReplayClient(baseUrl, concurrency);
  const progress = showProgress(process.stderr);
  const iterator = lines[Symbol.asyncIterator]();
  const run = { errorsInARow: 0, isOver: false };

  const work = async () => {
    for (
      let next = await iterator.next();
      !next.done && !run.isOver;
      next = await iterator.next()
    ) {
      const lineNumber = ++summary.lines;
      progress.update(lines.progress(), lineNumber);
      const logged = parseCombinedLine(next.value);
      if (logged === null) {
        summary.addUnparsable(lineNumber);
        continue;
      }
      const outcome = await client.send(logged);
      if ('status' in outcome) {
        run.errorsInARow = 0;
        summary.addStatus(outcome.status);
        continue;
      }
      summary.addError(outcome.error);
      if (++run.errorsInARow >= ERRORS_IN_A_ROW) {
        throw new DemoError(
          `${baseUrl.origin} no longer answers (${outcome.error}): the replay ended at line ${lineNumber}.`,
        );
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
    progress.end(true);
  } catch (error) {
    run.isOver = true;
    progress.end(false);
    throw error;
  } finally {
    client.close();
  }
  return summary;
}

/** By a connection alone: a request would be one more in the demo's log. */
function tryDemo({ hostname, port, origin }: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
    const fail = (reason: string) => {
      socket.destroy();
      reject(
        new DemoError(
          `No demo answers at ${origin} (${reason}): run "npm start" in another shell, or give its --url.`,
        ),
      );
    };
    socket.setTimeout(5_000, () => fail('no answer within 5 s'));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
