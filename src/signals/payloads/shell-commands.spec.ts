import { describe, expect, it } from 'vitest';
import { type Argument, COMMANDS, isArgument } from './shell-commands.js';

const NAME = 'x';
const SPACES = (count: number) => ' '.repeat(count);

describe('what stands behind the name of a command', () => {
  it.each<[Argument, string]>([
    ['none', ''],
    ['none', '  '],
    ['none', `${SPACES(16)};`],
    ['none', ')'],
    ['none', ' #y'],
    ['option', ' -c'],
    ['option', `${SPACES(16)}-c`],
    ['option', '${ifs}-c'],
    ['option', '$ifs-c'],
    ['option', ' $ifs${ifs}-c'],
    ['mode', ' 777'],
    ['mode', ' 0755 y'],
    ['mode', ' +x'],
    ['mode', ' u+x'],
    ['path', ' /etc'],
    ['path', ' c:\\y'],
    ['path', ' -l'],
    ['address', ' http://y'],
    ['address', ' ftp://y'],
    ['address', ' 203.0'],
    ['address', ' 1.2'],
    ['address', ' -o'],
    ['number', ' 5'],
    ['number', ' 1234567890'],
    ['number', ' 5 ;'],
    ['word', ' y'],
    ['word', ' -y'],
  ])('is its %s: %j', (wanted, rest) => {
    expect(isArgument(NAME + rest, NAME.length, wanted)).toBe(true);
  });

  it.each<[Argument, string]>([
    ['none', 'y'],
    ['none', ' y'],
    ['none', `${SPACES(17)};`],
    ['option', '-c'],
    ['option', ' c'],
    ['option', ' -'],
    ['option', ' - c'],
    ['option', `${SPACES(17)}-c`],
    ['mode', ' 77'],
    ['mode', ' 77777'],
    ['mode', ' y'],
    ['mode', ' '],
    ['path', ''],
    ['path', '/etc'],
    ['path', ' c'],
    ['path', ' :c'],
    ['path', ' cat'],
    ['address', ' y'],
    ['address', ' 203'],
    ['address', ' 203y'],
    ['address', ' 2030.1'],
    ['address', ' .1'],
    ['number', ' 12345678901'],
    ['number', ' 5 y'],
    ['number', ' y'],
    ['word', ''],
    ['word', ' ;'],
  ])('is not its %s: %j', (wanted, rest) => {
    expect(isArgument(NAME + rest, NAME.length, wanted)).toBe(false);
  });

  it.each<[string, Argument]>([
    ['ftp', 'address'],
    ['busybox', 'word'],
  ])('is not the name %s itself', (name, wanted) => {
    expect(COMMANDS.get(name)).toBe(wanted);
    expect(isArgument(name, name.length, wanted)).toBe(false);
  });

  it('is looked for where it stands, however long the text before it is', () => {
    const text = `${'y'.repeat(20)} ${SPACES(9)};`;
    expect(isArgument(text, 20, 'none')).toBe(true);
    expect(isArgument(`${'y'.repeat(20)} 755`, 20, 'mode')).toBe(true);
    expect(isArgument(`${'y'.repeat(20)} 203.0`, 20, 'address')).toBe(true);
    expect(isArgument(`${'y'.repeat(20)} 5`, 20, 'number')).toBe(true);
  });
});
