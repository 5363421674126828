import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasScript } from './xss.js';
import type { PayloadPlace } from './payload-text.js';

it.each([
  '/?q=<script>alert(1)</script>',
  '/?q=%3Cscript%3Ealert(document.domain)%3C/script%3E',
  '/?q=%253Cscript%253Ealert(1)%253C/script%253E',
  '/?q="><script>alert(1)</script>',
  "/?q='><img src=x onerror=alert(1)>",
  '/?q=<img/src=x/onerror=alert`1`>',
  '/?q=<svg/onload=alert(1)>',
  '/?q=<SVG ONLOAD=confirm(1)>',
  '/?q=<body onload=prompt(1)>',
  '/?q=<iframe src=x onload=alert(document.cookie)>',
  '/?q=<details open ontoggle=alert(1)>',
  '/?q="><svg onload=fetch(1)>',
  '/?next=javascript:alert(document.cookie)',
  '/?next=javascript:document.cookie',
  '/?next=JavaScript:document.cookie',
  '/?next=javascript%3Adocument.cookie',
  '/?next=JavaScript:eval(atob(1))',
  '/<script>alert(1)</script>',
  '/%22%3E%3Cscript%3Ealert(1)%3C/script%3E',
  '/?x=<ScRiPt >prompt(915)</ScRiPt>',
  '/?x="><script src=//x.example/a.js></script>',
  '/?x=" onmouseover=alert(1) x="',
  '/?x=<a href="javascript:alert(1)">',
  '/?x=<select autofocus onfocus=alert(1)>',
  '/%253Cscript%253Ealert(1)%253C/script%253E',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:xss');
});

it.each<[string, PayloadPlace]>([
  ['javascript:alert(1)', 'value'],
  ['javascript:alert(1)', 'prose'],
  ['"onclick=alert(1)', 'value'],
  ["'onclick=alert(1)", 'value'],
  ['"/onclick=alert(1)', 'value'],
  [`"${' '.repeat(7)}onclick=alert(1)`, 'value'],
  [`${'x'.repeat(10)}" onclick=alert(1)`, 'value'],
  ['" onxy=alert(1)', 'value'],
  [`" on${'x'.repeat(30)}=alert(1)`, 'value'],
  ['"><script', 'value'],
  ["'><script", 'prose'],
  ['<script>alert(1)', 'prose'],
  ['"><b onclick=x', 'value'],
  ['<b onclick=alert(1)', 'value'],
  ['<b/onclick=alert(1)', 'value'],
  ['<b a="x"onclick=alert(1)', 'prose'],
  ["<b a='x'onclick=alert(1)", 'prose'],
  ['<a href=javascript:alert(1)', 'prose'],
  [`<b${'x'.repeat(253)} onclick=alert(1)`, 'value'],
])('is found in %j, a %s', (text, place) => {
  expect(hasScript(text, place)).toBe(true);
});

it.each<[string, PayloadPlace]>([
  ['', 'value'],
  ['alert(1)', 'value'],
  ['javascript:alert(1)', 'path'],
  ['javascript:void(0)', 'value'],
  ['a javascript:alert(1)', 'value'],
  ['x onclick=alert(1)', 'value'],
  ['" onclick=alert(1)', 'prose'],
  ['" alert(1)', 'value'],
  ['" onerror=x', 'value'],
  ['" unclick=alert(1)', 'value'],
  ['" onx=alert(1)', 'value'],
  ['" onclick alert(1)', 'value'],
  [`" on${'x'.repeat(31)}=alert(1)`, 'value'],
  [`"${' '.repeat(8)}onclick=alert(1)`, 'value'],
  ['<script', 'value'],
  ['><script', 'value'],
  ['x><script', 'value'],
  ['"x<script', 'value'],
  ['alert(1)<script', 'value'],
  ['"><b x', 'value'],
  ['<b>alert(1)', 'value'],
  ['<b>onclick=alert(1)', 'value'],
  ['<  onclick=alert(1)', 'value'],
  ['<b < onclick=alert(1)', 'value'],
  ['<b xonclick=alert(1)', 'value'],
  ['<b onclick x=alert(1)', 'value'],
  [`<b${'x'.repeat(254)} onclick=alert(1)`, 'value'],
])('is not found in %j, a %s', (text, place) => {
  expect(hasScript(text, place)).toBe(false);
});
