import { expect, it } from 'vitest';
import { isRoutine } from './routine.js';

it.each([
  ['/favicon.ico', 'ico', true],
  ['/a/Favicon.ICO', 'ico', true],
  [`/${'a'.repeat(70)}/favicon.ico`, 'ico', true],
  ['/apple-app-site-association', '', true],
  ['/apple-touch-icon-57x57.png', 'png', true],
  [`/apple-touch-icon${'x'.repeat(44)}.png`, 'png', true],
  [`/apple-touch-icon${'x'.repeat(45)}.png`, 'png', false],
  ['/an-apple-touch-icon.png', 'png', false],
  ['/apple-touch-icon.svg', 'svg', false],
  ['/robots.css', 'css', false],
  ['/robots', '', false],
  ['/.well-known/x.css', 'css', true],
  ['/.well-known/%2e%2e/x', '', false],
  ['/.well-known/../x', '', false],
  ['/a/.well-known/x', '', false],
])('%s, with the ending %j, is what everybody asks for: %s', (path, ending, isOne) => {
  expect(isRoutine(path, ending)).toBe(isOne);
});
