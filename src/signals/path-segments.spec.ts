import { describe, expect, it } from 'vitest';
import { segmentsOf } from './path-segments.js';

describe('segmentsOf', () => {
  it.each([
    ['/', []],
    ['', []],
    ['/a/b', ['a', 'b']],
    ['a/b/', ['a', 'b']],
    ['//a///b', ['a', 'b']],
    ['/./a/./b/.', ['a', 'b']],
    ['\\a\\b', ['a', 'b']],
    ['/a;x=1/b', ['a', 'b']],
    ['/;/a', ['a']],
    ['/.env\0.jpg', ['.env']],
    ['/.env?x', ['.env']],
    ['/.env#x', ['.env']],
    ['/.env ', ['.env']],
    ['/ /a', ['a']],
    ['/ \0a/b', ['b']],
    ['/./..', ['..']],
    ['/.../a', ['a']],
    ['/ .env', ['.env']],
    ['/.env.', ['.env']],
    ['/.env...', ['.env']],
    ['/a\t/b', ['a', 'b']],
    ['/..;/a', ['..', 'a']],
  ])('reads %j as %j', (path, written) => {
    expect(segmentsOf(path).written).toEqual(written);
  });

  it.each([
    ['/a/../b', ['a', '..', 'b'], ['b']],
    ['/../../a', ['..', '..', 'a'], ['a']],
    ['/cgi-bin/../../bin', ['cgi-bin', '..', '..', 'bin'], ['bin']],
  ])('reads the ups of %j in both ways', (path, written, resolved) => {
    expect(segmentsOf(path)).toEqual({ written, resolved });
  });
});

it('the ways are one list where there is no up', () => {
  const { written, resolved } = segmentsOf('/a/b');
  expect(resolved).toBe(written);
  expect(segmentsOf('/..').resolved).toEqual([]);
});
