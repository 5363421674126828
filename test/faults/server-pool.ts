import { migrateDatabase } from '../../src/index.js';
import { Client } from 'pg';
import { createTestServer, type TestServer } from '../support/postgres.js';

/** A migrated database on a server that nobody else uses meanwhile, so that it can be stopped. */
export interface DrillServer extends Pick<TestServer, 'url' | 'stop' | 'start'> {
  /** Drops the database and lets others have the server. */
  giveBack(): Promise<void>;
}

const TEMPLATE = 'drill_template';

/** Servers that faults use one after another: making one takes longer than most faults. */
export class ServerPool {
  private readonly all: TestServer[] = [];
  private readonly idle: TestServer[] = [];
  private databases = 0;

  async take(): Promise<DrillServer> {
    const server = this.idle.pop() ?? (await this.create());
    this.databases += 1;
    const name = `drill_${this.databases}`;
    await query(server.url, `create database ${name} template ${TEMPLATE}`);
    return {
      url: urlOf(server, name),
      stop: (mode) => server.stop(mode),
      start: () => server.start(),
      giveBack: async () => {
        await server.start();
        await query(server.url, `drop database ${name} with (force)`);
        this.idle.push(server);
      },
    };
  }

  async close(): Promise<void> {
    for (const server of this.all) await server.close();
  }

  private async create(): Promise<TestServer> {
    const server = await createTestServer();
    this.all.push(server);
    await query(server.url, `create database ${TEMPLATE}`);
    await migrateDatabase({ url: urlOf(server, TEMPLATE) });
    return server;
  }
}

/** Runs statements on a connection of its own. */
export async function query(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}

function urlOf(server: TestServer, database: string): string {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return url.href;
}
