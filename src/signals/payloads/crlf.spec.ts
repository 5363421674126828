import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasHeaderInjection } from './crlf.js';
import type { PayloadPlace } from './payload-text.js';

it.each([
  '/%0d%0aSet-Cookie:%20a=b',
  '/%0aSet-Cookie:a=b',
  '/x%0D%0AX-Injected:%20yes',
  '/?next=/%0d%0aSet-Cookie:%20session=1',
  '/?next=%250d%250aSet-Cookie:a=b',
  '/?url=x%0d%0aContent-Length:%200%0d%0a%0d%0aHTTP/1.1%20200%20OK',
  '/?url=x%0d%0a%0d%0aHTTP/1.1%20200%20OK',
  '/?email=a@b.example%0aBcc:c@d.example',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:crlf');
});

it.each<[string, PayloadPlace]>([
  ['\r\nx: y', 'path'],
  [`\r\n${'x'.repeat(40)}: y`, 'path'],
  ['\r\n\r\nx: y', 'path'],
  ['\rset-cookie: x', 'value'],
  ['\n set-cookie: x', 'value'],
  ['\na\nbcc: x', 'value'],
  ['\n\nhttp/1.1 200', 'value'],
])('is found in %j, a %s', (text, place) => {
  expect(hasHeaderInjection(text, place)).toBe(true);
});

it.each<[string, PayloadPlace]>([
  ['', 'path'],
  ['\r\n', 'path'],
  ['\r\nx', 'path'],
  ['\r\n: y', 'path'],
  [`\r\n${'x'.repeat(41)}: y`, 'path'],
  ['\nx: y', 'path'],
  ['\rx-y: z', 'path'],
  ['\n\nx: y', 'path'],
  ['\r\nx: y', 'value'],
  ['set-cookie: x', 'path'],
  ['http/1.1', 'path'],
])('is not found in %j, a %s', (text, place) => {
  expect(hasHeaderInjection(text, place)).toBe(false);
});
