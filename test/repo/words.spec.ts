import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesBelow, ROOT, textOf } from './source-tree.js';

const CODE = ['src', 'demo', 'migrations', 'test', 'bench', 'scripts']
  .flatMap((folder) => filesBelow(folder, ['.ts', '.mts', '.mjs', '.cjs']))
  // Its patterns would find themselves.
  .filter((path) => path !== 'test/repo/words.spec.ts');

/** Everything that is written by hand. */
const TEXTS = [
  ...CODE,
  ...filesBelow('docs', ['.md']),
  ...filesBelow('test', ['.md']),
  ...filesBelow('bench', ['.md']),
  ...readdirSync(ROOT).filter((name) => /\.(md|json|ya?ml|ts)$/.test(name)),
  ...['.ci/run', 'LICENSE'].filter((path) => existsSync(join(ROOT, path))),
].filter((path) => path !== 'package-lock.json');

/** Nobody who calls an app, runs it or attacks it is known to be a man or a woman. An escape in a path is no word. */
const GENDERED = /\b(?:s?he(?!%)|his|him|himself|hers?|herself)\b/i;

/** `file:line: the line` for each line that matches. */
function linesWith(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    textOf(path)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}

describe('no text', () => {
  it('leaves work for later', () => {
    expect(
      linesWith(/\b(TODO|FIXME|XXX|HACK)\b/, TEXTS),
      'do it now, or leave it out: a note in the code is read by nobody',
    ).toEqual([]);
  });

  it('names a place on the machine it was written on', () => {
    expect(
      linesWith(/(^|[\s'"`(=:])(\/work\/|\/home\/|\/Users\/|\/root\/|[A-Z]:\\Users)/, TEXTS),
      'make the path from the file that needs it: __dirname, or a temporary folder',
    ).toEqual([]);
  });

  it('takes a person for a man or a woman', () => {
    expect(
      linesWith(GENDERED, TEXTS),
      'whoever it is, they are "they": them, their, themselves',
    ).toEqual([]);
  });

  it.each([
    ['the client and his bucket', true],
    ['He is blocked', true],
    ['nobody locks himself out', true],
    ['what is hers', true],
    ["'/he%61lth',", false],
    ['this is the other: there, here, when, whom, history', false],
    ['they, them, their, themselves', false],
  ])('sees a man or a woman in %j: %s', (line, isGendered) => {
    expect(GENDERED.test(line)).toBe(isGendered);
  });

  it('points out of the checkout', () => {
    expect(
      linesWith(/\.\.\/shared\b/, TEXTS),
      'a clone has only what is in it: say here what is needed',
    ).toEqual([]);
  });
});

describe('no code', () => {
  it('runs one test and forgets the others', () => {
    expect(linesWith(/\.only\(/, CODE), 'take .only away').toEqual([]);
  });

  it('silences the compiler', () => {
    expect(
      linesWith(/@ts-(ignore|nocheck)/, CODE),
      'mend the type; in a test of a wrong call, use @ts-expect-error and say why',
    ).toEqual([]);
    expect(CODE.flatMap(castsToAny), 'name the type that it has, or use unknown').toEqual([]);
  });

  it('ends the host process', () => {
    const library = CODE.filter((path) => /^(src|demo)\//.test(path) && !path.endsWith('.spec.ts'));
    const programs =
      /^(src\/cli\/(judge\/judge-program|operator-program|operator-command)|demo\/(start|shutdown))\.ts$/;
    expect(
      linesWith(
        /process\.(exit|abort)\(/,
        library.filter((path) => !programs.test(path)),
      ),
      'throw an IpTrackingError: only programs may end the process',
    ).toEqual([]);
  });

  it('is commented out', () => {
    expect(
      CODE.filter((path) => /\.m?ts$/.test(path)).flatMap(commentedOutCode),
      'delete it: git remembers it',
    ).toEqual([]);
  });

  it.each([
    ['// const a = 1;', true],
    ['// if (a) {\n//   b();\n// }', true],
    ['/* await load(url); */', true],
    ['// return a.b(c);', true],
    ['// A probe: it waits; then it tries again (see above).', false],
    ['// Default.', false],
    ['// ioredis is imported lazily;', false],
    ['/** Calls `close();` at the end. */', false],
    ['// oxlint-disable-next-line no-console', false],
  ])('hides in %j: %s', (comment, isCode) => {
    expect(commentsIn(`${comment}\nfinish();`).some(({ text }) => isProgram(text))).toBe(isCode);
  });
});

describe('the lock file', () => {
  interface Locked {
    resolved?: string;
    integrity?: string;
    optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(textOf('package-lock.json')) as {
    packages: Record<string, Locked>;
  };
  const entries = Object.entries(packages).filter(([path]) => path.includes('node_modules/'));

  it('names no registry', () => {
    expect(entries.length).toBeGreaterThan(100);
    expect(
      entries.flatMap(([path, { resolved }]) => (resolved ? [`${path}: ${resolved}`] : [])),
      'npm would ask that host alone: npm install --omit-lockfile-registry-resolved',
    ).toEqual([]);
  });

  it('knows the content of each package', () => {
    expect(
      entries.filter(([, { integrity }]) => !integrity).map(([path]) => path),
      'without an integrity nobody notices another content: install it anew',
    ).toEqual([]);
  });

  it('has the packages of every platform, not only of the one it was written on', () => {
    const isLocked = (name: string) =>
      entries.some(([path]) => path.endsWith(`node_modules/${name}`));
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !isLocked(name));
    expect(
      missing,
      'npm ci refuses such a lock file: depend on a version whose packages are all published, and install it anew',
    ).toEqual([]);
  });
});

function castsToAny(path: string): string[] {
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isCast = ts.isAsExpression(node) || ts.isTypeAssertionExpression(node);
    if (isCast && node.type.kind === ts.SyntaxKind.AnyKeyword) {
      const { line } = tree.getLineAndCharacterOfPosition(node.type.getStart());
      found.push(`${path}:${line + 1}: ${node.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function commentedOutCode(path: string): string[] {
  return commentsIn(textOf(path))
    .filter(({ text }) => isProgram(text))
    .map(({ line, text }) => `${path}:${line}: ${text.split('\n')[0]!}`);
}

interface Comment {
  readonly line: number;
  /** Without its slashes and stars; `//` lines that follow each other are one comment. */
  readonly text: string;
}

/** The comments of a program but for its documentation, where code is an example. */
function commentsIn(program: string): Comment[] {
  const tree = ts.createSourceFile('a.ts', program, ts.ScriptTarget.Latest, true);
  const ranges = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    for (const range of ts.getLeadingCommentRanges(program, node.getFullStart()) ?? []) {
      ranges.set(range.pos, range);
    }
    for (const range of ts.getTrailingCommentRanges(program, node.getEnd()) ?? []) {
      ranges.set(range.pos, range);
    }
    node.getChildren(tree).forEach(visit);
  };
  visit(tree);
  const comments: { line: number; endLine: number; text: string }[] = [];
  for (const { pos, end, kind } of [...ranges.values()].sort((a, b) => a.pos - b.pos)) {
    const raw = program.slice(pos, end);
    if (raw.startsWith('/**')) continue;
    const line = tree.getLineAndCharacterOfPosition(pos).line + 1;
    const endLine = tree.getLineAndCharacterOfPosition(end).line + 1;
    const last = comments.at(-1);
    if (kind === ts.SyntaxKind.MultiLineCommentTrivia) {
      comments.push({
        line,
        endLine,
        text: raw
          .slice(2, -2)
          .replace(/^\s*\*/gm, '')
          .trim(),
      });
    } else if (last?.endLine === line - 1) {
      last.text += `\n${raw.slice(2).trim()}`;
      last.endLine = endLine;
    } else {
      comments.push({ line, endLine, text: raw.slice(2).trim() });
    }
  }
  return comments;
}

/** Whether a text parses as a program, and does what prose hardly does: call, assign, return, or open a block. */
function isProgram(text: string): boolean {
  if (!/[;{}]\s*$/m.test(text) || !/[=({]|\breturn\b|\bimport\b/.test(text)) return false;
  const { diagnostics = [] } = ts.transpileModule(text, { reportDiagnostics: true });
  return diagnostics.length === 0;
}
