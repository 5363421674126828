import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nameOfTarget, readUrl, targetOf } from './connection.js';

const read = (url: string) => readUrl('database.url', url);

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was taken');
}

afterEach(() => vi.unstubAllEnvs());

describe('readUrl', () => {
  it.each<[string, Partial<ReturnType<typeof read>>]>([
    [
      'postgres://u:p@db.example:6432/shop',
      { host: 'db.example', port: 6_432, user: 'u', password: 'p', database: 'shop' },
    ],
    ['postgresql://u@db.example/shop', { host: 'db.example', port: 5_432, database: 'shop' }],
    ['postgres://u@[2001:db8::1]:5433/shop', { host: '2001:db8::1', port: 5_433 }],
    [
      'postgres://u@/shop?host=/var/run/postgresql',
      { host: '/var/run/postgresql', database: 'shop' },
    ],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql/shop', { host: '/var/run/postgresql' }],
    ['socket:/var/run/postgresql?db=shop', { host: '/var/run/postgresql', database: 'shop' }],
    ['/var/run/postgresql shop', { host: '/var/run/postgresql', database: 'shop' }],
    ['postgres://u:p%40ss%2Fw%3Ard@h/shop', { password: 'p@ss/w:rd', host: 'h' }],
    ['postgres://u:p@ss@h/shop', { password: 'p@ss', host: 'h' }],
    ['postgres://u:p%w@h/shop', { password: 'p%w', host: 'h' }],
    ['postgres://u@h/shop?sslmode=disable', { ssl: false }],
    ['postgres://u@h/shop?sslmode=no-verify', { ssl: { rejectUnauthorized: false } }],
    ['postgres://u@h/shop?sslmode=verify-full', { ssl: {} }],
    ['postgres://u@h/shop?options=-c%20geqo%3Doff', { options: '-c geqo=off' }],
  ])('takes %s as pg does', (url, expected) => {
    expect(read(url)).toMatchObject(expected);
  });

  it('fills in what a URL leaves out from the environment, as pg does', () => {
    vi.stubEnv('PGHOST', 'db.example');
    vi.stubEnv('PGPORT', '6543');
    expect(read('postgres:///shop')).toMatchObject({ host: 'db.example', port: 6_543 });
  });

  it('lets database.ssl decide over the URL', () => {
    expect(readUrl('database.url', 'postgres://u@h/d?sslmode=no-verify', { ca: 'x' }).ssl).toEqual({
      ca: 'x',
    });
    expect(readUrl('database.url', 'postgres://u@h/d?sslmode=verify-full', false).ssl).toBe(false);
  });

  it.each([
    'postgres://u:p/w@h:5432/shop',
    'postgres://u:p#w@h:5432/shop',
    'postgres://u:p?w@h:5432/shop',
    'postgres://u:secret@h:54 32/shop',
    'mysql://u:secret@h/shop',
    'shop',
  ])('refuses %s with the cure, and without the password', (url) => {
    const refused = errorOf(() => read(url));
    expect(refused).toMatchObject({ code: 'IPT_INVALID_OPTION' });
    expect(refused.message).toMatch(/^database\.url is not a PostgreSQL URL: .*@ is %40/);
    expect(refused.message).not.toMatch(/secret|p[/#?%]w/);
  });

  it('names a certificate that cannot be read', () => {
    expect(() => read('postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem')).toThrow(
      /^database\.url names the file \/nowhere\/ca\.pem, which cannot be read \(ENOENT\)/,
    );
  });
});

describe('targetOf', () => {
  const source = (options: object) => new DataSource({ type: 'postgres', ...options });

  it.each<[string, object]>([
    ['a url', { url: 'postgres://u:p@db.example:6432/shop' }],
    [
      'its parts',
      { host: 'db.example', port: 6_432, username: 'u', password: 'p', database: 'shop' },
    ],
    [
      'the pool’s own options',
      { extra: { connectionString: 'postgres://u:p@db.example:6432/shop' } },
    ],
    [
      'a primary with replicas',
      {
        replication: {
          master: { url: 'postgres://u:p@db.example:6432/shop' },
          slaves: [{ url: 'postgres://u:p@replica.example:6432/shop' }],
        },
      },
    ],
  ])('finds where a DataSource of %s connects to', (_, options) => {
    expect(targetOf(source(options))).toMatchObject({
      host: 'db.example',
      port: 6_432,
      user: 'u',
      password: 'p',
      database: 'shop',
    });
  });

  it('hands on a password that is asked for anew each time', async () => {
    const { password } = targetOf(
      source({ host: 'h', username: 'u', password: () => Promise.resolve('new'), database: 'd' }),
    );
    expect(await (password as () => Promise<string>)()).toBe('new');
  });
});

describe('nameOfTarget', () => {
  const name = (url: string) => nameOfTarget(read(url));

  it('is the same for two forms of one address, whoever connects', () => {
    const names = [
      'postgres://u:p@DB.example/shop',
      'postgresql://other@db.example:5432/shop?sslmode=disable',
    ];
    expect(new Set(names.map(name)).size).toBe(1);
    expect(name('postgres://u@/shop?host=/run/pg')).toBe(name('socket:/run/pg?db=shop'));
  });

  it('differs by host, by port, and by database', () => {
    const names = ['a/x', 'b/x', 'a:5433/x', 'a/y'].map((rest) => name(`postgres://u@${rest}`));
    expect(new Set(names).size).toBe(4);
  });
});
