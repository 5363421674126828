import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** The checkout, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', pathToFileURL(__filename))).replace(
  /[/\\]$/,
  '',
);

/** One import, export-from, `import()`, `require()` or `import('...')` type of a file. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The file it leads to, from the checkout's root (`src/net/prefix.ts`); null for a package. */
  readonly file: string | null;
  /** What is taken from it by name; empty where all of it is, or nothing. */
  readonly names: readonly string[];
  readonly isTypeOnly: boolean;
}

export interface SourceFile {
  /** From the checkout's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly hasDefaultExport: boolean;
}

/** Every file below `folder` whose name ends in one of `extensions`, from the checkout's root. */
export function filesBelow(folder: string, extensions: readonly string[]): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.some((end) => entry.name.endsWith(end)))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The TypeScript below `folder`, parsed, without its tests. */
export function sourcesBelow(folder: string): SourceFile[] {
  return filesBelow(folder, ['.ts'])
    .filter((path) => !/\.(e2e-)?spec\.ts$/.test(path))
    .map((path) => parseSource(path, textOf(path)));
}

/** Reads what a file imports, by TypeScript's own parser: comments and strings cannot fool it. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const imports: Import[] = [];
  let hasDefaultExport = false;
  const add = (specifier: ts.Node | undefined, names: string[], isTypeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    imports.push({
      specifier: specifier.text,
      file: resolve(path, specifier.text),
      names,
      isTypeOnly,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      add(node.moduleSpecifier, importedNames(clause), isTypeClause(clause));
    } else if (ts.isExportDeclaration(node)) {
      const elements =
        node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
      add(node.moduleSpecifier, elements.map(originalName), node.isTypeOnly);
      hasDefaultExport ||= elements.some(({ name }) => name.text === 'default');
    } else if (ts.isExportAssignment(node)) {
      hasDefaultExport = true;
    } else if (ts.isImportEqualsDeclaration(node)) {
      if (ts.isExternalModuleReference(node.moduleReference)) {
        add(node.moduleReference.expression, [], node.isTypeOnly);
      }
    } else if (ts.isCallExpression(node)) {
      const isLoad =
        node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(node.expression) && node.expression.text === 'require');
      if (isLoad) add(node.arguments[0], [], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, [], true);
    }
    if (ts.canHaveModifiers(node)) {
      hasDefaultExport ||=
        ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, text, imports, hasDefaultExport };
}

function isTypeClause(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function importedNames(clause: ts.ImportClause | undefined): string[] {
  if (clause === undefined) return [];
  const named =
    clause.namedBindings && ts.isNamedImports(clause.namedBindings)
      ? clause.namedBindings.elements.map(originalName)
      : [];
  return clause.name ? ['default', ...named] : named;
}

function originalName({ name, propertyName }: ts.ImportSpecifier | ts.ExportSpecifier): string {
  return (propertyName ?? name).text;
}

/** The TypeScript file behind a relative specifier, which names the JavaScript that it becomes. */
function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return posix
    .join(posix.dirname(from), specifier)
    .replace(/\.js$/, '.ts')
    .replace(/\.mjs$/, '.mts');
}
