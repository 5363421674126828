import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { ROOT, textOf } from './source-tree.js';

/** The samples that say which file they would be, by that file. */
function samples(): Map<string, string> {
  const blocks = textOf('CONTRIBUTING.md').matchAll(/^( *)```ts\n([\s\S]*?)^\1```/gm);
  return new Map(
    [...blocks].flatMap(([, indent = '', block = '']) => {
      const code = block.replace(new RegExp(`^${indent}`, 'gm'), '');
      const path = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1];
      return path === undefined ? [] : [[join(ROOT, path), code] as const];
    }),
  );
}

it('the samples of CONTRIBUTING.md compile where they say they belong', () => {
  const virtual = samples();
  expect(virtual.size).toBe(5);
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  const program = ts.createProgram([...virtual.keys()], options, host);
  const messages = [...virtual.keys()].flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
  expect(messages, 'mend the sample: the interfaces have moved on').toEqual([]);
});
