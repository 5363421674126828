import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';

import { freePort } from '../../demo/postgres/free-port.js';
import { temporaryFolder } from './temporary-folder.js';

export interface TestRedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Sends a signal to one node: `SIGSTOP` and `SIGCONT` make it hang and go on; `SIGKILL` is a crash. */
  kill(node: number, signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Three nodes without replicas that keep nothing on disk but the map of the cluster, and share the slots evenly. */
export async function startRedisCluster(): Promise<TestRedisCluster> {
  const folder = temporaryFolder('redis-cluster');
  const children: ChildProcess[] = [];
  const admins: Redis[] = [];
  const stop = async () => {
    for (const admin of admins) admin.disconnect();
    await Promise.all(
      children.map(async (child) => {
        const ended = child.exitCode === null && child.signalCode === null && once(child, 'close');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    await folder.remove();
  };
  try {
    const nodes = await Promise.all(
      ['1', '2', '3'].map((name) => startNode(join(folder.path, name))),
    );
    for (const { child, port } of nodes) {
      children.push(child);
      const admin = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
      // It is not up at once.
      admin.on('error', () => {});
      admins.push(admin);
    }
    await joinTogether(admins, nodes);
    return {
      nodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      kill: (index, signal) => void children[index]?.kill(signal),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(path: string) {
  mkdirSync(path);
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    'cluster-enabled': 'yes',
    'cluster-config-file': join(path, 'nodes.conf'),
    // The default is the port + 10000, which need not be a port at all.
    'cluster-port': await freePort(),
    'cluster-node-timeout': 1_000,
    // As `temporaryFolder` expects of servers in it.
    pidfile: join(path, 'redis.pid'),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', flags, { cwd: path, stdio: 'ignore' });
  return { child, port, busPort: settings['cluster-port'] };
}

/** What `redis-cli --cluster create` does; that need not be installed, and asks questions. */
async function joinTogether(
  admins: Redis[],
  nodes: { port: number; busPort: number }[],
): Promise<void> {
  await Promise.all(
    admins.map((admin, i) => {
      const from = Math.ceil((i * SLOTS) / admins.length);
      const to = Math.ceil(((i + 1) * SLOTS) / admins.length);
      return admin.cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, n) => from + n));
    }),
  );
  const [first] = admins;
  for (const { port, busPort } of nodes.slice(1)) {
    await first?.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
  }
  const deadline = Date.now() + 20_000;
  for (const admin of admins) {
    while (!(await admin.cluster('INFO')).includes('cluster_state:ok')) {
      if (Date.now() > deadline) throw new Error('The Redis cluster did not come together.');
      await sleep(50);
    }
  }
}
