import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';

it.each([
  '/?__proto__[isAdmin]=true',
  '/?__proto__.isAdmin=true',
  '/?a[__proto__][x]=1',
  '/?constructor[prototype][x]=1',
  '/?%5F%5Fproto%5F%5F%5Bx%5D=1',
  '/?json={"__proto__":{"x":1}}',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:prototype');
});
