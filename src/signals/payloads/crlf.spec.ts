import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';

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
