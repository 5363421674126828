import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon, { type Options } from 'autocannon';

/** What one run of a server gave. */
export interface Run {
  requestsPerSecond: number;
  /** Processor time of the server's process, user and system, all threads. */
  cpuMicrosPerRequest: number;
  statuses: Record<string, number>;
}

/**
 * Leaves processor 0 to the app: this process, its load, and whatever it starts from now on have processor 1. To be
 * called before the database is opened.
 */
export function leaveProcessorToApp(): void {
  execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)], { stdio: 'ignore' });
}

/** With BENCH_CPU_PROF=folder each app leaves a profile there. */
const PROFILING = process.env['BENCH_CPU_PROF']
  ? ['--cpu-prof', `--cpu-prof-dir=${process.env['BENCH_CPU_PROF']}`]
  : [];

/** So many connections at once overflow the server's list of those that wait, and the system tries again ever later. */
const BURST_TIMEOUT_SECONDS = 60;

/** What runs in the first thousands of requests is not compiled yet, and more of it where there is more code. */
const WARM_UP_REQUESTS = 50_000;
const WARM_UP_MAX_SECONDS = 8;

/** One app in a process of its own, on processor 0; the load comes from processor 1. */
export class BenchServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** Takes the app's file, compiled, as it lies beside this one. */
  static async start(environment: Record<string, string>, app = './app.js'): Promise<BenchServer> {
    const script = fileURLToPath(new URL(app, import.meta.url));
    const child = spawn('taskset', ['-c', '0', process.execPath, ...PROFILING, script], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [message] = (await once(child, 'message')) as [{ port: number }];
    return new BenchServer(child, message.port);
  }

  /** Loads it for some seconds with 32 connections; each request comes from the address that `from` gives. */
  async load(seconds: number, from: (request: number) => string): Promise<Run> {
    const before = await this.usage();
    const result = await autocannon({
      ...this.requests(from),
      connections: 32,
      duration: seconds,
    });
    const after = await this.usage();
    const answered = result['1xx'] + result['2xx'] + result['3xx'] + result['4xx'] + result['5xx'];
    return {
      requestsPerSecond: answered / result.duration,
      cpuMicrosPerRequest: (after - before) / answered,
      statuses: Object.fromEntries(
        Object.entries(result.statusCodeStats ?? {}).map(([status, { count }]) => [
          status,
          count ?? 0,
        ]),
      ),
    };
  }

  /** Loads it for as long as it gets faster, before it is measured. */
  async warmUp(from: (request: number) => string): Promise<void> {
    for (let second = 0, sent = 0; second < WARM_UP_MAX_SECONDS; second += 1) {
      sent += (await this.load(1, from)).requestsPerSecond;
      if (sent >= WARM_UP_REQUESTS) return;
    }
  }

  /** Milliseconds to an answer at a steady rate over 32 connections, the wait for a late one included. */
  async latency(
    seconds: number,
    rate: number,
    from: (request: number) => string,
  ): Promise<{ p50: number; p99: number; max: number }> {
    const { latency } = await autocannon({
      ...this.requests(from),
      connections: 32,
      duration: seconds,
      overallRate: rate,
    });
    return { p50: latency.p50, p99: latency.p99, max: latency.max };
  }

  /** Sends so many requests as fast as so many connections can. */
  async send(count: number, connections: number, from: (request: number) => string): Promise<void> {
    const result = await autocannon({
      ...this.requests(from),
      connections,
      amount: count,
      timeout: BURST_TIMEOUT_SECONDS,
    });
    if (result['2xx'] !== count) throw new Error(`${result['2xx']} of ${count} were answered`);
  }

  /** What a `process.nextTick` takes in it, in nanoseconds. */
  async tick(): Promise<number> {
    this.child.send('tick');
    const [message] = (await once(this.child, 'message')) as [{ tick: number }];
    return message.tick;
  }

  /** The most memory that was ever resident, in bytes. */
  async peakMemory(): Promise<number> {
    this.child.send('memory');
    const [message] = (await once(this.child, 'message')) as [{ memory: number }];
    return message.memory;
  }

  async stop(): Promise<void> {
    this.child.send('stop');
    await once(this.child, 'exit');
  }

  private requests(from: (request: number) => string): Pick<Options, 'url' | 'requests'> {
    let sent = 0;
    return {
      url: `http://127.0.0.1:${this.port}/`,
      requests: [
        {
          setupRequest: (request) => ({
            ...request,
            headers: { ...request.headers, 'x-forwarded-for': from(sent++) },
          }),
        },
      ],
    };
  }

  private async usage(): Promise<number> {
    this.child.send('usage');
    const [message] = (await once(this.child, 'message')) as [{ usage: NodeJS.CpuUsage }];
    return message.usage.user + message.usage.system;
  }
}
