import { expect, it } from 'vitest';
import { showProgress } from './progress-bar.js';

function output(isTTY: boolean) {
  let text = '';
  const out = { isTTY, write: (chunk: string) => void (text += chunk) };
  return { progress: showProgress(out as unknown as NodeJS.WriteStream), text: () => text };
}

it('prints a line for every tenth where there is no terminal', () => {
  const { progress, text } = output(false);
  for (let line = 1; line <= 2_000; line++) progress.update(line / 2_000, line);
  progress.end(true);
  expect(text().split('\n')).toHaveLength(11);
  expect(text()).toMatch(/^ 10 % {2}200 lines\n 20 % {2}400 lines\n/);
  expect(text()).toMatch(/ 90 % {2}1,800 lines\n100 % {2}2,000 lines\n$/);
});

it('prints a line every so often where nobody knows the whole', () => {
  const { progress, text } = output(false);
  for (let line = 1; line <= 25_000; line++) progress.update(null, line);
  progress.end(true);
  expect(text()).toBe('10,000 lines\n20,000 lines\n');
});

it('redraws one line on a terminal, and ends with a full bar', () => {
  const { progress, text } = output(true);
  for (let line = 1; line <= 1_000; line++) progress.update(line / 1_000, line);
  progress.end(true);
  expect(text().split('\n')).toHaveLength(2);
  expect(text().split('\r').at(-1)).toBe(`[${'#'.repeat(40)}] 100 %  1,000 lines\n`);
});

it('leaves the bar where it was when the run broke off', () => {
  const { progress, text } = output(true);
  progress.update(0.5, 500);
  progress.end(false);
  expect(text().split('\r').at(-1)).toBe(`[${'#'.repeat(20)}${'.'.repeat(20)}]  50 %  500 lines\n`);
});
