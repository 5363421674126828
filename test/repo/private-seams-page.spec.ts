import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesBelow, textOf } from './source-tree.js';

const PAGES = ['docs/private-seams.md', 'docs/private-seams-of-the-database.md'];
const CANARIES = [
  'test/e2e/private-seams.e2e-spec.ts',
  'test/e2e/private-seams-of-answers.e2e-spec.ts',
  'test/e2e/private-seams-of-the-database.e2e-spec.ts',
  'test/repo/private-seams.spec.ts',
];

interface Seam {
  readonly title: string;
  /** What the code says there, by file. */
  readonly where: readonly { file: string; code: readonly string[] }[];
  readonly why: string;
  readonly without: string;
  /** How the titles of its tests begin. */
  readonly canaries: readonly string[];
}

const codeIn = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

function seams(): Seam[] {
  const sections = PAGES.flatMap((page) => textOf(page).split(/^### /m).slice(1));
  return sections.map((section) => {
    const line = (name: string) => new RegExp(`^- ${name}: (.+)$`, 'm').exec(section)?.[1] ?? '';
    // What is not packed is named, not linked.
    const where = [...line('Where').matchAll(/(.*?)`(src\/\S+?)`/g)].map(([, text, file]) => ({
      file: file!,
      code: codeIn(text!),
    }));
    return {
      title: section.split('\n', 1)[0]!,
      where,
      why: line('Why'),
      without: line('Without it'),
      canaries: codeIn(line('Canary')),
    };
  });
}

/** The titles of a file's tests: those of `it()`, and those that begin a row of `it.each()`. */
function titlesIn(path: string): string[] {
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
  const titles: string[] = [];
  const note = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteral(node) && node.text !== '%s')
      titles.push(node.text);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const callee = node.expression.getText(tree);
      if (callee === 'it') note(node.arguments[0]);
      if (callee === 'it.each') {
        const rows = node.arguments[0]!;
        const list = ts.isAsExpression(rows) ? rows.expression : rows;
        ts.forEachChild(list, (row) => {
          if (ts.isArrayLiteralExpression(row)) note(row.elements[0]);
        });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return titles;
}

describe('docs/private-seams.md', () => {
  const page = seams();
  const titles = CANARIES.flatMap(titlesIn);

  it('says of each seam where and why it is, and what breaks without it', () => {
    expect(page.length).toBeGreaterThan(30);
    const lacking = page.filter(
      ({ where, why, without }) => where.length === 0 || why === '' || without === '',
    );
    expect(
      lacking.map(({ title }) => title),
      'each has lines that begin with "- Where:", "- Why:", "- Without it:" and "- Canary:"',
    ).toEqual([]);
  });

  it('names a canary of each, and each canary', () => {
    const named = page.flatMap(({ canaries }) => canaries);
    expect(page.filter(({ canaries }) => canaries.length === 0)).toEqual([]);
    expect(
      named.filter((seam) => !titles.some((title) => title.startsWith(`${seam}: `))),
      `no test's title begins with this and a colon: write the canary, in ${CANARIES.join(' or ')}`,
    ).toEqual([]);
    expect(
      titles.filter((title) => !named.some((seam) => title.startsWith(`${seam}: `))),
      `${PAGES.join(' and ')} do not name these canaries`,
    ).toEqual([]);
  });

  it('finds each seam in the file that it names', () => {
    const gone = page.flatMap(({ title, where }) =>
      where.flatMap(({ file, code }) =>
        code.filter((part) => !textOf(file).includes(part)).map((part) => `${title}: ${part}`),
      ),
    );
    expect(gone, 'take what is no longer leaned on off the page, with its canary').toEqual([]);
    const nowhere = page.filter(({ where }) => where.every(({ code }) => code.length === 0));
    expect(nowhere.map(({ title }) => title)).toEqual([]);
  });

  it('knows what looks private in the code', () => {
    // What attackers write is no name of ours.
    const sources = filesBelow('src', ['.ts']).filter(
      (path) => !path.endsWith('.spec.ts') && !path.startsWith('src/signals/'),
    );
    const known = page.flatMap(({ where }) => where.flatMap(({ code }) => code)).join(' ');
    const found = sources.flatMap((path) =>
      [
        // A field that begins with an underscore; a key of metadata; a symbol that is found by its description.
        /[{.]\s*(_[a-z]\w+)\b(?!\()/g,
        /'(__\w+__)'/g,
        /\binternal<[^(]*\(\w+, '([\w.]+)'\)/g,
      ].flatMap((pattern) => [...textOf(path).matchAll(pattern)].map(([, name]) => name!)),
    );
    expect(found.length).toBeGreaterThan(6);
    expect(found.filter((name) => !known.includes(name))).toEqual([]);
  });
});
