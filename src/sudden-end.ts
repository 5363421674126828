/** The signals that Nest's `enableShutdownHooks()` and operators use to end a process. */
export const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What an app does about a process that ends without closing it. Both return before anything else happens. */
export interface Savings {
  /** The process may end, or go on. */
  save(): void;
  /** The process ends when this returns. */
  saveLast(): void;
}

/** What the apps of a process have in common, whichever copy of this package each of them has loaded. */
interface Shared {
  readonly apps: Set<Savings>;
  readonly onSignal: (signal: NodeJS.Signals) => void;
  readonly onExit: () => void;
}

const SHARED = Symbol.for('nestjs-ip-tracking.sudden-end.1');

/**
 * Has an app told of the end of its process, until it is closed: at `exit`, and at signals that nobody else listens to,
 * which end a process without another word. Whoever listens decides what a signal means, so that nothing changes for
 * them: not even that they are alone, should they look.
 *
 * @returns what ends it.
 */
export function onSuddenEnd(app: Savings): () => void {
  const shared = sharedByAll();
  if (shared.apps.size === 0) listen(shared);
  shared.apps.add(app);
  return () => {
    if (shared.apps.delete(app) && shared.apps.size === 0) unlisten(shared);
  };
}

/** Whether anybody but this module listens to a signal. */
export function isListenedTo(signal: NodeJS.Signals): boolean {
  const { onSignal } = sharedByAll();
  return process.listeners(signal).some((listener) => listener !== onSignal);
}

function sharedByAll(): Shared {
  const holder = globalThis as { [SHARED]?: Shared };
  return (holder[SHARED] ??= makeShared());
}

function makeShared(): Shared {
  const shared: Shared = {
    apps: new Set(),
    onSignal: (signal) => hear(shared, signal),
    onExit: () => end(shared),
  };
  return shared;
}

function hear(shared: Shared, signal: NodeJS.Signals): void {
  if (isListenedTo(signal)) {
    for (const app of shared.apps) quietly(() => app.save());
    stepAside(shared, signal);
    return;
  }
  end(shared);
  process.kill(process.pid, signal);
}

/**
 * Some who listen ask whether they are the only ones, and end the process if so (`signal-exit`, which many packages use):
 * with both waiting for each other nobody would. We are asked first, so that we can be gone when they ask.
 */
function stepAside(shared: Shared, signal: NodeJS.Signals): void {
  process.off(signal, shared.onSignal);
  setImmediate(() => {
    if (shared.apps.size === 0) return;
    process.off(signal, shared.onSignal);
    process.prependListener(signal, shared.onSignal);
  }).unref();
}

function end(shared: Shared): void {
  unlisten(shared);
  const apps = [...shared.apps];
  shared.apps.clear();
  for (const app of apps) quietly(() => app.saveLast());
}

/** One app's trouble must not cost another one its records. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // There is nobody left to tell.
  }
}

function listen({ onSignal, onExit }: Shared): void {
  for (const signal of ENDING_SIGNALS) process.prependListener(signal, onSignal);
  process.on('exit', onExit);
}

function unlisten({ onSignal, onExit }: Shared): void {
  for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  process.off('exit', onExit);
}
