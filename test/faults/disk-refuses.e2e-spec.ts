import * as fileSystemNow from 'node:fs';
import * as fileSystem from 'node:fs/promises';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { NdjsonFileSink, parseIp, type RequestRecord, type RequestSink } from '../../src/index.js';
import type { LogRecord } from '../../src/request-log/record/request-record.js';
import { createRequestQueue } from '../../src/request-log/queue/create-request-queue.js';
import { recordId } from '../../src/request-log/record/record-id.js';
import type { RequestQueue } from '../../src/request-log/queue/request-queue.js';
import { readFrames, SEGMENT_HEADER } from '../../src/request-log/spool/spool-frame.js';
import { SpoolSegment } from '../../src/request-log/spool/spool-segment.js';
import type { SpoolFiles, SpoolFilesNow } from '../../src/request-log/spool/spool-files.js';
import { SinkSpoolPlace } from '../../src/request-log/spool/spool-place.js';
import { eventually } from '../support/eventually.js';
import { frameOf, lineOf } from '../support/plain-line.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { damageEveryByte } from './torn-spool.js';

const SYNC_MS = 20;

let sequence = 0;
function record(path = `/${sequence}`): LogRecord {
  sequence += 1;
  return {
    id: recordId(Date.now()),
    timestampMs: Date.now(),
    ip: parseIp('203.0.113.1'),
    ipSource: 'socket',
    method: 'GET',
    path,
    route: null,
    status: 200,
    outcome: 'served',
    durationUs: 1,
    userAgent: 'a\u001eb\n\\',
    userId: null,
    sensitive: false,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: null,
    attemptedUser: null,
    country: null,
    city: null,
  };
}

/** A sink that can be switched off. */
class MemorySink implements RequestSink {
  isDown = true;
  readonly ids: string[] = [];

  async write(records: readonly RequestRecord[]): Promise<void> {
    if (this.isDown) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
    this.ids.push(...records.map(({ id }) => id));
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wishes`), { code });
}

/** A clock that stands still for as long as nobody else has a turn. */
function standingClock(): () => number {
  let nowMs = performance.now();
  const timer = setInterval(() => (nowMs = performance.now()), 1);
  onTestFinished(() => clearInterval(timer));
  return () => nowMs;
}

/** `sync`: what brings data to the disk, and the heartbeat. */
type Call = 'open' | 'write' | 'read' | 'datasync' | 'sync';

/** Node's files, some of whose calls fail while they are told to. */
class FailingFiles {
  broken: { on: Call | 'everything'; code: string } | null = null;
  /** What every fsync waits for. */
  held: Promise<void> | null = null;
  /** Fsyncs that have begun. */
  syncs = 0;
  readonly files: SpoolFiles = {
    ...fileSystem,
    mkdir: ((...args: Parameters<typeof fileSystem.mkdir>) => {
      this.check('everything');
      return fileSystem.mkdir(...args);
    }) as SpoolFiles['mkdir'],
    writeFile: ((...args: Parameters<typeof fileSystem.writeFile>) => {
      this.check('sync');
      return fileSystem.writeFile(...args);
    }) as SpoolFiles['writeFile'],
    open: async (...args) => {
      this.check('open');
      const file = await fileSystem.open(...args);
      return new Proxy(file, {
        get: (target, name: keyof fileSystem.FileHandle) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          if (name === 'datasync') return () => this.datasync(target);
          return (...given: unknown[]) => {
            if (name === 'write' || name === 'read') this.check(name);
            return (value as (...some: unknown[]) => unknown).apply(target, given);
          };
        },
      });
    },
  };

  readonly filesNow: SpoolFilesNow = {
    ...fileSystemNow,
    writeSync: ((...args: Parameters<typeof fileSystemNow.writeSync>) => {
      this.check('write');
      return fileSystemNow.writeSync(...args);
    }) as SpoolFilesNow['writeSync'],
  };

  private async datasync(file: fileSystem.FileHandle): Promise<void> {
    this.syncs += 1;
    await this.held;
    this.check('datasync');
    await file.datasync();
  }

  private check(call: Call | 'everything'): void {
    if (this.broken === null) return;
    if (
      this.broken.on === call ||
      (this.broken.on === 'sync' && call === 'datasync') ||
      this.broken.on === 'everything'
    )
      throw failure(this.broken.code);
  }
}

describe('the spool', () => {
  let folder: TemporaryFolder;
  let sink: MemorySink;
  let said: string[];
  const queues: RequestQueue[] = [];

  beforeEach(() => {
    folder = temporaryFolder('spool');
    sink = new MemorySink();
    said = [];
  });
  afterEach(async () => {
    for (const queue of queues.splice(0)) await queue.close(100);
    await folder.remove();
  });

  function queueOf(
    given: {
      sink?: RequestSink;
      files?: SpoolFiles;
      filesNow?: SpoolFilesNow;
      maxBytes?: number;
      maxQueued?: number;
      now?: () => number;
      syncIntervalMs?: number;
    } = {},
  ): RequestQueue {
    const say = (message: string): void => void said.push(message);
    const queue = createRequestQueue({
      sink: given.sink ?? sink,
      spoolPlace: new SinkSpoolPlace(
        () => Promise.resolve(join(folder.path, 'spool')),
        given.files ?? fileSystem,
      ),
      spool: {
        writeIntervalMs: 5,
        syncIntervalMs: given.syncIntervalMs ?? SYNC_MS,
        maxBytes: given.maxBytes ?? 1_000_000,
        adoptAfterMs: 200,
      },
      flushIntervalMs: 5,
      maxBatchSize: 100,
      maxQueued: given.maxQueued ?? 1_000,
      maxRetryMs: 100,
      files: given.files,
      filesNow: given.filesNow,
      now: given.now,
      log: { log: say, warn: say, error: say },
    });
    queues.push(queue);
    void queue.start();
    return queue;
  }

  function push(queue: RequestQueue, count: number): string[] {
    const records = Array.from({ length: count }, () => record());
    for (const one of records) queue.push(one);
    return records.map(({ id }) => id);
  }

  /** The segments of whoever that hold anything: some are open before there is anything to hold. */
  function segments(): string[] {
    return allSegments().filter(
      (path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > SEGMENT_HEADER.length,
    );
  }

  /** The segments of whoever, as they are on disk. */
  function allSegments(): string[] {
    const root = join(folder.path, 'spool');
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.segment'))
      .map((name) => join(root, name));
  }

  function spooledIds(): string[] {
    return segments().flatMap((path) => {
      const bytes = readFileSync(path).subarray(SEGMENT_HEADER.length);
      return readFrames(bytes, true).lines.map((line) => line.slice(0, 36));
    });
  }

  async function expectAll(queue: RequestQueue, ids: readonly string[]): Promise<void> {
    sink.isDown = false;
    await eventually(() => queue.stats.queued === 0);
    expect([...new Set(sink.ids)].sort()).toEqual([...ids].sort());
  }

  it('has a record soon after it was pushed, and forgets it once it is delivered', async () => {
    const queue = queueOf();
    const ids = push(queue, 10);
    await eventually(() => spooledIds().length === 10);
    expect(spooledIds().sort()).toEqual(ids);
    await expectAll(queue, ids);
    await eventually(() => spooledIds().length === 0);
  });

  it.each([
    ['open', 'EMFILE'],
    ['open', 'EROFS'],
    ['write', 'ENOSPC'],
    ['write', 'EIO'],
    ['datasync', 'EIO'],
    ['everything', 'EACCES'],
  ] as const)(
    'that fails on %s with %s leaves records in memory, says so once, and is used again',
    async (on, code) => {
      const failing = new FailingFiles();
      const queue = queueOf(failing);
      failing.broken = { on, code };
      const ids = push(queue, 10);
      await eventually(() => queue.stats.spool === 'unavailable');
      ids.push(...push(queue, 10));
      await new Promise((resolve) => setTimeout(resolve, 5 * SYNC_MS));
      expect(queue.stats).toMatchObject({ enqueued: 20, queued: 20, dropped: 0 });
      expect(said.filter((line) => line.includes('spool'))).toHaveLength(1);
      failing.broken = null;
      await eventually(() => queue.stats.spool === 'ready' && new Set(spooledIds()).size === 20);
      await expectAll(queue, ids);
    },
  );

  it.each([
    ['open', 'EMFILE'],
    ['write', 'ENOSPC'],
    ['everything', 'EROFS'],
  ] as const)(
    'that fails on %s with %s is called ready once it is mended, though no record needs it any more',
    async (on, code) => {
      const failing = new FailingFiles();
      const queue = queueOf(failing);
      failing.broken = { on, code };
      const ids = push(queue, 10);
      await eventually(() => queue.stats.spool === 'unavailable');
      await expectAll(queue, ids);
      expect(queue.stats.spool).toBe('unavailable');
      failing.broken = null;
      await eventually(() => queue.stats.spool === 'ready');
      expect(
        segments().flatMap((path) => readFileSync(path).subarray(SEGMENT_HEADER.length)),
      ).toEqual(segments().map(() => Buffer.alloc(0)));
    },
  );

  it('writes to a new segment what an fsync has failed for', async () => {
    const failing = new FailingFiles();
    const queue = queueOf(failing);
    failing.broken = { on: 'datasync', code: 'EIO' };
    const ids = push(queue, 10);
    await eventually(() => queue.stats.spool === 'unavailable');
    const before = segments();
    failing.broken = null;
    await eventually(
      () => spooledIds().length >= 10 && segments().every((path) => !before.includes(path)),
    );
    expect(spooledIds().sort()).toEqual([...ids].sort());
    await expectAll(queue, ids);
  });

  it.each([
    ['takes what comes while an fsync is under way', null],
    ['writes anew what an fsync has failed for, while more comes', 'EIO'],
  ])('%s', async (_, code) => {
    const failing = new FailingFiles();
    let letGo!: () => void;
    failing.held = new Promise((resolve) => (letGo = resolve));
    const queue = queueOf(failing);
    const ids = push(queue, 10);
    await eventually(() => failing.syncs === 1);
    const before = segments();
    ids.push(...push(queue, 10));
    await eventually(() => spooledIds().length === 20);
    if (code !== null) failing.broken = { on: 'datasync', code };
    failing.held = null;
    letGo();
    if (code !== null) {
      await eventually(() => queue.stats.spool === 'unavailable');
      failing.broken = null;
      await eventually(() => segments().every((path) => !before.includes(path)));
      await eventually(() => new Set(spooledIds()).size === 20);
    }
    expect(queue.stats).toMatchObject({ enqueued: 20, queued: 20, dropped: 0 });
    await expectAll(queue, ids);
  });

  it('whose fsync and heartbeat fail together is used again', async () => {
    const failing = new FailingFiles();
    const queue = queueOf(failing);
    const ids = push(queue, 1);
    await eventually(() => spooledIds().length === 1);
    failing.broken = { on: 'sync', code: 'EIO' };
    ids.push(...push(queue, 10));
    await eventually(() => queue.stats.spool === 'unavailable');
    await new Promise((resolve) => setTimeout(resolve, 5 * SYNC_MS));
    failing.broken = null;
    await eventually(() => queue.stats.spool === 'ready' && new Set(spooledIds()).size === 11);
    await expectAll(queue, ids);
    expect(queue.stats).toMatchObject({ enqueued: 11, written: 11, dropped: 0 });
  });

  it('at its size cap keeps what it has, and the newest are dropped and counted', async () => {
    const queue = queueOf({ maxBytes: 65_536, maxQueued: 100 });
    const ids: string[] = [];
    while (queue.stats.spool !== 'full') {
      ids.push(...push(queue, 20));
      await eventually(
        () => queue.stats.spool === 'full' || new Set(spooledIds()).size === ids.length,
      );
      // Memory forgets what the disk has once that has said so.
      await eventually(
        () => queue.stats.spool === 'full' || queue.stats.queued - queue.stats.spooled <= 80,
        { withinMs: 20_000 },
      );
    }
    expect(queue.stats.dropped).toBe(0);
    while (queue.stats.dropped === 0) ids.push(...push(queue, 20));
    expect(queue.stats.spool).toBe('full');
    expect(queue.stats.spooledBytes).toBeLessThanOrEqual(65_536);
    const { dropped, enqueued, queued } = queue.stats;
    expect(queued + dropped).toBe(enqueued);
    sink.isDown = false;
    await eventually(() => queue.stats.queued === 0);
    expect(new Set(sink.ids).size).toBe(enqueued - dropped);
    expect(ids.slice(0, enqueued - dropped - 100).every((id) => sink.ids.includes(id))).toBe(true);
  });

  it('of a process that closed is delivered by the next', async () => {
    const first = queueOf();
    const ids = push(first, 250);
    expect(await first.close(200)).toBe(0);
    sink.isDown = false;
    const second = queueOf();
    await eventually(() => second.stats.adopted === 250);
    await expectAll(second, ids);
    await eventually(() => segments().length === 0);
  });

  it('torn at every byte of its last records opens, gives what is whole, and counts the rest', async () => {
    const lines = Array.from({ length: 4 }, () => lineOf(record()));
    const spool = Buffer.from(lines.map(frameOf).join(''));
    expect(damageEveryByte(spool, lines, (bytes) => readFrames(bytes, true))).toEqual([]);
  });

  it('whose file is cut off at every byte opens, and gives the records before', async () => {
    const lines = Array.from({ length: 4 }, () => lineOf(record()));
    const whole = Buffer.concat([
      SEGMENT_HEADER,
      ...lines.map((line) => Buffer.from(frameOf(line))),
    ]);
    const path = join(folder.path, 'cut.segment');
    const wrong: number[] = [];
    for (let size = whole.length; size >= 0; size -= 1) {
      writeFileSync(path, whole.subarray(0, size));
      const segment = await SpoolSegment.adopt(path, fileSystem);
      const piece = await segment.read({ segment, start: 0, end: segment.size, records: null });
      await segment.close();
      const isPrefix = piece.lines.every((line, index) => line === lines[index]);
      const isAll = piece.lines.length === lines.length;
      if (!isPrefix || isAll !== size >= whole.length - 1 || piece.torn > 1) wrong.push(size);
    }
    expect(wrong).toEqual([]);
  });

  it('that was cut off gives the rest to the next process, and says what it could not', async () => {
    const first = queueOf();
    const ids = push(first, 10);
    await first.close(0);
    const [path] = segments();
    truncateSync(path!, readFileSync(path!).length - 7);
    sink.isDown = false;
    const second = queueOf();
    await eventually(() => second.stats.adopted === 9 && second.stats.queued === 0);
    expect(sink.ids).toEqual(ids.slice(0, 9));
    expect(second.stats.torn).toBe(1);
    await eventually(() => said.some((line) => line.includes('were not whole')));
  });

  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(10_000)],
    ['noise', Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 251))],
  ])('with %s in a segment is opened, and delivers what comes after', async (_, content) => {
    const first = queueOf();
    push(first, 3);
    await first.close(0);
    writeFileSync(segments()[0]!, content);
    const second = queueOf();
    const ids = push(second, 3);
    await expectAll(second, ids);
    await eventually(() => spooledIds().length === 0);
    expect(second.stats.dropped).toBe(0);
  });

  it('whose folder is removed under it is made anew', async () => {
    const queue = queueOf();
    const ids = push(queue, 10);
    await eventually(() => spooledIds().length === 10);
    rmSync(join(folder.path, 'spool'), { recursive: true });
    await eventually(() => segments().length > 0 && spooledIds().length === 10);
    await expectAll(queue, ids);
    expect(queue.stats).toMatchObject({ dropped: 0, handedOver: 0 });
  });

  /** Records that the spool alone has, and some that memory has too. */
  async function spoolSome(queue: RequestQueue): Promise<string[]> {
    const ids: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      ids.push(...push(queue, 10));
      await eventually(() => new Set(spooledIds()).size === ids.length);
    }
    await eventually(() => queue.stats.spooled >= 30);
    return ids;
  }

  it.each([
    ['files are', () => segments().forEach((path) => rmSync(path))],
    ['folder is', () => rmSync(join(folder.path, 'spool'), { recursive: true })],
  ])('whose %s deleted by somebody is delivered from what is open still', async (_, remove) => {
    const queue = queueOf({ maxQueued: 20 });
    const ids = await spoolSome(queue);
    remove();
    ids.push(...push(queue, 5));
    await eventually(() => segments().length > 0, { what: 'a new segment' });
    await expectAll(queue, ids);
    expect(queue.stats).toMatchObject({ written: ids.length, dropped: 0, handedOver: 0 });
    await eventually(() => segments().length === 0);
  });

  it('whose files are deleted and cannot be read any more counts what is lost, and says so', async () => {
    const failing = new FailingFiles();
    const queue = queueOf({ ...failing, maxQueued: 20 });
    const ids = await spoolSome(queue);
    failing.broken = { on: 'read', code: 'ESTALE' };
    for (const path of segments()) rmSync(path);
    sink.isDown = false;
    await eventually(() => queue.stats.queued === 0);
    const { written, dropped, handedOver } = queue.stats;
    // A piece may have been read before, for a write that failed.
    expect(dropped).toBeGreaterThan(0);
    expect({ sum: written + dropped, handedOver }).toEqual({ sum: ids.length, handedOver: 0 });
    expect(new Set(sink.ids).size).toBe(written);
    await eventually(() => said.some((line) => line.includes('are lost: their files')));
    const told = said.flatMap((line) => /(\d+) record\(s\).* are lost/.exec(line)?.[1] ?? []);
    expect(told.reduce((sum, count) => sum + Number(count), 0)).toBe(dropped);
  });

  it('whose files are there and cannot be read leaves them to a process that can', async () => {
    const failing = new FailingFiles();
    const queue = queueOf({ ...failing, maxQueued: 20 });
    const ids = await spoolSome(queue);
    failing.broken = { on: 'read', code: 'EIO' };
    sink.isDown = false;
    await eventually(() => queue.stats.queued === 0);
    const { written, dropped, handedOver } = queue.stats;
    expect({ sum: written + handedOver, dropped }).toEqual({ sum: ids.length, dropped: 0 });
    await queue.close(100);
    const next = queueOf();
    await eventually(() => new Set(sink.ids).size === ids.length, { what: 'all of them' });
    expect(next.stats.dropped).toBe(0);
  });

  it.each([
    ['refuses', () => Promise.reject(failure('ECONNREFUSED'))],
    ['does not answer', () => new Promise<void>(() => undefined)],
  ])(
    'that is ready lets memory drop nothing, however small it is, while the sink %s',
    async (_, write) => {
      // A machine that takes 5 ms for a write has not to do with this.
      const queue = queueOf({ maxQueued: 20, sink: { write }, now: standingClock() });
      await queue.start();
      for (let round = 0; round < 10; round += 1) {
        // Some at one go, more than there is room for.
        push(queue, 50);
        expect(queue.stats.queued - queue.stats.spooled).toBeLessThanOrEqual(20);
        await new Promise((resolve) => setTimeout(resolve, SYNC_MS));
      }
      expect(queue.stats).toMatchObject({ enqueued: 500, queued: 500, dropped: 0 });
      queue.closeNow();
      expect(new Set(spooledIds()).size).toBe(500);
    },
  );

  it('is brought to the disk before its process has closed', async () => {
    const failing = new FailingFiles();
    // No other fsync comes in between.
    const queue = queueOf({ ...failing, syncIntervalMs: 60_000 });
    await queue.start();
    await eventually(() => allSegments().length > 0);
    const before = failing.syncs;
    const ids = push(queue, 10);
    expect(await queue.close(0)).toBe(0);
    expect(failing.syncs).toBeGreaterThan(before);
    expect(spooledIds().sort()).toEqual(ids);
  });

  it.each([
    ['at once', false],
    ['in turns of the disk', true],
  ])(
    'that is written %s begins another file before one is too large, and removes each that is delivered',
    async (_, isSlow) => {
      const failing = new FailingFiles();
      if (isSlow) {
        failing.filesNow.writeSync = () => {
          throw failure('EAGAIN');
        };
      }
      // A file may take an eighth of it.
      const maxBytes = 1_024 * 1_024;
      const queue = queueOf({ ...failing, maxBytes, maxQueued: 10_000, now: standingClock() });
      await queue.start();
      const ids: string[] = [];
      while (ids.length < 2_000) {
        ids.push(...push(queue, 100));
        await eventually(() => new Set(spooledIds()).size === ids.length, { withinMs: 20_000 });
      }
      const sizes = segments().map((path) => statSync(path).size);
      expect(sizes.length).toBeGreaterThan(2);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(maxBytes / 8);
      await expectAll(queue, ids);
      await eventually(() => segments().length === 0);
      await eventually(() => allSegments().length <= 3, {
        what: 'removal of all but the open ones',
      });
    },
  );

  it('says where it keeps what the sink refuses', async () => {
    const queue = queueOf({ sink: { write: () => Promise.reject(failure('22021')) } });
    push(queue, 3);
    await eventually(() => said.some((line) => line.includes('were refused')));
    const path = join(folder.path, 'spool', 'refused.ndjson');
    expect(said.join()).toContain(`they are kept in ${path}`);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(3);
    expect(said.join()).not.toContain('kept nowhere');
  });

  it('feeds another sink as well: a file of JSON lines', async () => {
    const path = join(folder.path, 'requests.ndjson');
    const queue = queueOf({ sink: new NdjsonFileSink({ path }) });
    const ids = push(queue, 5);
    await queue.close(1_000);
    const rows = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; ipAddress: string });
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect(rows[0]).toMatchObject({
      ipAddress: '203.0.113.1',
      status: 200,
      userAgent: 'a\u001eb\n\\',
    });
  });
});
