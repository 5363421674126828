// Stryker on the pure folders, one after another. Of the mutants that can be told from the source 95 in 100 have to be
// killed; those that nothing can tell from it are listed, each with its reason, in test/mutants/equivalent.json.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const LEAST = 95;
const REPORT = '.bench/mutants.json';

/** Gives how many folders have too low a score, or a list that is not true any more. */
export function judgeFolders(checkout, names = []) {
  const folders = read(checkout, 'test/mutants/pure.json');
  const equivalent = read(checkout, 'test/mutants/equivalent.json');
  const chosen = names.length === 0 ? Object.keys(folders) : names;
  let failed = 0;
  for (const name of chosen) {
    if (folders[name] === undefined) {
      throw new Error(`"${name}" is none of ${Object.keys(folders).join(', ')}`);
    }
    const report = runStryker(checkout, folders[name]);
    const { score, killed, counted, listed, alive, stale } = scoreOf(report, equivalent);
    for (const { file, line, original, replacement, status } of alive) {
      say(`${status}   ${file}:${line}   ${oneLine(original)}   ->   ${oneLine(replacement)}`);
    }
    for (const { file, original } of stale) {
      say(`not equivalent any more, or gone   ${file}   ${oneLine(original)}`);
    }
    say(`${name}: ${score.toFixed(1)} % (${killed} of ${counted} killed, ${listed} equivalent)`);
    if (score < LEAST || stale.length > 0) failed += 1;
  }
  return failed;
}

function runStryker(checkout, files) {
  rmSync(join(checkout, REPORT), { force: true });
  spawnSync(
    process.execPath,
    [
      'node_modules/@stryker-mutator/core/bin/stryker.js',
      'run',
      'test/mutants/stryker.config.json',
      '--mutate',
      [...files, '!src/**/*.spec.ts', '!src/**/*.options.ts'].join(','),
    ],
    {
      cwd: checkout,
      // The same draws for each mutant, and no longer than it takes to notice most.
      env: { SEED: '1', PROPERTY_MS: '1000', ...process.env },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  if (!existsSync(join(checkout, REPORT))) throw new Error('Stryker has not come to its end');
  return read(checkout, REPORT);
}

/**
 * What a report of Stryker says, without the mutants that are listed as equivalent. An entry names its mutant by the file,
 * the text that is replaced, and what it is replaced by; and by the whole line where that text is there more than once.
 */
export function scoreOf(report, equivalent) {
  const result = { killed: 0, counted: 0, listed: 0, alive: [], stale: [], score: 100 };
  const used = new Set();
  for (const [file, { source, mutants }] of Object.entries(report.files)) {
    const lines = source.split('\n');
    for (const mutant of mutants) {
      if (mutant.status === 'Ignored' || mutant.status === 'CompileError') continue;
      const found = describe(file, lines, mutant);
      const isKilled = mutant.status === 'Killed' || mutant.status === 'Timeout';
      const entry = equivalent.find((one) => isOf(one, found));
      // On a busy machine any run may take too long, and shows nothing then.
      if (entry !== undefined && mutant.status !== 'Killed') {
        used.add(entry);
        result.listed += 1;
        continue;
      }
      result.counted += 1;
      if (isKilled) result.killed += 1;
      else result.alive.push(found);
    }
  }
  result.stale = equivalent.filter((one) => one.file in report.files && !used.has(one));
  result.score = result.counted === 0 ? 100 : (100 * result.killed) / result.counted;
  return result;
}

function describe(file, lines, { location: { start, end }, replacement, status }) {
  const part = lines.slice(start.line - 1, end.line);
  part[part.length - 1] = part.at(-1).slice(0, end.column - 1);
  part[0] = part[0].slice(start.column - 1);
  return {
    file,
    line: start.line,
    text: lines[start.line - 1].trim(),
    original: part.join('\n'),
    replacement,
    status,
  };
}

function isOf(entry, { file, text, original, replacement }) {
  return (
    entry.file === file &&
    oneLine(entry.original) === oneLine(original) &&
    oneLine(entry.replacement) === oneLine(replacement) &&
    (entry.line === undefined || entry.line === text)
  );
}

function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function read(checkout, path) {
  return JSON.parse(readFileSync(join(checkout, path), 'utf8'));
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
