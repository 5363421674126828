import type { Socket } from 'node:net';
import { getRepositoryToken } from '@nestjs/typeorm';
import { Client } from 'pg';
import { DataSource, type Repository } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readUrl } from '../../src/database/connection.js';
import { copyIn } from '../../src/database/copy-in.js';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { NotificationListener } from '../../src/database/notifications.js';
import { DATA_SOURCE_NAME, IpRule, IpRuleService } from '../../src/index.js';
import { blackHoleProxy } from '../support/black-hole-proxy.js';
import { eventually } from '../support/eventually.js';
import { startHost } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/*
 * Canaries of what the code leans on in pg and TypeORM, and nobody has promised (docs/private-seams.md). When a package
 * is renewed and one of these fails, the page says what a user would have seen.
 */

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.query('create table noted (text text)');
});
afterAll(() => database.close());

/** The module's own DataSource, connected; or the host's. */
async function connected(dataSource = createDataSource({ url: database.url }, [])) {
  await dataSource.initialize();
  onTestFinished(() => dataSource.destroy());
  return new Database(dataSource, false);
}

const copyOf = (text: string, sql = 'copy noted from stdin') => ({
  sql,
  rows: Buffer.from(`${text}\n`),
  answerTimeoutMs: 10_000,
  signal: new AbortController().signal,
});

const noted = async (text: string) =>
  (await database.query('select 1 from noted where text = $1', [text])).length;

describe('the protocol of queries of pg', () => {
  it('submit: a COPY between other statements, whatever they answer, is one transaction', async () => {
    const own = await connected();
    await copyIn(
      own,
      copyOf(
        'one',
        `set local statement_timeout = 5000; select 1;; copy noted from stdin; select * from noted`,
      ),
    );
    expect(await noted('one')).toBe(1);
    await expect(
      copyIn(own, copyOf('two', 'copy noted from stdin; select 1 / 0')),
    ).rejects.toMatchObject({ code: '22012' });
    expect(await noted('two')).toBe(0);
  });

  it('handleReadyForQuery: a connection whose COPY was refused is used again', async () => {
    const own = await connected(createDataSource({ url: database.url, poolSize: 1 }, []));
    const [before] = await own.query<{ pid: number }>('select pg_backend_pid() as pid');
    await expect(copyIn(own, copyOf('three', 'copy nowhere from stdin'))).rejects.toMatchObject({
      code: '42P01',
    });
    await copyIn(own, copyOf('four'));
    expect(await noted('four')).toBe(1);
    expect(await own.query('select pg_backend_pid() as pid')).toEqual([before]);
  });

  it("callback: pg puts its own around it where the host's pool has a query_timeout", async () => {
    const { url } = database;
    const own = await connected(
      new DataSource({ type: 'postgres', url, extra: { query_timeout: 300 } }),
    );
    const holder = new Client({ connectionString: url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('begin; lock table noted in access exclusive mode');
    await expect(copyIn(own, copyOf('five'))).rejects.toThrow('Query read timeout');
    await holder.query('rollback');
    await copyIn(own, copyOf('six'));
    expect(await noted('six')).toBe(1);

    const client = new Client({ connectionString: url, query_timeout: 60_000 });
    const callback = vi.fn<() => void>();
    const query = { submit: () => undefined, handleError: () => undefined, callback };
    client.query(query);
    expect(query.callback).not.toBe(callback);
    // Which ends the timer.
    query.callback();
    expect(callback).toHaveBeenCalledOnce();
  });

  it('connection.stream: destroyed, it ends a COPY that nobody answers', async () => {
    const own = await connected();
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('begin; lock table noted in access exclusive mode');
    const silent = copyIn(own, { ...copyOf('seven'), answerTimeoutMs: 200 });
    await expect(silent).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    // PostgreSQL is not told, and finds the connection gone when it wants to answer.
    await holder.query('rollback');
    const write = () =>
      copyIn(own, copyOf('eight')).then(
        () => true,
        () => false,
      );
    await eventually(write);
    expect(await noted('eight')).toBe(1);
  });
});

describe("the module's own pool", () => {
  it("createQueryRunner: connect() gives pg's client, made by the class of extra.Client", async () => {
    const { dataSource } = await connected();
    const runner = dataSource.createQueryRunner();
    onTestFinished(() => runner.release());
    const client = (await runner.connect()) as Client;
    expect(client).toBeInstanceOf(Client);
    expect(client.constructor).not.toBe(Client);
    // Nobody else listens to a client between the pool, which has handed it out, and TypeORM.
    const fresh = Reflect.construct(client.constructor, [{}]) as Client;
    expect(fresh.listenerCount('error')).toBe(1);
  });

  it('extra.stream: a connection is our socket, which gives up one that is silent', async () => {
    const { dataSource } = await connected(
      createDataSource({ url: database.url, statementTimeoutMs: 5_000 }, []),
    );
    const runner = dataSource.createQueryRunner();
    onTestFinished(() => runner.release());
    const { connection } = (await runner.connect()) as Client;
    expect((connection.stream as Socket).timeout).toBe(7_000);
  });
});

describe("what pg makes of a URL and of a session's beginning", () => {
  it('connectionParameters: holds the options of a URL, and a client the rest', () => {
    const url = 'postgres://ada:p%40ss@db.example:6432/log?options=-c%20geqo%3Doff&sslmode=disable';
    expect(readUrl('database.url', url)).toEqual({
      host: 'db.example',
      port: 6432,
      user: 'ada',
      password: 'p@ss',
      database: 'log',
      ssl: false,
      options: '-c geqo=off',
    });
  });

  it('getStartupConf: is what a session begins with, so that dates come as pg reads them', async () => {
    await database.query(`alter database ${database.name} set datestyle to 'SQL, DMY'`);
    onTestFinished(async () => {
      await database.query(`alter database ${database.name} reset datestyle`);
    });
    const own = await connected();
    const [row] = await own.query<{ style: string; day: Date }>(
      `select current_setting('datestyle') as style, timestamptz '2026-12-11T00:00:00Z' as day`,
    );
    expect(row!.style).toMatch(/^ISO/);
    expect(row!.day).toEqual(new Date('2026-12-11T00:00:00Z'));
  });
});

describe('the listening connection', () => {
  it('connection.stream: is hung up where PostgreSQL does not say goodbye', async () => {
    const url = new URL(database.url);
    const proxy = await blackHoleProxy(Number(url.port));
    onTestFinished(() => proxy.stop());
    url.port = String(proxy.port);
    const listener = new NotificationListener({
      target: () => readUrl('url', url.href),
      connectTimeoutMs: 5_000,
      notify: () => Promise.reject(new Error('nobody is there')),
      onDeaf: () => undefined,
    });
    listener.hear('a_channel', { onNotification: () => undefined });
    listener.start();
    await eventually(() => listener.isListening);
    proxy.isSwallowing = true;
    await expect(listener.stop()).resolves.toBeUndefined();
  });
});

describe('@nestjs/typeorm', () => {
  it('getDataSourceToken: forFeature() takes a DataSource that a provider gives, connected or not', async () => {
    const host = await startHost({ adapter: 'express', database });
    onTestFinished(() => host.close());
    const repository = host.app.get<Repository<IpRule>>(
      getRepositoryToken(IpRule, DATA_SOURCE_NAME),
    );
    await host.app.get(IpRuleService).block('203.0.113.7');
    expect(await repository.countBy({ action: 'block' })).toBe(1);
  });
});
