import type { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import type { DataSource, DataSourceOptions } from 'typeorm';

/** What a {@link NotificationListener} tells who follows a channel. */
export interface NotificationHandlers {
  /** A notification on the channel. */
  onNotification(payload: string): void;
  /** The channel is open, for the first time or again: whatever was notified in between has been missed. */
  onListening?(): void;
}

/** What PostgreSQL lists the connections of listeners as. */
export const LISTENER_NAME = 'nestjs-ip-tracking listen';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15_000;
/** How long a server is given to say goodbye, in milliseconds. */
const LEAVE_MS = 1_000;

/**
 * Listens on PostgreSQL channels through a connection of its own, for as long as it is started: a lost connection is
 * opened again after a growing, jittered pause, so that a hundred processes do not come back in the same instant.
 */
export class NotificationListener {
  private client: Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private failures = 0;
  private isStopped = true;
  private name = LISTENER_NAME;
  private onLost: () => void = () => undefined;

  /** By the channel's name. */
  private readonly channels = new Map<string, NotificationHandlers>();

  constructor(private readonly dataSource: DataSource) {}

  /** Registers who follows a channel; before {@link start}. */
  hear(channel: string, handlers: NotificationHandlers): void {
    this.channels.set(channel, handlers);
  }

  /** What PostgreSQL lists the connection as; before {@link start}. Begins with {@link LISTENER_NAME}. */
  nameAs(name: string): void {
    this.name = name;
  }

  /** Calls back each time that an open connection is lost. */
  whenLost(onLost: () => void): void {
    this.onLost = onLost;
  }

  /** Whether anybody follows anything. */
  get isNeeded(): boolean {
    return this.channels.size > 0;
  }

  /** Whether the channels are open right now. */
  get isListening(): boolean {
    return this.client !== null;
  }

  /** Opens the channels that are registered; where there are none, no connection is made. */
  start(): void {
    if (!this.isNeeded) return;
    this.isStopped = false;
    void this.open();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    const client = this.client;
    this.client = null;
    if (client !== null) await leave(client);
  }

  private async open(): Promise<void> {
    const client = new Client(connectionOptions(this.dataSource, this.name));
    // Without a listener a lost connection would be an uncaught exception in the host.
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ channel, payload }) =>
      this.channels.get(channel)?.onNotification(payload ?? ''),
    );
    try {
      await client.connect();
      for (const channel of this.channels.keys()) {
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
      }
      if (this.isStopped) {
        await client.end();
        return;
      }
      this.client = client;
      this.failures = 0;
      for (const handlers of this.channels.values()) handlers.onListening?.();
    } catch {
      void client.end().catch(() => undefined);
      this.again();
    }
  }

  private lost(client: Client): void {
    if (this.client !== client) return;
    this.client = null;
    this.onLost();
    this.again();
  }

  private again(): void {
    if (this.isStopped || this.retry !== null) return;
    const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    this.failures += 1;
    this.retry = setTimeout(
      () => {
        this.retry = null;
        void this.open();
      },
      ceiling * (0.5 + Math.random() / 2),
    );
    this.retry.unref();
  }
}

/** Says goodbye to the server, and hangs up where that says nothing. */
async function leave(client: Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const impatience = setTimeout(() => stream.destroy(), LEAVE_MS);
  await client.end().catch(() => undefined);
  clearTimeout(impatience);
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

function connectionOptions(dataSource: DataSource, name: string): ClientConfig {
  const options = dataSource.options as PostgresOptions;
  const extra = (options.extra ?? {}) as ClientConfig;
  return {
    ...(options.url === undefined
      ? {
          host: options.host,
          port: options.port,
          user: options.username,
          password: options.password as ClientConfig['password'],
          database: options.database,
        }
      : { connectionString: options.url }),
    ssl: options.ssl as ClientConfig['ssl'],
    ...extra,
    // The pool's gives up a silent connection; this one may be silent for days.
    stream: undefined,
    application_name: name,
    connectionTimeoutMillis: options.connectTimeoutMS ?? 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}
