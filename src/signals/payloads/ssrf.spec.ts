import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasMetadataAddress, isExchangeDetour } from './ssrf.js';

it.each([
  '/?url=http://169.254.169.254/latest/meta-data/',
  '/?url=http%3A%2F%2F169.254.169.254%2F',
  '/?url=http%253A%252F%252Fmetadata.google.internal/computeMetadata/v1/',
  '/?url=http://100.100.100.200/latest/meta-data/',
  '/_next/image?url=http://169.254.169.254/latest/user-data&w=64&q=75',
  '/autodiscover/autodiscover.json?@x.example/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@x.example',
  '/autodiscover/autodiscover.json?a=a@edu.example/powershell/?X-Rps-CAT=x',
  '/autodiscover/autodiscover.json?@x.example%2fmapi%2fnspi%2f',
  '/Autodiscover/Autodiscover.JSON?@x.example/owa/',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:ssrf');
});

it.each([
  ['/autodiscover/autodiscover.json', '@x.example/owa/', true],
  ['/autodiscover/autodiscover.json', 'x.example/owa/', false],
  ['/autodiscover/autodiscover.json', '@x.example/', false],
  ['/autodiscover/autodiscover.xml', '@x.example/owa/', false],
])('is told at %s by %s: %s', (path, query, isDetour) => {
  expect(isExchangeDetour(path, query)).toBe(isDetour);
});

it.each([
  ['http://169.254.169.254/', 'value', true],
  ['http://169.254.169.254/', 'prose', false],
  ['http://169.254.169.253/', 'value', false],
] as const)('is told in %s, a %s: %s', (value, place, isOne) => {
  expect(hasMetadataAddress(value, place)).toBe(isOne);
});
