import { IpTrackingError } from '../../../ip-tracking.errors.js';

/**
 * What is used of an ioredis `Redis` or `Cluster`. The types of ioredis are not named, since it is an optional peer:
 * an app without it must compile.
 */
export interface RedisClient {
  readonly isCluster: boolean;
  connect(): Promise<unknown>;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  callBuffer(command: string, args: (string | number)[]): Promise<unknown>;
  on(event: string, listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

/** A client as the host hands it over: it is never used itself, only its settings are. */
export interface RedisClientTemplate {
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...overrides: never[]): unknown;
}

const CONNECT_TIMEOUT_MS = 1_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 1_000;

/** What the server's clock was seen to be is believed for once to twice this time. */
const CLOCK_MEMORY_MS = 10_000;

/**
 * Nothing may wait for a connection or be sent again on the next one: a hit that was answered otherwise must not count
 * later. Reconnecting is done here, with a client of its own each time, since a client whose socket was swallowed waits
 * for minutes for an answer to its first command.
 */
const CLIENT_OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: null,
  reconnectOnError: null,
  stringNumbers: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: 100,
};

const CLUSTER_OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  clusterRetryStrategy: () => null,
};

type RedisConstructor = new (url: string, options: object) => RedisClient;

/** Makes a fresh client, not connected yet. */
export type RedisClientFactory = () => RedisClient;

/** Makes clients with the settings of another one, whatever it is (single, Sentinel, Cluster, TLS). */
export function clientsLike(template: RedisClientTemplate): RedisClientFactory {
  const duplicate = template.duplicate.bind(template) as (...overrides: object[]) => RedisClient;
  if (!template.isCluster) return () => duplicate(CLIENT_OPTIONS);
  const { redisOptions } = template.options as { redisOptions?: object };
  const { retryStrategy: _, ...nodeOptions } = CLIENT_OPTIONS;
  return () =>
    duplicate([], { ...CLUSTER_OPTIONS, redisOptions: { ...redisOptions, ...nodeOptions } });
}

/**
 * Makes clients for `redis://` and `rediss://` URLs. ioredis is loaded only here.
 *
 * @throws IpTrackingError (`IPT_MISSING_PACKAGE`) where ioredis is not installed.
 */
export function clientsFor(
  url: string,
  requireIoredis: () => { Redis: unknown } = () => require('ioredis') as typeof import('ioredis'),
): RedisClientFactory {
  try {
    const { Redis } = requireIoredis() as { Redis: RedisConstructor };
    return () => new Redis(url, CLIENT_OPTIONS);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new IpTrackingError(
      'IPT_MISSING_PACKAGE',
      'Rate limits in Redis need the package ioredis, which is not installed: npm i ioredis',
      { cause },
    );
  }
}

/** Keeps one client connected. Its methods never throw and never wait for the server longer than a second. */
export class RedisConnection {
  private ready: RedisClient | null = null;
  private offsetMs = 0;
  private earlierOffsetMs = 0;
  private offsetSince = 0;
  private retryTimer: NodeJS.Timeout | undefined;
  private retryDelayMs = FIRST_RETRY_MS;
  private isClosed = false;

  constructor(private readonly createClient: RedisClientFactory) {}

  /** The client if it is connected and past its ready check, else null. */
  get client(): RedisClient | null {
    return this.ready;
  }

  /**
   * The server's time less `performance.now()`, in milliseconds: the greatest seen lately, as the nodes of a cluster may
   * differ. It is not believed for ever: of a clock that was set back it would be too great from then on.
   */
  get serverOffsetMs(): number {
    return Math.max(this.offsetMs, this.earlierOffsetMs);
  }

  /** Notes what time the server had when it answered a command that was sent at `sentAt`. */
  noteServerTime(serverMs: number, sentAt: number): void {
    const offsetMs = serverMs - sentAt;
    if (sentAt - this.offsetSince < CLOCK_MEMORY_MS) {
      if (offsetMs > this.offsetMs) this.offsetMs = offsetMs;
      return;
    }
    this.earlierOffsetMs = this.offsetMs;
    this.offsetMs = offsetMs;
    this.offsetSince = sentAt;
  }

  /** Tries to connect once; if it fails, goes on trying in the background. */
  async open(): Promise<void> {
    const client = this.createClient();
    // Also keeps ioredis from printing errors that are told otherwise.
    client.on('error', () => {});
    client.on('end', () => this.replace(client));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('No connection in time')), CONNECT_TIMEOUT_MS);
    });
    try {
      const serverOffsetMs = await Promise.race([connect(client), timeout]);
      if (this.isClosed) {
        client.disconnect();
        return;
      }
      this.offsetMs = serverOffsetMs;
      this.earlierOffsetMs = serverOffsetMs;
      this.offsetSince = performance.now();
      this.ready = client;
      this.retryDelayMs = FIRST_RETRY_MS;
    } catch {
      client.disconnect();
      this.retry();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives a client up that is broken, and connects another one. Nothing happens if it was given up before. */
  replace(client: RedisClient): void {
    if (this.ready !== client) return;
    this.ready = null;
    client.disconnect();
    this.retry();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.retryTimer);
    this.ready?.disconnect();
    this.ready = null;
  }

  private retry(): void {
    if (this.isClosed) return;
    // All processes have lost the server at the same moment; they must not all come back at the same one.
    const delayMs = this.retryDelayMs * (0.5 + Math.random() / 2);
    this.retryDelayMs = Math.min(MAX_RETRY_MS, 2 * this.retryDelayMs);
    this.retryTimer = setTimeout(() => void this.open(), delayMs);
    this.retryTimer.unref();
  }
}

/** Connects, and returns the server's time less `performance.now()`. */
async function connect(client: RedisClient): Promise<number> {
  await client.connect();
  const askedAt = performance.now();
  const [seconds, microseconds] = (await client.call('time', [])) as [string, string];
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000 - askedAt;
}
