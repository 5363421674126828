import { describe, expect, it } from 'vitest';
import { readDemoSettings } from './demo-settings.js';

describe('readDemoSettings', () => {
  it('runs Express on 127.0.0.1:3000 with the embedded PostgreSQL unless told otherwise', () => {
    const usual = {
      port: 3000,
      host: '127.0.0.1',
      adapter: 'express',
      databaseUrl: null,
      detectionCron: null,
    };
    expect(readDemoSettings({})).toEqual(usual);
    expect(
      readDemoSettings({ PORT: '', HOST: '', ADAPTER: '', DATABASE_URL: '', DETECTION_CRON: '' }),
    ).toEqual(usual);
  });

  it('takes what it is told', () => {
    const url = 'postgresql://me:secret@db.example:5433/tracking?sslmode=require';
    expect(
      readDemoSettings({
        PORT: '0',
        HOST: '::1',
        ADAPTER: 'fastify',
        DATABASE_URL: url,
        DETECTION_CRON: '*/5 * * * *',
      }),
    ).toEqual({
      port: 0,
      host: '::1',
      adapter: 'fastify',
      databaseUrl: url,
      detectionCron: '*/5 * * * *',
    });
  });

  it.each([
    [{ PORT: '65536' }, 'PORT is "65536"'],
    [{ PORT: '-1' }, 'PORT is "-1"'],
    [{ PORT: '3000x' }, 'PORT is "3000x"'],
    [{ PORT: '3e3' }, 'PORT is "3e3"'],
    [{ ADAPTER: 'Fastify' }, 'ADAPTER is "Fastify"'],
    [{ DETECTION_CRON: 'hourly' }, 'DETECTION_CRON is "hourly"'],
    [{ DATABASE_URL: 'localhost:5432' }, 'DATABASE_URL is not the URL of a PostgreSQL'],
    [{ DATABASE_URL: 'mysql://root@localhost/x' }, 'DATABASE_URL is not the URL of a PostgreSQL'],
    [{ DATABASE_URL: 'postgres://a:b@c:port/d' }, 'DATABASE_URL is not the URL of a PostgreSQL'],
  ])('refuses %o with a sentence that says what to write', (env, sentence) => {
    expect(() => readDemoSettings(env)).toThrow(sentence);
  });

  it('never repeats the password of a URL it refuses', () => {
    expect(() => readDemoSettings({ DATABASE_URL: 'postgrse://me:secret@db/x' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });
});
