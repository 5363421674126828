import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';

it.each([
  '/?url=http://169.254.169.254/latest/meta-data/',
  '/?url=http%3A%2F%2F169.254.169.254%2F',
  '/?url=http%253A%252F%252Fmetadata.google.internal/computeMetadata/v1/',
  '/?url=http://100.100.100.200/latest/meta-data/',
  '/_next/image?url=http://169.254.169.254/latest/user-data&w=64&q=75',
  '/autodiscover/autodiscover.json?@x.example/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@x.example',
  '/autodiscover/autodiscover.json?a=a@edu.example/powershell/?X-Rps-CAT=x',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:ssrf');
});
