import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often it is looked whether requests are due, in milliseconds. */
const STEP_MS = 10;

/**
 * Requests at a fixed rate, each with an id in its path, whatever becomes of those before: a server that stalls is
 * not spared.
 */
export class FixedLoad {
  /** When each request was answered in full, by its id, in milliseconds of the wall clock. */
  readonly answeredAt = new Map<string, number>();
  /** Requests that were not answered with 200. */
  failed = 0;
  readonly latenciesMs: number[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 200 });
  private readonly inFlight = new Set<Promise<void>>();
  private running: Promise<void> | null = null;
  private isStopped = false;
  private sent = 0;

  constructor(
    /** Where to, at the moment; null for nowhere. */
    private readonly target: () => string | null,
    private readonly perSecond: number,
    /** What tells its ids from another load's. */
    private readonly prefix = 'r',
    private readonly pathOf: (id: string) => string = (id) => `/${id}`,
  ) {}

  start(): this {
    this.running = this.send();
    return this;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
    await Promise.all(this.inFlight);
    this.agent.destroy();
  }

  /** The ids of the requests that are answered, the first one first. */
  get ids(): string[] {
    return [...this.answeredAt.keys()];
  }

  /** Resolves when everything that was sent so far is answered. */
  async answered(): Promise<void> {
    await Promise.all(this.inFlight);
  }

  private async send(): Promise<void> {
    const startedAt = performance.now();
    let due = 0;
    while (!this.isStopped) {
      const shouldBe = ((performance.now() - startedAt) / 1_000) * this.perSecond;
      for (; due < shouldBe; due += 1) {
        const url = this.target();
        if (url === null) continue;
        const id = `${this.prefix}-${this.sent}`;
        this.sent += 1;
        const done = this.get(url, id).finally(() => this.inFlight.delete(done));
        this.inFlight.add(done);
      }
      await sleep(STEP_MS);
    }
  }

  private get(url: string, id: string): Promise<void> {
    const startedAt = performance.now();
    return new Promise((resolve) => {
      const fail = (): void => {
        this.failed += 1;
        resolve();
      };
      const outgoing = request(`${url}${this.pathOf(id)}`, { agent: this.agent }, (response) => {
        response.on('error', fail);
        response.on('data', () => undefined);
        response.on('end', () => {
          if (response.statusCode !== 200) return fail();
          this.answeredAt.set(id, Date.now());
          this.latenciesMs.push(performance.now() - startedAt);
          resolve();
        });
      });
      outgoing.on('error', fail);
      outgoing.end();
    });
  }
}
