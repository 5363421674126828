import { errorCodeOf } from './connection-error.js';
import type { Database } from './database.js';

/** SQLSTATE: read-only transaction, as every one is on a replica. */
const READ_ONLY = '25006';

/** The calls of pg's connection that a COPY needs. pg-copy-streams rests on the same, and is more than one chunk needs. */
interface CopyConnection {
  query(sql: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

interface CopyClient {
  query(submittable: CopyIn): void;
  connection?: { stream?: { destroy(): void } };
}

/** What is copied, and how long it may take. */
export interface CopyRequest {
  /** One or more statements, of which exactly one is a `COPY ... FROM STDIN`: together they are one transaction. */
  sql: string;
  /** The rows, in the format of the statement. */
  rows: Buffer;
  /** After this many milliseconds without an answer the connection is given up: packets may vanish without a word. */
  answerTimeoutMs: number;
  /** Gives the connection up at once. */
  signal: AbortSignal;
}

/**
 * Runs a COPY on a connection of the pool. Where it rejects by a timeout or a lost connection, nobody knows whether the
 * rows are in the table.
 *
 * @throws the error of PostgreSQL, with its SQLSTATE as `code`; `ETIMEDOUT` without an answer in time.
 */
export async function copyIn(database: Database, request: CopyRequest): Promise<void> {
  const dataSource = await database.connect();
  const runner = dataSource.createQueryRunner();
  try {
    const client = (await runner.connect()) as unknown as CopyClient;
    request.signal.throwIfAborted();
    await answered(client, request).catch((error: unknown) => {
      // After a failover this server stays a replica, and its session in the pool: the next one asks who is the primary.
      if (errorCodeOf(error) === READ_ONLY) client.connection?.stream?.destroy();
      throw error;
    });
  } finally {
    await runner.release();
  }
}

function answered(client: CopyClient, request: CopyRequest): Promise<void> {
  const { sql, rows, answerTimeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    const giveUp = (message: string): void => {
      reject(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
      client.connection?.stream?.destroy();
    };
    const abort = (): void => giveUp('the write was given up, because the app closes');
    const patience = setTimeout(
      () => giveUp(`PostgreSQL has not answered for ${answerTimeoutMs} ms`),
      answerTimeoutMs,
    );
    signal.addEventListener('abort', abort, { once: true });
    client.query(
      new CopyIn(sql, rows, (error) => {
        clearTimeout(patience);
        signal.removeEventListener('abort', abort);
        if (error === null) resolve();
        else reject(error);
      }),
    );
  });
}

/** A query of pg's simple protocol that answers the server's wish for rows. pg calls its methods by these names. */
class CopyIn {
  constructor(
    private readonly sql: string,
    private readonly rows: Buffer,
    /** pg puts its own function around it where the pool has a `query_timeout`. */
    readonly callback: (error: Error | null) => void,
  ) {}

  submit(connection: CopyConnection): void {
    connection.query(this.sql);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.rows);
    connection.endCopyFrom();
  }

  /** After a refused statement nothing else is called, though the connection is used again once it is ready. */
  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}
