import { expect, it } from 'vitest';
import { isNoSqlName } from './nosql.js';

it.each([
  ['password[$ne]', true],
  ['passwd[$regex]', true],
  ['pass[$gte]', true],
  ['pass[$ne][x]', true],
  ['mypassword[$ne]', false],
  ['passphrase[$ne]', false],
  ['password[ne]', false],
  ['password[$eq]', false],
  ['age[$gt]', false],
])('the name %s is an operator on a password: %s', (name, isOne) => {
  expect(isNoSqlName(name)).toBe(isOne);
});
