import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';

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
  '/?next=JavaScript:eval(atob(1))',
  '/<script>alert(1)</script>',
  '/%22%3E%3Cscript%3Ealert(1)%3C/script%3E',
  '/?x=<ScRiPt >prompt(915)</ScRiPt>',
  '/?x="><script src=//x.example/a.js></script>',
  '/?x=" onmouseover=alert(1) x="',
  '/?x=<a href="javascript:alert(1)">',
  '/?x=<select autofocus onfocus=alert(1)>',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:xss');
});
