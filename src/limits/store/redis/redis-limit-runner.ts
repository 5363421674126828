import { messageOf } from '../../../ip-tracking.errors.js';
import { NAME_LENGTH } from './admission-names.js';
import { EqualTimeouts } from './equal-timeouts.js';
import { LimitStoreUnavailableError } from '../limit-storage.js';
import type { RedisClient, RedisConnection } from './redis-connection.js';
import { REDIS_LIMIT_SCRIPT, REDIS_LIMIT_SCRIPT_SHA1 } from './redis-limit-script.js';
import type { RedisLimitSettings } from './redis-limit-storage.options.js';
import type { WindowRule } from '../sliding-window.js';

/** What is asked of {@link REDIS_LIMIT_SCRIPT}. */
export interface ScriptCall {
  readonly operation: 'hit' | 'peek' | 'release' | 'reset' | 'probe';
  readonly key: string;
  readonly rule?: WindowRule;
  readonly id?: string;
}

/** Where in its reply, which is one of doubles, which of them begins. */
export const REPLY = { code: 0, remaining: 8, retryAfterUs: 16, resetAfterUs: 24, timeUs: 32 };

/** How the calls of a {@link RedisLimitRunner} have ended. */
export interface RedisLimitRunnerStats {
  readonly answers: number;
  readonly timeouts: number;
  readonly errors: number;
}

/** One call on its way. */
interface Flight<T> {
  readonly call: ScriptCall;
  readonly finish: (reply: Buffer) => T;
  readonly resolve: (value: T) => void;
  readonly reject: (error: LimitStoreUnavailableError) => void;
  /** Whether the server has called it late before. */
  readonly isSecond: boolean;
}

/**
 * A connection that still owes an answer after so long is given up. That others have come since proves nothing: the
 * driver hands answers out in the order of its commands, so where bytes were lost each goes to the wrong one.
 */
const SILENCE_MS = 1_000;

/** The code of a reply to a command that arrived after its deadline. */
const LATE = -1;

/** What the script's reader says of a text that is too short to be a bucket. */
const NO_BUCKET = 'data string too short';

const NO_ID = '-'.repeat(NAME_LENGTH);

const NO_RULE: WindowRule = { limit: 0, ttlMs: 0, cost: 1, blockForMs: 0 };

/**
 * Runs the script. Nothing is queued or sent again, and what reaches the server late does not count: it is sent with a
 * deadline in the server's own time, learned from its answers.
 *
 * There is one promise between the driver's and the caller's, and no timer of its own to a call: each would cost as
 * much as a command within the script.
 */
export class RedisLimitRunner {
  private readonly timeouts: EqualTimeouts;
  private readonly ruleTexts = new RuleTexts();
  private answerCount = 0;
  private timeoutCount = 0;
  private errorCount = 0;

  constructor(
    private readonly connection: RedisConnection,
    private readonly settings: RedisLimitSettings,
  ) {
    this.timeouts = new EqualTimeouts(settings.commandTimeoutMs);
  }

  /**
   * Sends one call, and makes of its reply what `finish` does.
   *
   * @throws LimitStoreUnavailableError where the server gives no answer in time, or an error.
   */
  run<T>(call: ScriptCall, finish: (reply: Buffer) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.send({ call, finish, resolve, reject, isSecond: false });
    });
  }

  /** Counts how calls have ended. */
  stats(): RedisLimitRunnerStats {
    return { answers: this.answerCount, timeouts: this.timeoutCount, errors: this.errorCount };
  }

  /** Lets the process end although a call is on its way. */
  close(): void {
    this.timeouts.unref();
  }

  private send<T>(flight: Flight<T>): void {
    const { client } = this.connection;
    if (client === null) {
      this.errorCount++;
      flight.reject(new LimitStoreUnavailableError('Redis is not connected.'));
      return;
    }
    const sentAt = performance.now();
    let isOver = false;
    let isAnswered = false;
    const wait = this.timeouts.begin(sentAt, () => {
      isOver = true;
      this.timeoutCount++;
      this.replaceUnless(() => isAnswered, client);
      const { commandTimeoutMs } = this.settings;
      flight.reject(
        new LimitStoreUnavailableError(`Redis has not answered within ${commandTimeoutMs} ms.`),
      );
    });
    const args = this.argumentsOf(flight.call, sentAt);
    const answered = (reply: unknown) => {
      isAnswered = true;
      if (isOver) return;
      wait.end();
      this.answered(flight, reply as Buffer, sentAt);
    };
    const failed = (cause: unknown) => {
      isAnswered = true;
      if (isOver) return;
      wait.end();
      this.failed(flight, client, cause);
    };
    client.callBuffer('evalsha', args).then(answered, (error: unknown) => {
      if (!isReply(error, 'NOSCRIPT')) return failed(error);
      // A server that was restarted, or a replica that was promoted; from now on it knows the script.
      args[0] = REDIS_LIMIT_SCRIPT;
      client.callBuffer('eval', args).then(answered, failed);
    });
  }

  private answered<T>(flight: Flight<T>, reply: Buffer, sentAt: number): void {
    this.connection.noteServerTime(reply.readDoubleLE(REPLY.timeUs) / 1_000, sentAt);
    if (reply.readDoubleLE(REPLY.code) !== LATE) {
      this.answerCount++;
      flight.resolve(flight.finish(reply));
    } else if (flight.isSecond) {
      this.errorCount++;
      flight.reject(new LimitStoreUnavailableError('The clock of Redis does not stand still.'));
    } else {
      // It came back in time and yet was late by the server's clock, so that clock was set. Its time is known now.
      this.answerCount++;
      this.send({ ...flight, isSecond: true });
    }
  }

  private failed<T>(flight: Flight<T>, client: RedisClient, cause: unknown): void {
    this.errorCount++;
    // After a failover the old primary still answers, as a replica.
    if (isReply(cause, 'READONLY')) this.connection.replace(client);
    const message = `Redis failed: ${messageOf(cause)}`;
    // Somebody else's value is under the key: that is no reason to leave the server.
    const isOfOneKey = isReply(cause, 'WRONGTYPE') || messageOf(cause).includes(NO_BUCKET);
    flight.reject(new LimitStoreUnavailableError(message, { cause, isOfOneKey }));
  }

  private argumentsOf(
    { operation, key, rule = NO_RULE, id = NO_ID }: ScriptCall,
    sentAt: number,
  ): (string | number)[] {
    const { keyPrefix, commandTimeoutMs, testNow } = this.settings;
    const { limit, ttl, cost, blockFor } = this.ruleTexts.of(rule);
    const deadline = microseconds(sentAt + this.connection.serverOffsetMs + commandTimeoutMs);
    const args: (string | number)[] = [
      REDIS_LIMIT_SCRIPT_SHA1,
      '1',
      operation === 'probe' ? `${keyPrefix}{${key}}:probe` : `${keyPrefix}{${key}}`,
      id + sixteenDigits(deadline) + limit,
      ttl,
    ];
    if (testNow !== undefined) args.push(cost, blockFor, operation, microseconds(testNow()));
    else if (operation !== 'hit') args.push(cost, blockFor, operation);
    else if (rule.cost !== 1 || rule.blockForMs !== 0) args.push(cost, blockFor);
    return args;
  }

  private replaceUnless(isAnswered: () => boolean, client: RedisClient): void {
    const check = () => {
      if (!isAnswered()) this.connection.replace(client);
    };
    setTimeout(check, Math.max(0, SILENCE_MS - this.settings.commandTimeoutMs)).unref();
  }
}

/** Writes rules as the script reads them. Most hits of an app go by few rules, so the last one is kept. */
class RuleTexts {
  private rule = NO_RULE;
  private texts = toTexts(NO_RULE);

  of(rule: WindowRule): ReturnType<typeof toTexts> {
    const { limit, ttlMs, cost, blockForMs } = this.rule;
    const isSame =
      rule.limit === limit &&
      rule.ttlMs === ttlMs &&
      rule.cost === cost &&
      rule.blockForMs === blockForMs;
    if (!isSame) {
      this.rule = rule;
      this.texts = toTexts(rule);
    }
    return this.texts;
  }
}

function toTexts({ limit, ttlMs, cost, blockForMs }: WindowRule) {
  return {
    limit: String(limit),
    ttl: String(microseconds(ttlMs) / 1_000),
    cost: String(cost),
    blockFor: String(microseconds(blockForMs)),
  };
}

/** Whole ones, and no more than a double counts one by one: 285 years. */
function microseconds(valueMs: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(valueMs * 1_000));
}

function sixteenDigits(value: number): string {
  const text = String(value);
  return text.length === 16 ? text : text.padStart(16, '0');
}

/** Whether an error is such a reply; older servers put what a command said at the end of what the script says. */
function isReply(error: unknown, code: string): boolean {
  const message = messageOf(error);
  return message.startsWith(code) || message.includes(`-${code} `);
}
