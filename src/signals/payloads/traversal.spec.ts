import { describe, expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { climbOf, isTraversingPath, isTraversingValue } from './traversal.js';

it.each([
  '/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh',
  '/cgi-bin/.%%32%65/.%%32%65/.%%32%65/.%%32%65/etc/passwd',
  '/icons/.%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2f..%2fetc%2fpasswd',
  '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/%252e%252e%252f%252e%252e%252fetc/passwd',
  '/..%252f..%252f..%252fwindows/win.ini',
  '/..%c0%af..%c0%af..%c0%afetc/passwd',
  '/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
  '/%e0%80%ae%e0%80%ae/%e0%80%ae%e0%80%ae/etc/passwd',
  '/..%5c..%5c..%5cwindows%5csystem32%5cconfig%5csam',
  '/scripts/..%255c..%255cwinnt/system32/cmd.exe?/c+dir',
  '/..\\..\\..\\windows\\win.ini',
  '/../../../../etc/passwd',
  '/static/../../../../etc/shadow',
  '/public/plugins/alertlist/../../../../../../../../etc/passwd',
  '/a/../../../../b',
  '/tmui/login.jsp/..;/tmui/locallb/workspace/fileRead.jsp',
  '/..;/manager/html',
  '/%252E%252E%252Ffoo',
  '/mgmt/..;/x',
  '/....//....//....//etc/passwd',
  '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  '/static/..%2f..%2f.env',
  '/_next/static/../../../.env',
  '/api/files/..%2F..%2F..%2F..%2Fproc%2Fself%2Fenviron',
  '/?page=../../../../etc/passwd',
  '/?../../../../etc/passwd',
  '/?a&../../../../etc/passwd',
  '/?page=..%2F..%2F..%2F..%2Fetc%2Fpasswd%00.html',
  '/?page=%252e%252e%252f%252e%252e%252f%252e%252e%252fetc%252fpasswd',
  '/?file=/etc/passwd',
  '/?file=%2Fetc%2Fshadow',
  '/?file=file:///etc/passwd',
  '/?path=C:\\Windows\\win.ini',
  '/?path=c%3A%5Cboot.ini',
  '/?f=/proc/self/environ',
  '/?template=....//....//....//....//etc/hosts',
  '/?q=../../../../../../etc/passwd',
  '/?lang=../../../../../../../../usr/local/lib/php/pearcmd',
  '/?img=../wp-config.php',
  '/?include=php://input',
  '/?include=php://filter/convert.base64-encode/resource=index.php',
  '/?include=expect://id',
  '/?include=data://text/plain;base64,PD9waHA=',
  '/?page=phar://x.zip/a.php',
  '/download?file=..\\..\\..\\..\\boot.ini',
  '/remote/fgt_lang?lang=/../../../..//////////dev/cmdb/sslvpn_websession',
  '/+CSCOT+/translation-table?type=mst&textdomain=/%2bCSCOE%2b/portal_inc.lua&default-language&lang=../../../../x',
  '/%u002e%u002e%u2215%u002e%u002e/..%u002f..%u002fetc/passwd',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:traversal');
});

describe('climbOf', () => {
  it.each([
    ['', 0, 0, -1, false],
    ['a/b', 0, 0, -1, false],
    ['..', 1, 1, 2, false],
    ['a/..', 1, 0, 4, false],
    ['a/../', 1, 0, 4, false],
    ['../a/../b', 1, 1, 7, false],
    ['..//..\\x', 2, 2, 6, false],
    ['....//x', 1, 1, 4, false],
    ['..;a/x', 1, 1, 2, true],
    ['..;a/../x', 2, 2, 7, true],
    ['./a', 0, 0, -1, false],
    ['.../a', 0, 0, -1, false],
    ['..a/b', 0, 0, -1, false],
    ['../../a/b/../..', 2, 2, 15, false],
  ])('reads %j', (text, run, above, end, hasParameter) => {
    expect(climbOf(text)).toEqual({ run, above, end, hasParameter });
  });
});

it.each([
  ['/a..b/etc/passwd', 0, false],
  ['/v1..v2', 0, false],
  ['/a/b/../../c', 2, false],
  ['/a/b/../../c', 1, true],
  ['/a/b/../c', 0, false],
  ['/etc/hosts/../c', 0, false],
  ['/a/../etc/hosts', 1, true],
  ['/a/..\\etc\\hosts', 1, true],
  ['/../../../c', 3, true],
  ['/../../c', 2, false],
])('is told in the path %s, %i of whose ups are in the open: %s', (path, rawRun, isOne) => {
  expect(isTraversingPath(path, rawRun)).toBe(isOne);
});

it.each([
  ['a..b/etc/group', 'value', false],
  ['a/etc/group', 'value', false],
  ['../etc/group', 'value', true],
  ['../etc/group', 'prose', true],
  ['../../../a', 'value', false],
  ['../../../../a', 'prose', true],
  ['/etc/passwd', 'value', true],
  ['/etc/passwd', 'prose', false],
  ['x/etc/passwd', 'value', false],
  ['file:///etc/passwd', 'value', true],
  ['c:\\boot.ini', 'value', true],
  ['php://input', 'value', true],
  ['x php://input', 'value', false],
] as const)('is told in the value %s, a %s: %s', (value, place, isOne) => {
  expect(isTraversingValue(value, place)).toBe(isOne);
});
