import { join } from 'node:path';
import ts from 'typescript';
import { codeBlocksOf, DOCUMENTS, type CodeBlock } from './markdown.js';
import { filesOfRecipes } from './recipes.js';
import { ROOT, textOf } from './source-tree.js';

/**
 * What the blocks of a page take for granted, since every reader knows what is meant. Types are as narrow as the page
 * needs them, so that what is written to the module's own options is still checked. A block that imports anything
 * imports all it needs.
 */
const AT_HAND: Record<string, string> = {
  'docs/architecture.md': `
    declare const entities: (new () => object)[];
    declare const migrations: (new () => import('typeorm').MigrationInterface)[];`,
  'docs/delivery.md': `declare const app: import('@nestjs/common').INestApplication;`,
  'docs/connections.md': `declare const dataSource: DataSource;`,
  'docs/detection.md': `declare const detection: DetectionService;`,
  'docs/options.md': `declare class ConfigService { getOrThrow(name: string): string }`,
  'docs/rate-limits.md': `
    declare function verifiedUserId(request: unknown): string | undefined;
    declare function verifiedApiKey(key: string | undefined): string | null;
    declare const metrics: { count(name: string, labels: Record<string, string | null>): void };`,
  'docs/response.md': `
    declare const events: IpTrackingEvents;
    declare const pager: { tell(line: string): void };`,
  'docs/rules.md': `
    declare const rules: IpRuleService;
    declare const metrics: { count(name: string, labels: Record<string, string | number | null>): void };`,
};
const AT_HAND_EVERYWHERE = `declare const database: { url: string };`;

/** What blocks may use of other packages without saying so. */
const FROM_PACKAGES: Record<string, readonly string[]> = {
  '@nestjs/common': [
    'Body',
    'Controller',
    'ExecutionContext',
    'Get',
    'Injectable',
    'Post',
    'Req',
    'UseInterceptors',
  ],
  '@nestjs/websockets': ['WebSocketGateway'],
  typeorm: ['DataSource'],
};

/** Nobody's file, in which a block stands after what it takes for granted. */
interface Virtual {
  readonly path: string;
  readonly text: string;
  /** What a message about one of its lines, the first being 0, says of the place. */
  where(line: number): string;
}

/** The `ts` blocks of all documents, but for those that say which file they are. */
export function samples(): CodeBlock[] {
  return DOCUMENTS.flatMap(codeBlocksOf).filter(
    ({ language, code }) => language === 'ts' && !/^\/\/ \S+\.ts\n/.test(code),
  );
}

/**
 * Compiles blocks, and the files that the recipes of CONTRIBUTING.md make, in one program against `src/`.
 *
 * @returns what the compiler says of them, by page and line; nothing where all is well.
 */
export function compile(blocks: readonly CodeBlock[]): string[] {
  const virtual: Virtual[] = [
    ...blocks.map(fileOf),
    ...[...filesOfRecipes()].map(([path, text]) => ({
      path: join(ROOT, path),
      text,
      where: (line: number) => `${path}:${line + 1}`,
    })),
  ];
  const texts = new Map(virtual.map(({ path, text }) => [path, text]));
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, ROOT);
  options.paths = {
    'nestjs-ip-tracking': [join(ROOT, 'src/index.ts')],
    'nestjs-ip-tracking/testing': [join(ROOT, 'src/testing/entry.ts')],
  };
  options.noUnusedLocals = false;
  options.noEmit = true;
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  const program = ts.createProgram([...texts.keys()], options, host);
  return virtual.flatMap(({ path, where }) => {
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText }) => {
        const { line } = file.getLineAndCharacterOfPosition(start);
        return `${where(line)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      },
    );
  });
}

function fileOf({ page, code, line }: CodeBlock): Virtual {
  // On one line, before the block's own first.
  const before = `${preludeOf(page, code).replace(/\s*\n\s*/g, ' ')}\n`;
  return {
    // A module of ECMAScript, in which a block may await something.
    path: join(ROOT, `${page}.${line}.mts`),
    text: `${before}${code}\nexport {};\n`,
    where: (at) => `${page}:${line + at - 1}`,
  };
}

function preludeOf(page: string, code: string): string {
  if (/^import /m.test(code)) return '';
  const known = [AT_HAND_EVERYWHERE, AT_HAND[page] ?? ''].join(' ');
  const packages = { 'nestjs-ip-tracking': namesOfIndex(), ...FROM_PACKAGES };
  const imports = Object.entries(packages).map(([name, exported]) => {
    const used = exported.filter((each) => new RegExp(`\\b${each}\\b`).test(known + code));
    return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${name}';`;
  });
  return [...imports, known].join(' ');
}

let exportedNames: string[] | null = null;

/** Everything that the package exports. */
function namesOfIndex(): string[] {
  if (exportedNames !== null) return exportedNames;
  const path = 'src/index.ts';
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest);
  exportedNames = tree.statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) &&
    statement.exportClause !== undefined &&
    ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.map(({ name }) => name.text)
      : [],
  );
  return exportedNames;
}
