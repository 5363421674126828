import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

/** Any constant will do: nothing else in the database `postgres` takes advisory locks. */
const LOCK_KEY = 0x1b7a;

/** The server needs a moment to notice that an owner was killed. */
const ATTEMPTS = 4;
const BETWEEN_ATTEMPTS_MS = 100;
const RETAKE_AFTER_MS = 500;

/**
 * Who owns a running server: the process that holds this lock in it, over a connection that ends with the process. A file
 * with a process id cannot tell that: ids are given out again, and in containers all of them are 1.
 */
export class OwnerLock {
  #isLetGo = false;
  #client: Client;

  private constructor(
    private readonly url: string,
    private readonly pgdata: string,
    client: Client,
  ) {
    this.#client = this.#watch(client);
  }

  /** Takes the lock; `null` while another process has it. Rejects where the server does not answer as this one. */
  static async take(url: string, pgdata: string): Promise<OwnerLock | null> {
    const client = await lockingClient(url, pgdata);
    return client && new OwnerLock(url, pgdata, client);
  }

  /** To be called before the server is stopped: from here on a lost connection is what was wanted. */
  letGo(): void {
    this.#isLetGo = true;
  }

  async close(): Promise<void> {
    this.#isLetGo = true;
    await this.#client.end().catch(() => undefined);
  }

  #watch(client: Client): Client {
    client.once('end', () => {
      if (!this.#isLetGo) void this.#retake();
    });
    // Must not keep the process alive; the types do not know this method.
    (client as unknown as { unref(): void }).unref();
    return client;
  }

  /** When one of its processes crashes, the server ends every connection and goes on. */
  async #retake(): Promise<void> {
    while (!this.#isLetGo) {
      await sleep(RETAKE_AFTER_MS, undefined, { ref: false });
      if (this.#isLetGo) return;
      const client = await lockingClient(this.url, this.pgdata).catch(() => null);
      if (!client) continue;
      this.#client = this.#watch(client);
      if (this.#isLetGo) await this.close();
      return;
    }
  }
}

async function lockingClient(url: string, pgdata: string): Promise<Client | null> {
  const client = new Client({
    connectionString: url,
    ssl: false,
    connectionTimeoutMillis: 5_000,
    application_name: `ip-tracking demo, process ${process.pid}`,
  });
  // The loss of the connection shows as `end`; without a listener the error would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query("select current_setting('data_directory') as folder");
    if (rows[0]?.folder !== pgdata) throw new Error('Another PostgreSQL answers at this port.');
    for (let attempt = 1; ; attempt++) {
      const tried = await client.query('select pg_try_advisory_lock($1) as taken', [LOCK_KEY]);
      if (tried.rows[0]?.taken) return client;
      if (attempt === ATTEMPTS) break;
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  await client.end();
  return null;
}
