import { inTime } from './in-time.js';
import { LimitStoreUnavailableError } from './limit-storage.js';
import type { RedisClient, RedisConnection } from './redis-connection.js';
import { REDIS_LIMIT_SCRIPT, REDIS_LIMIT_SCRIPT_SHA1 } from './redis-limit-script.js';
import type { RedisLimitSettings } from './redis-limit-storage.options.js';
import type { WindowRule } from './sliding-window.js';

/** What is asked of {@link REDIS_LIMIT_SCRIPT}. */
export interface ScriptCall {
  readonly operation: 'hit' | 'peek' | 'release' | 'reset';
  readonly key: string;
  readonly rule?: WindowRule;
  readonly id?: string;
}

/** What it answers. */
export type ScriptReply = [
  code: number,
  remaining: number,
  retryAfterUs: number,
  resetAfterUs: number,
  timeUs: number,
];

/** How the calls of a {@link RedisLimitRunner} have ended. */
export interface RedisLimitRunnerStats {
  readonly answers: number;
  readonly timeouts: number;
  readonly errors: number;
}

/** A socket that has not said a word for so long while an answer was due is not believed to be slow any more. */
const SILENCE_MS = 1_000;

/** The code of a reply to a command that arrived after its deadline. */
const LATE = -1;

/**
 * Runs the script. Nothing is queued or sent again, and what reaches the server late does not count: it is sent with a
 * deadline in the server's own time, learned from its answers.
 */
export class RedisLimitRunner {
  private answers = 0;
  private timeouts = 0;
  private errors = 0;
  private lastAnswerAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly connection: RedisConnection,
    private readonly settings: RedisLimitSettings,
  ) {}

  /** @throws LimitStoreUnavailableError where the server gives no answer in time, or an error. */
  async run(call: ScriptCall): Promise<ScriptReply> {
    const reply = await this.send(call);
    if (reply[0] !== LATE) return reply;
    // It came back in time and yet was late by the server's clock, so that clock was set. Its time is known now.
    const second = await this.send(call);
    if (second[0] !== LATE) return second;
    this.errors++;
    throw new LimitStoreUnavailableError('The clock of Redis does not stand still.');
  }

  /** Counts how calls have ended. */
  stats(): RedisLimitRunnerStats {
    return { answers: this.answers, timeouts: this.timeouts, errors: this.errors };
  }

  private async send(call: ScriptCall): Promise<ScriptReply> {
    const { client } = this.connection;
    if (client === null) {
      this.errors++;
      throw new LimitStoreUnavailableError('Redis is not connected.');
    }
    const { commandTimeoutMs } = this.settings;
    const sentAt = performance.now();
    let reply: ScriptReply | null;
    try {
      reply = await inTime(this.evaluate(client, call, sentAt), commandTimeoutMs);
    } catch (cause) {
      this.errors++;
      // After a failover the old primary still answers, as a replica.
      if (startsWith(cause, 'READONLY')) this.connection.replace(client);
      throw new LimitStoreUnavailableError(`Redis failed: ${messageOf(cause)}`, { cause });
    }
    if (reply === null) {
      this.timeouts++;
      this.replaceIfSilent(client, sentAt);
      throw new LimitStoreUnavailableError(`Redis has not answered within ${commandTimeoutMs} ms.`);
    }
    this.answers++;
    this.connection.noteServerTime(reply[4] / 1_000, sentAt);
    return reply;
  }

  /** Not async: each promise between the driver's and the caller's makes a hit slower. */
  private evaluate(client: RedisClient, call: ScriptCall, sentAt: number): Promise<ScriptReply> {
    const args = this.argumentsOf(REDIS_LIMIT_SCRIPT_SHA1, call, sentAt);
    const answered = (reply: unknown): ScriptReply => {
      // Also for an answer that nobody waits for any more: the server is alive.
      this.lastAnswerAt = performance.now();
      return reply as ScriptReply;
    };
    return client.call('evalsha', args).then(answered, (error: unknown) => {
      if (!startsWith(error, 'NOSCRIPT')) throw error;
      // A server that was restarted, or a replica that was promoted; from now on it knows the script.
      args[0] = REDIS_LIMIT_SCRIPT;
      return client.call('eval', args).then(answered);
    });
  }

  private argumentsOf(
    script: string,
    { operation, key, rule, id = '' }: ScriptCall,
    sentAt: number,
  ): (string | number)[] {
    const { keyPrefix, commandTimeoutMs, testNow } = this.settings;
    return [
      script,
      1,
      `${keyPrefix}{${key}}`,
      operation,
      microseconds(sentAt + this.connection.serverOffsetMs + commandTimeoutMs),
      rule?.limit ?? 0,
      microseconds(rule?.ttlMs ?? 0),
      rule?.cost ?? 0,
      microseconds(rule?.blockForMs ?? 0),
      id,
      testNow === undefined ? '' : microseconds(testNow()),
    ];
  }

  private replaceIfSilent(client: RedisClient, sentAt: number): void {
    const check = () => {
      if (this.lastAnswerAt < sentAt) this.connection.replace(client);
    };
    setTimeout(check, Math.max(0, SILENCE_MS - this.settings.commandTimeoutMs)).unref();
  }
}

function microseconds(valueMs: number): number {
  return Math.ceil(valueMs * 1_000);
}

function startsWith(error: unknown, word: string): boolean {
  return messageOf(error).startsWith(word);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
