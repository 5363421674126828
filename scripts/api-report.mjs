// What hosts can see of the package, in one text: the declarations that the compiler makes of src/ today, from
// src/index.d.ts on, printed by API Extractor. Nothing is read from dist/, so it cannot be stale.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import ts from 'typescript';

/** Where the report is checked in. */
export const API_REPORT = 'api/nestjs-ip-tracking.api.md';

const FILE = 'nestjs-ip-tracking.api.md';

export function makeApiReport(checkout, folder) {
  writeDeclarations(checkout, folder);
  copyFileSync(join(checkout, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'api'));
  Extractor.invoke(extractorConfig(folder), {
    localBuild: true,
    // What it has to say stands in the report.
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  const text = readFileSync(join(folder, 'api', FILE), 'utf8');
  const forgotten = [...text.matchAll(/ae-forgotten-export\) The symbol "(.+)" needs/g)].map(
    ([, name]) => name,
  );
  return { text, forgotten };
}

/** Writes what `npm run build` writes, without the code. */
function writeDeclarations(checkout, folder) {
  symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const path = join(checkout, 'tsconfig.build.json');
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file));
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, checkout);
  const compiled = {
    ...options,
    outDir: folder,
    declaration: true,
    emitDeclarationOnly: true,
    incremental: false,
    tsBuildInfoFile: undefined,
    sourceMap: false,
  };
  const { diagnostics } = ts.createProgram(fileNames, compiled).emit();
  const entry = join(folder, 'src/index.d.ts');
  // A declaration that names what was hidden from it breaks the build of a host that looks into its libraries.
  const host = ts.createProgram([entry], { ...options, noEmit: true, skipLibCheck: false });
  const own = host.getSourceFiles().filter(({ fileName }) => fileName.startsWith(`${folder}/src/`));
  const wrong = [...diagnostics, ...own.flatMap((file) => host.getSemanticDiagnostics(file))].map(
    ({ file, messageText }) =>
      `${file?.fileName.slice(folder.length + 1) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  );
  if (wrong.length > 0) throw new Error(['the declarations do not compile', ...wrong].join('\n'));
}

function extractorConfig(folder) {
  const silent = { default: { logLevel: 'none' } };
  return ExtractorConfig.prepare({
    configObjectFullPath: join(folder, 'api-extractor.json'),
    packageJsonFullPath: join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, 'src/index.d.ts'),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: 'nodenext',
            target: 'es2023',
            lib: ['es2023'],
            types: ['node'],
            skipLibCheck: true,
          },
          files: [join(folder, 'src/index.d.ts')],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: FILE,
        reportFolder: join(folder, 'api'),
        reportTempFolder: join(folder, 'api-now'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: silent,
        tsdocMessageReporting: silent,
        extractorMessageReporting: {
          ...silent,
          'ae-forgotten-export': { logLevel: 'warning', addToApiReportFile: true },
        },
      },
    },
  });
}
