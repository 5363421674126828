// The app under fault, in a process of its own: told what to be by its environment, asked for its counters by its parent.
import 'reflect-metadata';
import fileSystemNow from 'node:fs';
import fileSystem from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Controller, Get, HttpException, Module, Post, Put, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const { dist, options, mutant, adapter, handlerMs, shutdownHooks, listens } = JSON.parse(
  process.env['DRILL_APP'],
);

/** Which calls of the file system fail: `{ on: ['open', 'write', 'datasync', 'everything'], code }`, or null. */
let broken = null;
breakableFiles();
const { IpTrackingModule, RequestLogService, Database } = await load();

/** What others in the process do about SIGTERM. */
const listeners = {
  // As `signal-exit` does: it ends the process only if nobody else would have kept it.
  politely: function politely() {
    if (process.listenerCount('SIGTERM') > 1) return;
    process.off('SIGTERM', politely);
    process.kill(process.pid, 'SIGTERM');
  },
  deafly: () => undefined,
};

/** Called by each handler. */
let onHandled = () => undefined;

class Routes {
  answer({ headers }) {
    // Work that holds up the event loop.
    for (const until = performance.now() + handlerMs; performance.now() < until;);
    onHandled();
    const status = Number(headers['x-answer'] ?? 200);
    if (status >= 400) throw new HttpException('as it was asked', status);
    return 'ok';
  }
}
Controller()(Routes);
for (const [name, method] of Object.entries({ get: Get, post: Post, put: Put })) {
  const everything = adapter === 'express' ? '*path' : '*';
  Routes.prototype[name] = function (request) {
    return this.answer(request);
  };
  Req()(Routes.prototype, name, 0);
  method(everything)(
    Routes.prototype,
    name,
    Object.getOwnPropertyDescriptor(Routes.prototype, name),
  );
}

class App {}
Module({
  imports: [
    IpTrackingModule.forRoot({
      ...options,
      identify: ({ headers }) => headers['x-user'],
      geo: {
        provider: { name: 'drill', lookup: (ip) => ({ country: 'SE', city: `Kiruna ${ip}` }) },
      },
      requestLog: {
        ...options.requestLog,
        enrich: (_, { headers }) => ({ asked: headers['x-answer'], odd: 'a\\"\t\u001eb' }),
        ...(await sinkOf(mutant)),
      },
    }),
  ],
  controllers: [Routes],
})(App);

process.on('unhandledRejection', (error) => {
  process.send({ unhandled: String(error) });
});
const startedAt = performance.now();
const app = await NestFactory.create(
  App,
  adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
  { logger: ['error', 'warn', 'log'] },
);
if (shutdownHooks) app.enableShutdownHooks();
if (listens !== undefined) process.on('SIGTERM', listeners[listens]);
await app.listen(0, '127.0.0.1');
const queue = app.get(RequestLogService);
process.on('message', ({ id, breakFiles, exitWith }) => {
  if (exitWith !== undefined) process.exit(exitWith);
  if (breakFiles !== undefined) broken = breakFiles;
  process.send({ id, stats: queue.stats });
});
// At once: who saturates the loop waits long for answers to questions.
let pauses = 0;
onHandled = () => {
  const { spoolPauses } = queue.stats;
  if (spoolPauses !== pauses) process.send({ pauses: spoolPauses });
  pauses = spoolPauses;
};
// How long the machine lets this process wait, for what depends on it.
setInterval(() => process.send({ beatAt: Date.now() }), 20).unref();
process.send({ port: app.getHttpServer().address().port, bootMs: performance.now() - startedAt });
app.getHttpServer().on('close', () => {
  process.channel?.unref();
});

async function load() {
  const index = await import(`${dist}/src/index.js`);
  const database = await import(`${dist}/src/database/database.js`);
  return { ...index, ...database };
}

/** Variants that are broken on purpose: the drill has to catch each of them. */
async function sinkOf(name) {
  if (name === undefined) return {};
  const record = await import(`${dist}/src/request-log/record/record-line.js`);
  if (await breakSpool(name, record)) return {};
  const { PostgresSink } = await import(`${dist}/src/request-log/sinks/postgres-sink.js`);
  const { createDataSource } = await import(`${dist}/src/database/data-source.js`);
  const { Lines } = await import(`${dist}/src/request-log/record/lines.js`);
  const { recordId } = await import(`${dist}/src/request-log/record/record-id.js`);
  const columns = record.LINE_COLUMNS.map((column) => `"${column}"`).join(', ');
  const sink = new PostgresSink(new Database(createDataSource(options.database, []), true));
  let rows = 0;
  let batches = 0;
  const anew = (line) => [recordId(Date.parse(line.split('\t')[1])), ...line.split('\t').slice(1)];
  const sinks = {
    'no on conflict': {
      writeLines: (lines) =>
        sink.copy(`copy ip_tracking.request_log (${columns}) from stdin`, lines.bytes),
    },
    'acknowledged before written': {
      writeLines: async (lines) => {
        sink.writeLines(lines).catch(() => undefined);
      },
    },
    'an error swallowed': {
      writeLines: (lines) => sink.writeLines(lines).catch(() => undefined),
    },
    'no bisection': {
      writeLines: (lines) =>
        sink.writeLines(lines).catch((error) => {
          throw new Error(`the whole batch fails: ${error.message}`);
        }),
    },
    'one row in 10,000 dropped': {
      writeLines: (lines) => sink.writeLines(lines.where(() => (rows += 1) % 10_000 !== 0)),
    },
    'the 40th batch doubled': {
      writeLines: async (lines) => {
        batches += 1;
        await sink.writeLines(lines);
        if (batches % 40 !== 0) return;
        await sink.writeLines(Lines.of(Array.from(lines, (line) => anew(line).join('\t'))));
      },
    },
  };
  return { sink: { write: () => undefined, ...sinks[name], close: () => sink.close() } };
}

/** Those that do something to what is read from the spool. */
async function breakSpool(name, { LINE_COLUMNS }) {
  const { SpoolSegment } = await import(`${dist}/src/request-log/spool/spool-segment.js`);
  const { read } = SpoolSegment.prototype;
  if (name === 'the columns of another release taken for ours') {
    SpoolSegment.prototype.translate = (line) => line;
    return true;
  }
  const column = /^(\w+) changed in the spool$/.exec(name)?.[1];
  if (column === undefined) return false;
  const changed = { status: '200', path: '/elsewhere', user_id: 'nobody', duration_us: '0' };
  SpoolSegment.prototype.read = async function (range) {
    const piece = await read.call(this, range);
    const lines = piece.lines.map((line) => {
      const fields = line.split('\t');
      const at = LINE_COLUMNS.indexOf(column);
      // Of a path the id stays, or it would be another request's.
      fields[at] = column === 'path' ? `${changed.path}${fields[at]}` : changed[column];
      return fields.join('\t');
    });
    return { ...piece, lines };
  };
  return true;
}

/** Wraps node's own functions, so that the module, as it is published, meets a disk that refuses. */
function breakableFiles() {
  const check = (call) => {
    if (broken === null || !(broken.on.includes(call) || broken.on.includes('everything'))) return;
    throw Object.assign(new Error(`${broken.code}: as the drill wishes`), { code: broken.code });
  };
  const { open, writeFile, mkdir } = fileSystem;
  const { writeSync } = fileSystemNow;
  // What is said by logs is written by it as well.
  fileSystemNow.writeSync = (...given) => (given[0] > 2 && check('write'), writeSync(...given));
  fileSystem.writeFile = async (...given) => (check('everything'), writeFile(...given));
  fileSystem.mkdir = async (...given) => (check('everything'), mkdir(...given));
  fileSystem.open = async (...given) => {
    check('open');
    const file = await open(...given);
    for (const call of ['write', 'datasync']) {
      const real = file[call].bind(file);
      file[call] = async (...some) => (check(call), real(...some));
    }
    return file;
  };
  syncBuiltinESMExports();
}
