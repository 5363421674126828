import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findCheckout } from './checkout.js';
import { openDemoDatabase } from './demo-database.js';
import { DemoError, describeDemoError } from './demo-error.js';
import { readDemoSettings, type DemoSettings } from './demo-settings.js';
import { removeDemoState, writeDemoState } from './demo-state.js';
import { Shutdown } from './shutdown.js';
import { whatToTry } from './what-to-try.js';

/** Requests under way may finish; one that never does must not hold the database up. */
const CLOSE_WITHIN_MS = 10_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

async function start(shutdown: Shutdown): Promise<void> {
  const settings = readDemoSettings(process.env);
  const checkout = findCheckout(__dirname);
  await tryPort(settings);

  const database = await openDemoDatabase(checkout, settings.databaseUrl, say);
  shutdown.onClose(
    () => database.stop(),
    () => database.abandon(),
  );
  if (shutdown.isRequested) return;

  const { createDemoApp } = await import('./host/app.js');
  const app = await createDemoApp({ ...settings, databaseUrl: database.url });
  shutdown.onClose(() => Promise.race([app.close(), sleep(CLOSE_WITHIN_MS)]));
  if (shutdown.isRequested) return;

  await app.listen(settings.port, settings.host);
  const baseUrl = baseUrlOf(app.getHttpServer().address() as AddressInfo);
  const forget = () => removeDemoState(checkout, process.pid);
  shutdown.onClose(forget, forget);
  writeDemoState(checkout, { databaseUrl: database.url, baseUrl, pid: process.pid });

  say(`\nReady on ${baseUrl} (${settings.adapter}; ${database.description}).`);
  say(whatToTry(baseUrl));
}

/** Before anything is started: a taken port is the commonest mistake, and Nest would print it with a stack. */
function tryPort({ port, host }: DemoSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, port, host)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function cannotListen(error: NodeJS.ErrnoException, port: number, host: string): DemoError {
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${port} is taken: stop what uses it, or choose another: PORT=${port === 3000 ? 3001 : 3000} npm start.`,
    EACCES: `Port ${port} is not for this user: choose one above 1023, as in PORT=3000 npm start.`,
  };
  return new DemoError(
    sentences[error.code ?? ''] ??
      `HOST is "${host}", where this machine cannot listen (${error.code}): leave it out, or give one of its own addresses.`,
    undefined,
    { cause: error },
  );
}

function baseUrlOf({ address, family, port }: AddressInfo): string {
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = anywhere ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

async function main(): Promise<void> {
  // A terminal that was closed, or the head of a pipe that has seen enough, must not keep the demo from closing.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const shutdown = new Shutdown(say);
  let exitCode = 0;
  try {
    await start(shutdown);
    if (!shutdown.isRequested) await shutdown.requested;
  } catch (error) {
    process.stderr.write(`${describeDemoError(error)}\n`);
    exitCode = 1;
  }
  await shutdown.close();
  // Nothing that a library has left running may hold the terminal.
  process.exit(exitCode);
}

void main();
