import type { Database } from './database.js';

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
    await answered(client, request);
  } finally {
    await runner.release();
  }
}

async function answered(client: CopyClient, request: CopyRequest): Promise<void> {
  const giveUp = (): void => client.connection?.stream?.destroy();
  let hasTimedOut = false;
  const patience = setTimeout(() => {
    hasTimedOut = true;
    giveUp();
  }, request.answerTimeoutMs);
  request.signal.addEventListener('abort', giveUp, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      client.query(new CopyIn(request.sql, request.rows, resolve, reject));
    });
  } catch (error) {
    if (!hasTimedOut) throw error;
    throw Object.assign(
      new Error(`PostgreSQL has not answered for ${request.answerTimeoutMs} ms`, { cause: error }),
      { code: 'ETIMEDOUT' },
    );
  } finally {
    clearTimeout(patience);
    request.signal.removeEventListener('abort', giveUp);
  }
}

/** A query of pg's simple protocol that answers the server's wish for rows. pg calls its methods by these names. */
class CopyIn {
  private error: Error | null = null;
  /** pg puts its own function around it where the pool has a `query_timeout`. */
  readonly callback = (error: Error | null): void => {
    if (error === null) this.resolve();
    else this.reject(error);
  };

  constructor(
    private readonly sql: string,
    private readonly rows: Buffer,
    private readonly resolve: () => void,
    private readonly reject: (error: Error) => void,
  ) {}

  submit(connection: CopyConnection): void {
    connection.query(this.sql);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.rows);
    connection.endCopyFrom();
  }

  handleError(error: Error): void {
    this.error ??= error;
    // A lost connection is never ready for a query again; a refused statement is, and that comes after this.
    if (!('severity' in error)) this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(this.error);
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}
