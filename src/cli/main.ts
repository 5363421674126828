#!/usr/bin/env node

/** The judge needs neither Nest nor a database, and starts before they would be loaded. */
async function main(): Promise<void> {
  const [command, ...args] = process.argv.slice(2);
  const isAbout = command === 'help' && args[0] === 'judge';
  if (command === 'judge' || isAbout) {
    const { runJudge } = await import('./judge/judge-program.js');
    process.exitCode = await runJudge(isAbout ? ['--help'] : args);
    return;
  }
  const { runOperatorProgram, fail } = await import('./operator-program.js');
  await runOperatorProgram().catch(fail);
}

void main();
