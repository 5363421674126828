import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { IpTrackingOptions, RequestQueueStats } from '../../src/index.js';
import { compiledMain } from '../support/compiled.js';
import type { Adapter } from '../support/host-app.js';

export interface DrillAppOptions {
  databaseUrl: string;
  /** The folder that outlives the process. */
  stateDir: string | false;
  /** @default 'fastify' */
  adapter?: Adapter;
  /** How long each of its handlers holds up the event loop, in milliseconds. @default 0 */
  handlerMs?: number;
  /** Whether it closes at a signal. @default true */
  shutdownHooks?: boolean;
  /** Who else listens to SIGTERM: somebody who ends the process if they are alone, or who does nothing. @default nobody */
  listens?: 'politely' | 'deafly';
  requestLog?: Exclude<IpTrackingOptions['requestLog'], false | undefined>;
  /** What may follow from findings. @default nothing is detected */
  response?: 'flag' | 'limit' | 'ban';
  /** A variant that is broken on purpose. */
  mutant?:
    | 'no on conflict'
    | 'acknowledged before written'
    | 'an error swallowed'
    | 'no bisection'
    | 'one row in 10,000 dropped'
    | 'the 40th batch doubled'
    | 'the columns of another release taken for ours'
    | `${'status' | 'path' | 'user_id' | 'duration_us'} changed in the spool`;
}

/** Calls of the file system that fail in the app, and by which code. */
export interface BrokenFiles {
  on: readonly ('open' | 'write' | 'datasync' | 'everything')[];
  code: string;
}

interface Message {
  id?: number;
  stats?: RequestQueueStats;
  unhandled?: string;
  beatAt?: number;
  pauses?: number;
}

/** The app in a process of its own. */
export class DrillApp {
  /** What it has said. */
  log = '';
  /** What nobody has caught in it. */
  readonly unhandled: string[] = [];
  /** How often its spool was too slow for records to be stored at once, up to the last request. */
  pauses = 0;
  /** Resolves with how it has ended. */
  readonly exited: Promise<{ code: number | null; signal: string | null }>;

  private readonly answers = new Map<number, (stats: RequestQueueStats) => void>();
  private readonly beats: number[] = [];
  private asked = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly bootMs: number,
  ) {
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    child.on('message', (message: Message) => this.hear(message));
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (text: Buffer) => (this.log += text.toString()));
    }
  }

  static async start(options: DrillAppOptions): Promise<DrillApp> {
    const given: Partial<IpTrackingOptions> = {
      database: { url: options.databaseUrl, connectTimeoutMs: 2_000, statementTimeoutMs: 8_000 },
      stateDir: options.stateDir,
      requestLog: {
        ...options.requestLog,
        spool:
          options.requestLog?.spool === false
            ? false
            : { syncIntervalMs: 200, adoptAfterMs: 1_000, ...options.requestLog?.spool },
        // Many small batches: what goes wrong with one of them shows.
        tuning: { flushIntervalMs: 10, ...options.requestLog?.tuning },
      },
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
      rules: { startTimeoutMs: 200 },
      detection:
        options.response === undefined
          ? false
          : { cron: false, response: options.response, verifyCrawlers: false },
    };
    const child = fork(fileURLToPath(new URL('./app.mjs', pathToFileURL(__filename))), {
      env: {
        ...process.env,
        NODE_ENV: 'production',
        DRILL_APP: JSON.stringify({
          dist: await compiledMain(),
          options: given,
          mutant: options.mutant,
          adapter: options.adapter ?? 'fastify',
          handlerMs: options.handlerMs ?? 0,
          shutdownHooks: options.shutdownHooks ?? true,
          listens: options.listens,
        }),
      },
      execArgv: [],
      silent: true,
    });
    let said = '';
    child.stderr!.on('data', (text: Buffer) => (said += text.toString()));
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`the app did not start: ${said}`))),
    ])) as [{ port: number; bootMs: number }];
    return new DrillApp(child, message.port, message.bootMs);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The counters of its queue. */
  stats(): Promise<RequestQueueStats> {
    return this.ask({});
  }

  /** Lets calls of the file system fail, until it is told null. */
  async breakFiles(breakFiles: BrokenFiles | null): Promise<void> {
    await this.ask({ breakFiles });
  }

  /** How long the machine had let it wait in the second before a moment of the wall clock, in milliseconds. */
  delayBefore(epochMs: number): number {
    const beats = [...this.beats.filter((at) => at > epochMs - 1_000 && at < epochMs), epochMs];
    return Math.max(0, ...beats.slice(1).map((at, index) => at - beats[index]!));
  }

  /** Sends a signal; only SIGTERM and SIGKILL end it. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Has it call `process.exit()`. */
  exit(code: number): void {
    this.child.send({ exitWith: code });
  }

  /** Ends it by a signal, and tells how many milliseconds that took. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> {
    const startedAt = performance.now();
    this.signal(signal);
    await this.exited;
    return performance.now() - startedAt;
  }

  private ask(question: object): Promise<RequestQueueStats> {
    const id = this.asked;
    this.asked += 1;
    const answer = new Promise<RequestQueueStats>((resolve) => this.answers.set(id, resolve));
    this.child.send({ id, ...question });
    return Promise.race([
      answer,
      this.exited.then(() => Promise.reject(new Error(`the app has ended: ${this.log}`))),
    ]);
  }

  private hear({ id, stats, unhandled, beatAt, pauses }: Message): void {
    if (pauses !== undefined) this.pauses = pauses;
    if (unhandled !== undefined) this.unhandled.push(unhandled);
    if (beatAt !== undefined) this.beats.push(beatAt);
    if (id === undefined || stats === undefined) return;
    this.answers.get(id)?.(stats);
    this.answers.delete(id);
  }
}
