import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocksOf } from './markdown.js';
import { ROOT, textOf } from './source-tree.js';

/** The page with the recipes. */
export const RECIPES = 'CONTRIBUTING.md';

/**
 * What the checkout has after all recipes were followed: the files that they write, each a `ts` block that begins with
 * the file's path, and those that they change, by `diff` blocks that begin with it. By path, from the checkout's root.
 *
 * @throws Error where a recipe writes a file that there is, or changes lines that are not there, or not once.
 */
export function filesOfRecipes(): Map<string, string> {
  const files = new Map<string, string>();
  for (const { language, code, line } of codeBlocksOf(RECIPES)) {
    const [, path] = /^\s?\/\/ (\S+\.ts)\n/.exec(code) ?? [];
    if (path === undefined) continue;
    const where = `${RECIPES}:${line}`;
    if (language === 'diff') {
      files.set(path, changed(files.get(path) ?? textOf(path), code, where));
    } else {
      if (existsSync(join(ROOT, path))) throw new Error(`${where}: ${path} is there already`);
      files.set(path, code);
    }
  }
  return files;
}

/** A text after the hunks of a `diff` block, which `@@` separates. Its first line is the path. */
export function changed(text: string, diff: string, where: string): string {
  const hunks = diff.replace(/^.*\n/, '').split(/^@@\n/m);
  return hunks.reduce((before, hunk) => {
    const lines = hunk.replace(/\n$/, '').split('\n');
    const without = (sign: string) =>
      lines
        .filter((line) => !line.startsWith(sign))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    const old = without('+');
    const parts = before.split(old);
    if (parts.length !== 2) {
      throw new Error(`${where}: ${parts.length - 1} places have these lines:\n${old}`);
    }
    return parts.join(without('-'));
  }, text);
}
