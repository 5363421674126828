import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { IpTrackingOptions } from '../../src/index.js';
import { compiledMain } from './compiled.js';
import type { Adapter } from './host-app.js';
import { send, type TestRequest, type TestResponse } from './http.js';

interface Message {
  id?: number;
  port?: number;
  result?: unknown;
}

/** An app with `GET /` and `POST /login`, which is sensitive, in a process that tells which files have run in it. */
export class RecordedApp {
  private asked = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
    private readonly failed: Promise<never>,
  ) {}

  static async start(adapter: Adapter, databaseUrl: string): Promise<RecordedApp> {
    const options: IpTrackingOptions = {
      database: { url: databaseUrl },
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
      // What a timer does of its own accord would be taken for part of the way.
      rules: { pollIntervalMs: 3_600_000 },
      detection: { cron: false },
      stateDir: false,
    };
    const { child, failed } = await forked({ adapter, options });
    const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [Message];
    return new RecordedApp(child, `http://127.0.0.1:${port}`, failed);
  }

  send(request: TestRequest): Promise<TestResponse> {
    return send(this.url, request);
  }

  /** The files that have run since the last call, and run on until nothing does for a while. */
  settle(): Promise<string[]> {
    return this.ask('settle');
  }

  /** Lets it scan the hour that ends now. */
  async scan(): Promise<void> {
    await this.ask('scan');
  }

  /** The version of the rules that it knows. */
  version(): Promise<number | null> {
    return this.ask('version');
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.failed.catch(() => undefined);
  }

  private async ask<T>(task: string): Promise<T> {
    this.asked += 1;
    const id = this.asked;
    this.child.send({ id, task });
    for (;;) {
      const [message] = (await Promise.race([once(this.child, 'message'), this.failed])) as [
        Message,
      ];
      if (message.id === id) return message.result as T;
    }
  }
}

/** Runs a command in a process of its own, and gives the files that have run in it once it was wired. */
export async function recordedCommand(command: string[], databaseUrl: string): Promise<string[]> {
  const { child, failed } = await forked({ command }, { IP_TRACKING_DATABASE_URL: databaseUrl });
  const [{ result }] = (await Promise.race([once(child, 'message'), failed])) as [Message];
  await failed.catch(() => undefined);
  return result as string[];
}

interface Forked {
  child: ChildProcess;
  /** Rejects with what the process has said, when it ends. */
  failed: Promise<never>;
}

async function forked(given: object, env: Record<string, string> = {}): Promise<Forked> {
  const child = fork(fileURLToPath(new URL('./recorded-app.mjs', pathToFileURL(__filename))), {
    env: {
      ...process.env,
      ...env,
      RECORDED_APP: JSON.stringify({ dist: await compiledMain(), ...given }),
    },
    execArgv: [],
    silent: true,
  });
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (text: Buffer) => (said += text.toString()));
  }
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`it has ended: ${said}`)));
  // Whoever waits for it is told; nobody may.
  failed.catch(() => undefined);
  return { child, failed };
}
