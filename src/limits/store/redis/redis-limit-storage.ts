import { IpTrackingError } from '../../../ip-tracking.errors.js';
import { AdmissionNames, NAME_LENGTH } from './admission-names.js';
import { toWindowRule, UNLIMITED } from '../limit-storage.js';
import type { LimitResult, LimitRule, LimitStorage } from '../limit-storage.js';
import { clientsFor, clientsLike, RedisConnection } from './redis-connection.js';
import { REPLY, RedisLimitRunner } from './redis-limit-runner.js';
import { completed } from './redis-limit-storage.options.js';
import type {
  RedisLimitStorageOptions,
  RedisLimitStorageStats,
} from './redis-limit-storage.options.js';
import { RefusalCache } from './refusal-cache.js';
import type { WindowRule } from '../sliding-window.js';

/**
 * Connects a {@link RedisLimitStorage}. A server that is down is no error: the storage goes on trying, and throws
 * `LimitStoreUnavailableError` meanwhile. Waits a second at most for the first connection.
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
  const factory = client === undefined ? clientsFor(url as string) : clientsLike(client);
  const connection = new RedisConnection(factory);
  const storage = new RedisLimitStorage(connection, options);
  await connection.open();
  return storage;
}

/**
 * Keeps limits in Redis (5 or newer) or Valkey, single, behind Sentinel or as a Cluster: all processes share each limit
 * exactly. A hit is one atomic script and one round trip.
 *
 * A hit that is not answered within `commandTimeoutMs`, or cannot be sent at once, throws `LimitStoreUnavailableError`,
 * and does not count if it reaches the server later.
 */
export class RedisLimitStorage implements LimitStorage {
  private readonly runner: RedisLimitRunner;
  private readonly refusals: RefusalCache;
  private readonly names = new AdmissionNames();
  private localRefusals = 0;

  /** Use {@link createRedisLimitStorage}, which also connects. @internal */
  constructor(
    private readonly connection: RedisConnection,
    options: RedisLimitStorageOptions,
  ) {
    const settings = completed(options);
    this.runner = new RedisLimitRunner(connection, settings);
    this.refusals = new RefusalCache(settings.refusalCacheMs);
  }

  hit(key: string, limitRule: LimitRule): Promise<LimitResult> {
    return this.judged(limitRule, (rule) => {
      const refusal = this.refusals.find(key, rule, performance.now());
      if (refusal !== null) {
        this.localRefusals++;
        return Promise.resolve(refusal);
      }
      const id = this.names.next();
      return this.runner.run({ operation: 'hit', key, rule, id }, (reply) => {
        const result = toResult(rule, reply, id);
        if (!result.admitted) this.refusals.remember(key, rule, result, performance.now());
        return result;
      });
    });
  }

  peek(key: string, limitRule: LimitRule): Promise<LimitResult> {
    return this.judged(limitRule, (rule) =>
      this.runner.run({ operation: 'peek', key, rule }, (reply) => toResult(rule, reply, null)),
    );
  }

  async release(key: string, slot: string): Promise<boolean> {
    if (slot.length !== NAME_LENGTH) return false;
    const code = await this.runner.run({ operation: 'release', key, id: slot }, codeOf);
    this.refusals.forget(key);
    return code === 1;
  }

  async reset(key: string): Promise<boolean> {
    const code = await this.runner.run({ operation: 'reset', key }, codeOf);
    this.refusals.forget(key);
    return code === 1;
  }

  async probe(key: string): Promise<void> {
    await this.runner.run({ operation: 'probe', key }, codeOf);
  }

  /** Says whether the server is connected, and counts answers and failures. */
  stats(): RedisLimitStorageStats {
    return {
      isConnected: this.connection.client !== null,
      localRefusals: this.localRefusals,
      ...this.runner.stats(),
    };
  }

  async close(): Promise<void> {
    this.runner.close();
    this.connection.close();
    this.refusals.clear();
  }

  /** Not async, as each promise on the way makes a hit slower; a mistake in the rule is still told by the promise. */
  private judged(
    limitRule: LimitRule,
    ask: (rule: WindowRule) => Promise<LimitResult>,
  ): Promise<LimitResult> {
    let rule: WindowRule;
    try {
      rule = toWindowRule(limitRule);
    } catch (error) {
      return Promise.reject(error);
    }
    return rule.limit === Infinity ? Promise.resolve(UNLIMITED) : ask(rule);
  }
}

function codeOf(reply: Buffer): number {
  return reply.readDoubleLE(REPLY.code);
}

function toResult(rule: WindowRule, reply: Buffer, id: string | null): LimitResult {
  const admitted = codeOf(reply) === 1;
  return {
    admitted,
    limit: rule.limit,
    remaining: reply.readDoubleLE(REPLY.remaining),
    retryAfterMs: reply.readDoubleLE(REPLY.retryAfterUs) / 1_000,
    resetAfterMs: reply.readDoubleLE(REPLY.resetAfterUs) / 1_000,
    slot: admitted ? id : null,
  };
}
