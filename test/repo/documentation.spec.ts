import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { cellsOf, DOCUMENTS, linksIn, PAGES, prose, targetOf } from './markdown.js';
import { ROOT, textOf } from './source-tree.js';

const ERRORS_PAGE = 'docs/errors.md';
/** What a cell of a table may hold: beyond it nobody reads along its line. */
const LONGEST_CELL = 200;
/** What a page may hold, in words: beyond it nobody finds what they look for. */
const LONGEST_PAGE = 3_000;

/** The anchors that GitHub makes of a document's headings. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(path).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let copy = 1; anchors.has(unique); copy += 1) unique = `${anchor}-${copy}`;
    anchors.add(unique);
  }
  return anchors;
}

/** The members of the union `IpTrackingErrorCode`. */
function errorCodes(): string[] {
  const path = 'src/ip-tracking.errors.ts';
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
  for (const statement of tree.statements) {
    if (!ts.isTypeAliasDeclaration(statement)) continue;
    if (statement.name.text !== 'IpTrackingErrorCode' || !ts.isUnionTypeNode(statement.type))
      continue;
    return statement.type.types.flatMap((type) =>
      ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? [type.literal.text] : [],
    );
  }
  return [];
}

describe('errors', () => {
  const codes = errorCodes();
  // A heading or a row of a table begins with the code; a mention in passing describes nothing.
  const described = () =>
    [...prose(ERRORS_PAGE).matchAll(/^(?:#{1,6}\s+|\|\s*)`(IPT_[A-Z_]+)`/gm)].map(
      (match) => match[1]!,
    );

  it('are described, each code of them', () => {
    expect(codes.length).toBeGreaterThan(10);
    expect(new Set(codes).size).toBe(codes.length);
    const page = described();
    expect(
      codes.filter((code) => !page.includes(code)),
      `give each a heading or a row in ${ERRORS_PAGE} that begins with the code in backticks`,
    ).toEqual([]);
  });

  it('are described only where they exist', () => {
    expect(
      described().filter((code) => !codes.includes(code)),
      `no error has this code any more: take it out of ${ERRORS_PAGE}`,
    ).toEqual([]);
  });

  it('are described once', () => {
    const page = described();
    expect(page.filter((code, index) => page.indexOf(code) !== index)).toEqual([]);
  });
});

describe('documents', () => {
  it('can all be found from the README', () => {
    const indexes = ['README.md', 'docs/README.md', 'docs/index.md'].filter((path) =>
      existsSync(join(ROOT, path)),
    );
    expect(indexes).toContain('README.md');
    const linked = new Set(
      indexes.flatMap((from) => linksIn(from).map((link) => targetOf(from, link)?.path)),
    );
    expect(
      [...PAGES, 'CONTRIBUTING.md', 'CHANGELOG.md'].filter(
        (page) => !linked.has(page) && !indexes.includes(page),
      ),
      'link them from README.md',
    ).toEqual([]);
  });

  it(`have no cell over ${LONGEST_CELL} characters in their tables`, () => {
    const long = DOCUMENTS.flatMap((path) =>
      prose(path)
        .split('\n')
        .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
        .flatMap(cellsOf)
        .filter((cell) => cell.length > LONGEST_CELL)
        .map((cell) => `${path}: ${cell}`),
    );
    expect(long, 'say it in a few words there, and the rest in a paragraph').toEqual([]);
  });

  it(`are pages of ${LONGEST_PAGE} words at most`, () => {
    const long = PAGES.map((path) => ({ path, words: prose(path).split(/\s+/).length }))
      .filter(({ words }) => words > LONGEST_PAGE)
      .map(({ path, words }) => `${path}: ${words} words`);
    expect(long, 'a page is one subject: split it').toEqual([]);
  });

  it('link to what exists', () => {
    const broken = DOCUMENTS.flatMap((from) =>
      linksIn(from).flatMap((link) => {
        const target = targetOf(from, link);
        if (target === null || isThere(target)) return [];
        return [`${from}: ${link}`];
      }),
    );
    expect(broken, 'mend the path, or the heading after the #').toEqual([]);
  });
});

function isThere({ path, anchor }: { path: string; anchor: string }): boolean {
  // Out of the checkout there is nothing that a clone has.
  if (path.startsWith('..') || !existsSync(join(ROOT, path))) return false;
  if (anchor === '' || statSync(join(ROOT, path)).isDirectory()) return true;
  return !path.endsWith('.md') || anchorsOf(path).has(anchor);
}
