import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { IpTrackingOptions } from '../../src/index.js';
import type { ResilientLimitStorageStats } from '../../src/limits/store/resilient-limit-storage.js';
import { compiledMain } from './compiled.js';
import type { Adapter } from './host-app.js';
import { send, type TestRequest, type TestResponse } from './http.js';

export interface LimitedAppOptions {
  adapter: Adapter;
  databaseUrl: string;
  rateLimits: Omit<Exclude<IpTrackingOptions['rateLimits'], false | undefined>, 'storage'>;
}

/** An app with `/limited`, `/closed` (which fails closed) and `/free`, in a process of its own. */
export class LimitedApp {
  /** What it has said. */
  log = '';
  /** What nobody has caught in it. */
  readonly unhandled: string[] = [];
  private readonly exited: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    said: string,
  ) {
    this.log = said;
    this.exited = once(child, 'exit');
    child.on('message', (message: { unhandled?: string }) => {
      if (message.unhandled !== undefined) this.unhandled.push(message.unhandled);
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (text: Buffer) => (this.log += text.toString()));
    }
  }

  static async start({ adapter, databaseUrl, rateLimits }: LimitedAppOptions): Promise<LimitedApp> {
    const options: IpTrackingOptions = {
      database: { url: databaseUrl },
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
      rateLimits,
      geo: false,
      requestLog: false,
      detection: false,
      stateDir: false,
    };
    const child = fork(fileURLToPath(new URL('./limited-app.mjs', pathToFileURL(__filename))), {
      env: {
        ...process.env,
        LIMITED_APP: JSON.stringify({ dist: await compiledMain(), adapter, options }),
      },
      execArgv: [],
      silent: true,
    });
    let said = '';
    child.stdout!.on('data', (text: Buffer) => (said += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (said += text.toString()));
    const [{ port }] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`the app did not start: ${said}`))),
    ])) as [{ port: number }];
    return new LimitedApp(child, `http://127.0.0.1:${port}`, said);
  }

  send(request: TestRequest | string): Promise<TestResponse> {
    return send(this.url, request);
  }

  /** The counters of its store. */
  async stats(): Promise<ResilientLimitStorageStats> {
    this.child.send('stats');
    for (;;) {
      const [message] = (await once(this.child, 'message')) as [
        { stats?: ResilientLimitStorageStats },
      ];
      if (message.stats !== undefined) return message.stats;
    }
  }

  /** The lines in which it has said that the shared limits are lost or found again. */
  get changes(): ('lost' | 'found')[] {
    const lines = this.log.matchAll(/the shared limits (cannot be reached|are counted again)/g);
    return [...lines].map(([, what]) => (what === 'cannot be reached' ? 'lost' : 'found'));
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
