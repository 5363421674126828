import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { isPrototypeName, isPrototypeValue } from './prototype.js';

it.each([
  '/?__proto__[isAdmin]=true',
  '/?__proto__.isAdmin=true',
  '/?a[__proto__][x]=1',
  '/?constructor[prototype][x]=1',
  '/?constructor.prototype.isAdmin=true',
  '/?%5F%5Fproto%5F%5F%5Bx%5D=1',
  '/?%255F%255Fproto%255F%255F.x=1',
  '/?json={"__proto__":{"x":1}}',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:prototype');
});

it.each(['constructor', 'prototype', 'proto', ''])('is not found in the name %j', (name) => {
  expect(isPrototypeName(name)).toBe(false);
});

it.each([
  '"__proto__":1',
  'x{"__proto__":1}',
  '{"__proto__"',
  '{"x":"__proto__"}',
  '{"seventy":1}',
])('is not found in the value %j', (value) => {
  expect(isPrototypeValue(value)).toBe(false);
});
