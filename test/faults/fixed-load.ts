import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { askedBy, pathBy, type Asked } from './asked.js';

/** How often it is looked whether requests are due, in milliseconds. */
const STEP_MS = 10;

/** What a client has seen of a request. */
export interface Answer {
  readonly asked: Asked;
  readonly status: number;
  /** When it was sent, and when it was answered in full, in milliseconds of the wall clock. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** Requests, each with an id in its path, and what became of them. */
abstract class Load {
  /** What was answered in full, whatever its status, by its id. */
  readonly answers = new Map<string, Answer>();
  /** Requests that were not answered, or not with what they had asked for. */
  failed = 0;
  readonly latenciesMs: number[] = [];
  protected isStopped = false;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 200 });
  private readonly inFlight = new Set<Promise<void>>();
  private running: Promise<void> | null = null;
  private sent = 0;

  constructor(
    /** Where to, at the moment; null for nowhere. */
    protected readonly target: () => string | null,
    /** What tells its ids from another load's. */
    private readonly prefix: string,
    private readonly pathOf: (id: string) => string = pathBy,
  ) {}

  protected abstract send(): Promise<void>;

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
    return [...this.answers.keys()];
  }

  /** Resolves when everything that was sent so far is answered. */
  async answered(): Promise<void> {
    await Promise.all(this.inFlight);
  }

  protected get(url: string): Promise<void> {
    const id = `${this.prefix}-${this.sent}`;
    this.sent += 1;
    const done = this.ask(url, id).finally(() => this.inFlight.delete(done));
    this.inFlight.add(done);
    return done;
  }

  private ask(url: string, id: string): Promise<void> {
    const asked = askedBy(id, this.pathOf);
    const startedAt = performance.now();
    const sentAt = Date.now();
    return new Promise((resolve) => {
      const fail = (): void => {
        this.failed += 1;
        resolve();
      };
      const { method, headers, path } = asked;
      const outgoing = request(
        `${url}${path}`,
        { agent: this.agent, method, headers },
        (response) => {
          response.on('error', fail);
          response.on('data', () => undefined);
          response.on('end', () => {
            const status = response.statusCode!;
            this.answers.set(id, { asked, status, sentAt, answeredAt: Date.now() });
            this.latenciesMs.push(performance.now() - startedAt);
            if (status !== asked.status) return fail();
            resolve();
          });
        },
      );
      outgoing.on('error', fail);
      outgoing.end();
    });
  }
}

/** Requests at a fixed rate, whatever becomes of those before: a server that stalls is not spared. */
export class FixedLoad extends Load {
  constructor(
    target: () => string | null,
    private readonly perSecond: number,
    prefix = 'r',
    pathOf?: (id: string) => string,
  ) {
    super(target, prefix, pathOf);
  }

  protected async send(): Promise<void> {
    const startedAt = performance.now();
    let due = 0;
    while (!this.isStopped) {
      const shouldBe = ((performance.now() - startedAt) / 1_000) * this.perSecond;
      for (; due < shouldBe; due += 1) {
        const url = this.target();
        if (url !== null) void this.get(url);
      }
      await sleep(STEP_MS);
    }
  }
}

/** So many clients, each of which sends its next request when the last is answered: as fast as the app is. */
export class ClientsLoad extends Load {
  constructor(
    target: () => string | null,
    private readonly clients: number,
    prefix = 'c',
  ) {
    super(target, prefix);
  }

  protected async send(): Promise<void> {
    await Promise.all(Array.from({ length: this.clients }, () => this.client()));
  }

  private async client(): Promise<void> {
    while (!this.isStopped) {
      const url = this.target();
      if (url === null) await sleep(STEP_MS);
      else await this.get(url);
    }
  }
}

export type { Load };
