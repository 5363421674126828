import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { within } from '../within.js';
import { clientConfig, type ConnectionTarget } from './connection.js';

/** What a {@link NotificationListener} tells who follows a channel. */
export interface NotificationHandlers {
  /** A notification on the channel. */
  onNotification(payload: string): void;
  /** The channel is open, for the first time or again: whatever was notified in between has been missed. */
  onListening?(): void;
}

/** What PostgreSQL lists the connections of listeners as. */
export const LISTENER_NAME = 'nestjs-ip-tracking listen';

/** A channel on which a listener hears itself, and nothing else. */
const HELLO_CHANNEL = 'ip_tracking_hello';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15_000;
/** How long a server is given to say goodbye, in milliseconds. */
const LEAVE_MS = 1_000;
/** How long a notification may take, in milliseconds: any that takes longer takes for ever. */
const HELLO_MS = 5_000;

/** What a {@link NotificationListener} needs. */
export interface NotificationListenerOptions {
  /** Where it connects to: to PostgreSQL itself, since a pooler in transaction mode passes nothing on. */
  target(): ConnectionTarget;
  /** How long a connection attempt may take, in milliseconds. */
  connectTimeoutMs: number;
  /** Sends a notification by another connection. */
  notify(channel: string, message: string): Promise<unknown>;
  /** Told once where notifications that were sent do not arrive. */
  onDeaf(): void;
}

/**
 * Listens on PostgreSQL channels through a connection of its own, for as long as it is started: a lost connection is
 * opened again after a growing, jittered pause, so that a hundred processes do not come back in the same instant.
 */
export class NotificationListener {
  private client: Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private failures = 0;
  private isStopped = true;
  /** Notifications are sent, and do not arrive. */
  private isDeaf = false;
  private hasToldDeaf = false;
  private name = LISTENER_NAME;
  private onLost: () => void = () => undefined;

  /** By the channel's name. */
  private readonly channels = new Map<string, NotificationHandlers>();

  constructor(private readonly options: NotificationListenerOptions) {}

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

  /** Whether notifications arrive right now, as far as that is known. */
  get isListening(): boolean {
    return this.client !== null && !this.isDeaf;
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
    const client = new Client(this.connection());
    // Without a listener a lost connection would be an uncaught exception in the host.
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ channel, payload }) =>
      this.channels.get(channel)?.onNotification(payload ?? ''),
    );
    try {
      await client.connect();
      for (const channel of [HELLO_CHANNEL, ...this.channels.keys()]) {
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
      }
      if (this.isStopped) {
        await client.end();
        return;
      }
      this.client = client;
      this.isDeaf = false;
      this.failures = 0;
      for (const handlers of this.channels.values()) handlers.onListening?.();
      void this.hello(client);
    } catch {
      void client.end().catch(() => undefined);
      this.again();
    }
  }

  /**
   * Sends itself a notification. A pooler in transaction mode takes a LISTEN as any other statement, and hands the
   * session that listens to somebody else: nothing fails, and nothing is heard.
   */
  private async hello(client: Client): Promise<void> {
    const word = randomUUID();
    let isHeard = false;
    const heard = new Promise<void>((resolve) => {
      client.on('notification', ({ payload }) => {
        if (payload !== word) return;
        isHeard = true;
        this.isDeaf = false;
        resolve();
      });
    });
    try {
      await this.options.notify(HELLO_CHANNEL, word);
    } catch {
      // Who is gone is told elsewhere.
      return;
    }
    await within(HELLO_MS, heard);
    if (isHeard || this.client !== client) return;
    this.isDeaf = true;
    if (this.hasToldDeaf) return;
    this.hasToldDeaf = true;
    this.options.onDeaf();
  }

  private connection(): ClientConfig {
    return {
      ...clientConfig(this.options.target()),
      application_name: this.name,
      connectionTimeoutMillis: this.options.connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    };
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

/** Where there is no database: it connects to nothing, and nobody is ever told anything. */
export class DeafListener extends NotificationListener {
  constructor() {
    super({
      target: () => {
        throw new Error('there is no database to listen to');
      },
      connectTimeoutMs: 0,
      notify: () => Promise.resolve(),
      onDeaf: () => undefined,
    });
  }

  override get isNeeded(): boolean {
    return false;
  }
}

/** Says goodbye to the server, and hangs up where that says nothing. */
async function leave(client: Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const impatience = setTimeout(() => stream.destroy(), LEAVE_MS);
  await client.end().catch(() => undefined);
  clearTimeout(impatience);
}
