import { DemoError } from './demo-error.js';

/** How `npm start` was asked to run, from its environment. */
export interface DemoSettings {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  readonly adapter: 'express' | 'fastify';
  /** `null` starts the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** When the log is scanned: a cron expression in UTC, or `off`; `null` is every hour. */
  readonly detectionCron: string | null;
}

/** An empty variable counts as one that is not set, as a compose file leaves them. */
export function readDemoSettings(env: NodeJS.ProcessEnv): DemoSettings {
  return {
    port: portOf(env['PORT'] || '3000'),
    host: env['HOST'] || '127.0.0.1',
    adapter: adapterOf(env['ADAPTER'] || 'express'),
    databaseUrl: databaseUrlOf(env['DATABASE_URL'] || null),
    detectionCron: detectionCronOf(env['DETECTION_CRON'] || null),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new DemoError(`PORT is "${text}", which is no port: give a number from 0 to 65535.`);
}

function adapterOf(text: string): DemoSettings['adapter'] {
  if (text === 'express' || text === 'fastify') return text;
  throw new DemoError(`ADAPTER is "${text}": give "express" or "fastify".`);
}

function databaseUrlOf(text: string | null): string | null {
  if (text === null) return null;
  // The text itself stays unsaid: it may hold a password.
  const isPostgres = /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
  if (isPostgres) return text;
  throw new DemoError(
    'DATABASE_URL is not the URL of a PostgreSQL: write postgres://user:password@host:5432/database, ' +
      'or leave it out to use the embedded one.',
  );
}

/** By its form: the module looks at the values. */
function detectionCronOf(text: string | null): string | null {
  if (text === null || text === 'off' || /^\S+(?: +\S+){4,5}$/.test(text)) return text;
  throw new DemoError(
    `DETECTION_CRON is "${text}": give a cron expression such as "*/5 * * * *", or "off", or leave it out for every hour.`,
  );
}
