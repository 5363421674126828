import { randomBytes } from 'node:crypto';

import { IpTrackingError } from '../ip-tracking.errors.js';
import { LimitStoreUnavailableError, toWindowRule, UNLIMITED } from './limit-storage.js';
import type { LimitResult, LimitRule, LimitStorage } from './limit-storage.js';
import { clientsFor, clientsLike, RedisConnection } from './redis-connection.js';
import type { RedisClient, RedisClientTemplate } from './redis-connection.js';
import { REDIS_LIMIT_SCRIPT, REDIS_LIMIT_SCRIPT_SHA1 } from './redis-limit-script.js';
import { RefusalCache } from './refusal-cache.js';
import type { WindowRule } from './sliding-window.js';

/** Where the shared limits are kept; either `client` or `url` is needed. */
export interface RedisLimitStorageOptions {
  /**
   * An ioredis `Redis` or `Cluster` whose settings are used. It is duplicated, never used itself: limits need a
   * connection without an offline queue, without retries and with short timeouts.
   */
  readonly client?: RedisClientTemplate;
  /** `redis://[user:password@]host:port/db`, or `rediss://` for TLS. */
  readonly url?: string;
  /**
   * Put before each key; the key itself is its hash tag: `ipt:{203.0.113.7}`.
   *
   * @default 'ipt:'
   */
  readonly keyPrefix?: string;
  /**
   * After how many milliseconds without an answer a hit is given up.
   *
   * @default 100
   */
  readonly commandTimeoutMs?: number;
  /**
   * For how many milliseconds a key that was refused is refused again without asking. For so long may a reset in
   * another process go unnoticed; 0 always asks.
   *
   * @default 1000
   */
  readonly refusalCacheMs?: number;
  /** The time that Redis should believe it is, in milliseconds. Only for tests: by default it is its own `TIME`. */
  readonly testNow?: () => number;
}

/** What a {@link RedisLimitStorage} has done. */
export interface RedisLimitStorageStats {
  readonly isConnected: boolean;
  /** Round trips that were answered. */
  readonly answers: number;
  /** Hits that were refused from memory, without a round trip. */
  readonly localRefusals: number;
  /** Commands that were given up after `commandTimeoutMs`. */
  readonly timeouts: number;
  /** Commands that failed for any other reason. */
  readonly errors: number;
}

interface ScriptCall {
  readonly operation: 'hit' | 'peek' | 'release' | 'reset';
  readonly key: string;
  readonly rule?: WindowRule;
  readonly id?: string;
}

type ScriptReply = [
  code: number,
  remaining: number,
  retryAfterUs: number,
  resetAfterUs: number,
  timeUs: number,
];

/** A socket that has not said a word for so long while an answer was due is not believed to be slow any more. */
const SILENCE_MS = 1_000;

/** What the script expects of the name of an admission. */
const ID_LENGTH = 12;

/** The reply to a command that arrived after its deadline. */
const LATE = -1;

/**
 * Connects a {@link RedisLimitStorage}. A server that is down is no error: the storage goes on trying, and throws
 * {@link LimitStoreUnavailableError} meanwhile. Waits a second at most for the first connection.
 *
 * @throws IpTrackingError (`IPT_MISSING_PACKAGE`) if `url` is given and ioredis is not installed,
 * (`IPT_INVALID_OPTION`) if neither `client` nor `url` is given, or a number makes no sense.
 */
export async function createRedisLimitStorage(
  options: RedisLimitStorageOptions,
): Promise<RedisLimitStorage> {
  const { client, url } = options;
  if (client === undefined && url === undefined) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      'Rate limits in Redis were given neither client nor url; write one of them.',
    );
  }
  const factory = client === undefined ? await clientsFor(url as string) : clientsLike(client);
  const connection = new RedisConnection(factory);
  const storage = new RedisLimitStorage(connection, options);
  await connection.open();
  return storage;
}

/**
 * Keeps limits in Redis (5 or newer) or Valkey, single, behind Sentinel or as a Cluster: all processes share each limit
 * exactly. A hit is one atomic script and one round trip.
 *
 * A hit that is not answered within `commandTimeoutMs`, or cannot be sent at once, throws
 * {@link LimitStoreUnavailableError}. Nothing is queued or sent again, and what reaches the server late does not count:
 * it is sent with a deadline in the server's own time, learned from its answers.
 */
export class RedisLimitStorage implements LimitStorage {
  private readonly keyPrefix: string;
  private readonly commandTimeoutMs: number;
  private readonly testNow: (() => number) | undefined;
  private readonly refusals: RefusalCache;
  private idPrefix = '';
  private idsLeft = 0;
  private answers = 0;
  private localRefusals = 0;
  private timeouts = 0;
  private errors = 0;
  private lastAnswerAt = Number.NEGATIVE_INFINITY;

  /** Use {@link createRedisLimitStorage}, which also connects. */
  constructor(
    private readonly connection: RedisConnection,
    options: RedisLimitStorageOptions,
  ) {
    this.keyPrefix = options.keyPrefix ?? 'ipt:';
    this.commandTimeoutMs = milliseconds('commandTimeoutMs', options.commandTimeoutMs ?? 100, 1);
    this.refusals = new RefusalCache(
      milliseconds('refusalCacheMs', options.refusalCacheMs ?? 1_000, 0),
    );
    this.testNow = options.testNow;
  }

  async hit(key: string, limitRule: LimitRule): Promise<LimitResult> {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    const refusal = this.refusals.find(key, rule, performance.now());
    if (refusal !== null) {
      this.localRefusals++;
      return refusal;
    }
    const id = this.nextId();
    const result = toResult(rule, await this.run({ operation: 'hit', key, rule, id }), id);
    if (!result.admitted) this.refusals.remember(key, rule, result, performance.now());
    return result;
  }

  async peek(key: string, limitRule: LimitRule): Promise<LimitResult> {
    const rule = toWindowRule(limitRule);
    if (rule.limit === Infinity) return UNLIMITED;
    return toResult(rule, await this.run({ operation: 'peek', key, rule }), null);
  }

  async release(key: string, slot: string): Promise<boolean> {
    if (slot.length !== ID_LENGTH) return false;
    const [code] = await this.run({ operation: 'release', key, id: slot });
    this.refusals.forget(key);
    return code === 1;
  }

  async reset(key: string): Promise<boolean> {
    const [code] = await this.run({ operation: 'reset', key });
    this.refusals.forget(key);
    return code === 1;
  }

  /** Says whether the server is connected, and counts answers and failures. */
  stats(): RedisLimitStorageStats {
    return {
      isConnected: this.connection.client !== null,
      answers: this.answers,
      localRefusals: this.localRefusals,
      timeouts: this.timeouts,
      errors: this.errors,
    };
  }

  async close(): Promise<void> {
    this.connection.close();
    this.refusals.clear();
  }

  /** Names an admission: 48 random bits that no other process has, and a number. */
  private nextId(): string {
    if (this.idsLeft === 0) {
      this.idPrefix = randomBytes(6).toString('base64url');
      this.idsLeft = 36 ** 4;
    }
    this.idsLeft--;
    return this.idPrefix + this.idsLeft.toString(36).padStart(4, '0');
  }

  private async run(call: ScriptCall): Promise<ScriptReply> {
    const reply = await this.send(call);
    if (reply[0] !== LATE) return reply;
    // It came back in time and yet was late by the server's clock, so that clock was set. Its time is known now.
    const second = await this.send(call);
    if (second[0] !== LATE) return second;
    this.errors++;
    throw new LimitStoreUnavailableError('The clock of Redis does not stand still.');
  }

  private async send(call: ScriptCall): Promise<ScriptReply> {
    const { client } = this.connection;
    if (client === null) {
      this.errors++;
      throw new LimitStoreUnavailableError('Redis is not connected.');
    }
    const sentAt = performance.now();
    const reply = await this.inTime(client, sentAt, this.evaluate(client, call, sentAt));
    this.connection.noteServerTime(reply[4] / 1_000, sentAt);
    return reply;
  }

  private async evaluate(
    client: RedisClient,
    { operation, key, rule, id = '' }: ScriptCall,
    sentAt: number,
  ): Promise<ScriptReply> {
    const args = [
      1,
      `${this.keyPrefix}{${key}}`,
      operation,
      microseconds(sentAt + this.connection.serverOffsetMs + this.commandTimeoutMs),
      rule?.limit ?? 0,
      microseconds(rule?.ttlMs ?? 0),
      rule?.cost ?? 0,
      microseconds(rule?.blockForMs ?? 0),
      id,
      this.testNow === undefined ? '' : microseconds(this.testNow()),
    ];
    try {
      return await this.call(client, 'evalsha', [REDIS_LIMIT_SCRIPT_SHA1, ...args]);
    } catch (error) {
      if (!startsWith(error, 'NOSCRIPT')) throw error;
      // A server that was restarted, or a replica that was promoted; from now on it knows the script.
      return this.call(client, 'eval', [REDIS_LIMIT_SCRIPT, ...args]);
    }
  }

  private async call(
    client: RedisClient,
    command: 'evalsha' | 'eval',
    args: (string | number)[],
  ): Promise<ScriptReply> {
    const reply = (await client.call(command, args)) as ScriptReply;
    // Also for an answer that nobody waits for any more: the server is alive.
    this.lastAnswerAt = performance.now();
    return reply;
  }

  private async inTime(
    client: RedisClient,
    sentAt: number,
    answer: Promise<ScriptReply>,
  ): Promise<ScriptReply> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<null>((resolve) => {
      // After a pause of this process timers run before sockets are read, so the answer may have come in time. It is
      // read before `setImmediate` runs.
      timer = setTimeout(() => setImmediate(resolve, null), this.commandTimeoutMs);
    });
    let reply: ScriptReply | null;
    try {
      reply = await Promise.race([answer, timeout]);
    } catch (cause) {
      this.errors++;
      // After a failover the old primary still answers, as a replica.
      if (startsWith(cause, 'READONLY')) this.connection.replace(client);
      throw new LimitStoreUnavailableError(`Redis failed: ${messageOf(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
    if (reply === null) {
      this.timeouts++;
      this.replaceIfSilent(client, sentAt);
      throw new LimitStoreUnavailableError(
        `Redis has not answered within ${this.commandTimeoutMs} ms.`,
      );
    }
    this.answers++;
    return reply;
  }

  private replaceIfSilent(client: RedisClient, sentAt: number): void {
    const check = () => {
      if (this.lastAnswerAt < sentAt) this.connection.replace(client);
    };
    setTimeout(check, Math.max(0, SILENCE_MS - this.commandTimeoutMs)).unref();
  }
}

function toResult(rule: WindowRule, reply: ScriptReply, id: string | null): LimitResult {
  const [code, remaining, retryAfterUs, resetAfterUs] = reply;
  return {
    admitted: code === 1,
    limit: rule.limit,
    remaining,
    retryAfterMs: retryAfterUs / 1_000,
    resetAfterMs: resetAfterUs / 1_000,
    slot: code === 1 ? id : null,
  };
}

function microseconds(valueMs: number): number {
  return Math.ceil(valueMs * 1_000);
}

function milliseconds(
  option: keyof RedisLimitStorageOptions,
  value: number,
  atLeast: number,
): number {
  if (Number.isFinite(value) && value >= atLeast) return value;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `Rate limits in Redis were given ${option}: ${String(value)}; write a number of milliseconds of at least ${atLeast}.`,
  );
}

function startsWith(error: unknown, word: string): boolean {
  return messageOf(error).startsWith(word);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
