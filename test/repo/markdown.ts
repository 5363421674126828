import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { filesBelow, ROOT, textOf } from './source-tree.js';

/** The pages in docs/, from the checkout's root. */
export const PAGES = filesBelow('docs', ['.md']);
/** Everything that is written for people to read: the pages, and the texts beside the README. */
export const DOCUMENTS = [...readdirSync(ROOT).filter((name) => name.endsWith('.md')), ...PAGES];

/** A document without its code, where nothing is a link, a heading or a table. */
export function prose(path: string): string {
  return textOf(path).replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, '');
}

/** The targets of inline links, images and link definitions. */
export function linksIn(path: string): string[] {
  const text = prose(path).replace(/`[^`\n]*`/g, '');
  return [
    ...[...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1]!),
    ...[...text.matchAll(/^\s*\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm)].map((match) => match[1]!),
  ];
}

/** What a relative link leads to, from the checkout's root, and the heading in it. */
export function targetOf(from: string, link: string): { path: string; anchor: string } | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return null;
  const [file = '', anchor = ''] = link.split('#');
  const path = file === '' ? from : posix.join(posix.dirname(from), decodeURIComponent(file));
  return { path: path.replace(/\/$/, ''), anchor };
}

export interface Row {
  readonly cells: readonly string[];
  /** The heading that the table stands under. */
  readonly heading: string;
}

/** The rows of a document's tables, without their heads. */
export function rowsOf(path: string): Row[] {
  const rows: Row[] = [];
  let heading = '';
  let isBody = false;
  for (const line of prose(path).split('\n')) {
    heading = /^#{1,6}\s+(.+)$/.exec(line)?.[1] ?? heading;
    if (!line.startsWith('|')) isBody = false;
    else if (/^[|\s:-]+$/.test(line)) isBody = true;
    else if (isBody) rows.push({ cells: cellsOf(line), heading });
  }
  return rows;
}

/** The cells of a table's line. A bar in a cell is written with a backslash. */
export function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** What a cell is where all of it is code; null for words. */
export function codeIn(cell: string): string | null {
  return /^`([^`]+)`$/.exec(cell)?.[1] ?? null;
}

export interface CodeBlock {
  readonly page: string;
  readonly language: string;
  /** Without the indentation of a block in a list. */
  readonly code: string;
  /** The line of the page that the code begins at, the first being 1. */
  readonly line: number;
}

/** The blocks of code in a document, in order. */
export function codeBlocksOf(page: string): CodeBlock[] {
  const text = textOf(page);
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', block = ''] = match;
    return {
      page,
      language,
      code: block.replace(new RegExp(`^${indent}`, 'gm'), ''),
      line: text.slice(0, match.index).split('\n').length + 1,
    };
  });
}
