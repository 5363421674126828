import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../demo/postgres/free-port.js';
import { temporaryFolder } from './temporary-folder.js';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it and is done when it is gone. */
  stop(): Promise<void>;
  /** `SIGSTOP` and `SIGCONT` make it hang and go on; `SIGKILL` is a crash. */
  kill(signal: NodeJS.Signals): void;
}

/** `null` where tests of Redis can run, otherwise why they are skipped. */
export function redisAvailable(): string | null {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'redis-server is not on PATH; apt-get install redis-server';
  }
}

/** A Redis of its own that keeps nothing on disk. */
export async function startRedis(options: { port?: number } = {}): Promise<TestRedis> {
  const folder = temporaryFolder('redis');
  const port = options.port ?? (await freePort());
  const settings = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    // By which the folder's keeper ends it, should this process be killed.
    pidfile: join(folder.path, 'redis.pid'),
  };
  const child = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { cwd: folder.path, stdio: 'ignore' },
  );
  // Not its close: whoever has nothing else to wait for would not wait for its pipes.
  const ended = once(child, 'exit');
  const stop = async () => {
    // Whoever stops it waits for its end, though nothing else may be left to wait for.
    child.ref();
    child.kill('SIGKILL');
    await ended;
    await folder.remove();
  };
  try {
    await answering(port, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    stop,
    kill: (signal) => void child.kill(signal),
  };
}

async function answering(port: number, ended: Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 10_000;
  const hasEnded = ended.then(() => true as const);
  while (Date.now() < deadline) {
    if (await ping(port)) return;
    if (await Promise.race([hasEnded, sleep(20, false)])) break;
  }
  throw new Error(`redis-server did not come up on port ${port}.`);
}

function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (answer) => {
      resolve(answer.toString('utf8').startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
