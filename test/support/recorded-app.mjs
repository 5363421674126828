// A process that tells which files of the compiled package have run between two moments, by V8's own count of calls: an
// app that serves, or one run of the command line. Told what to be by its environment, and what to do by its parent.
import 'reflect-metadata';
import { Session } from 'node:inspector';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Module,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const { dist, adapter, options, command } = JSON.parse(process.env['RECORDED_APP']);
const ROOT = `${pathToFileURL(dist).href}/`;
/** So long nothing may run for the process to be taken for quiet. */
const QUIET_MS = 200;

const session = new Session();
session.connect();
post('Profiler.enable');
// Before anything is loaded: of what was compiled earlier V8 may have nothing to count by.
post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

/** The inspector of one's own process answers at once. */
function post(method, parameters) {
  let answer;
  session.post(method, parameters, (error, result) => {
    if (error) throw new Error(error.message);
    answer = result;
  });
  return answer;
}

/** The files of the package of which a function was called since the last call, as they are called in the checkout. */
function filesRun() {
  const { result } = post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => url.startsWith(`${ROOT}src/`))
    .filter(({ functions }) => functions.some(({ ranges }) => ranges[0].count > 0))
    .map(({ url }) => url.slice(ROOT.length).replace(/\.js$/, '.ts'));
}

/** The files that run until nothing has for a while. */
async function filesUntilQuiet() {
  const files = new Set();
  let lastAt = performance.now();
  while (performance.now() - lastAt < QUIET_MS) {
    await sleep(10);
    const run = filesRun();
    if (run.length === 0) continue;
    for (const file of run) files.add(file);
    lastAt = performance.now();
  }
  return [...files];
}

await (command === undefined ? serve() : runCommand());

async function serve() {
  const { DetectionService, IpTrackingModule, Sensitive } = await import(`${dist}/src/index.js`);
  const { LiveRules } = await import(`${dist}/src/rules/live-rules.js`);
  class Login {
    login({ password }) {
      if (password !== 'right') throw new UnauthorizedException();
      return 'welcome';
    }
    home() {
      return 'home';
    }
  }
  decorate(Login, 'login', [Post('login'), HttpCode(200), Sensitive()]);
  Body()(Login.prototype, 'login', 0);
  decorate(Login, 'home', [Get()]);
  Controller()(Login);
  class App {}
  const provider = { name: 'here', lookup: () => ({ country: 'DE', city: 'Kiel' }) };
  Module({
    imports: [IpTrackingModule.forRoot({ ...options, geo: { provider } })],
    controllers: [Login],
  })(App);
  const logger = ['error'];
  const app =
    adapter === 'express'
      ? await NestFactory.create(App, { logger })
      : await NestFactory.create(App, new FastifyAdapter(), { logger });
  await app.listen(0, '127.0.0.1');
  const tasks = {
    settle: filesUntilQuiet,
    scan: () => app.get(DetectionService).scan(),
    // Not by the app's status, which runs what no way runs.
    version: () => app.get(LiveRules).version,
  };
  const answer = async ({ id, task }) => process.send({ id, result: await tasks[task]() });
  process.on('message', (message) => void answer(message));
  process.send({ port: app.getHttpServer().address().port });
}

async function runCommand() {
  const { CommandFactory } = await import('nest-commander');
  const { CliModule } = await import(`${dist}/src/cli/cli.module.js`);
  process.argv.splice(2, Infinity, ...command);
  const app = await CommandFactory.createWithoutRunning(CliModule, false);
  filesRun();
  await CommandFactory.runApplication(app);
  process.send({ result: filesRun() });
  await app.close();
}

/** What decorators do in TypeScript. */
function decorate(type, name, decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const decorator of decorators) decorator(type.prototype, name, descriptor);
}
