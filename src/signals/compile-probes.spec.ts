import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { compileProbes, type ProbeOptions } from './compile-probes.js';
import { namesOf, PROBES } from './signal.js';
import { createSignalReader } from './signal-reader.js';

function probesOf(
  target: string,
  options: ProbeOptions,
  userAgent: string | null = null,
): string[] {
  const { probes, problems } = compileProbes(options);
  expect(problems).toEqual([]);
  return namesOf(createSignalReader({ probes })(requestFacts({ target, userAgent })) & PROBES);
}

describe('compileProbes', () => {
  it('has all groups on', () => {
    expect(probesOf('/.env', {})).toEqual(['probe:secrets']);
    expect(probesOf('/wp-login.php', {})).toEqual(['probe:wordpress', 'probe:scripts']);
    expect(probesOf('/', {}, 'sqlmap/1.8')).toEqual(['probe:tools']);
  });

  it('switches groups off', () => {
    expect(probesOf('/wp-login.php', { groups: { wordpress: false } })).toEqual(['probe:scripts']);
    expect(probesOf('/x.php', { groups: { scripts: false, wordpress: true } })).toEqual([]);
    expect(probesOf('/', { groups: { tools: false } }, 'sqlmap/1.8')).toEqual([]);
  });

  it('takes entries out, in whatever case', () => {
    expect(probesOf('/.GIT/config', { remove: ['.Git*'] })).toEqual([]);
    expect(probesOf('/x.php', { remove: ['.php'] })).toEqual([]);
  });

  it.each([
    ['/a/Old-Admin/b', ['old-admin'], ['probe:exploits']],
    ['/a/shop/admin/b', ['/shop/admin/'], ['probe:exploits']],
    ['/a/shop/x/admin/b', ['shop/admin'], []],
    ['/a/legacy-2', [{ text: 'legacy-*', group: 'consoles' }], ['probe:consoles']],
    ['/a/legacy', [{ text: 'legacy-*', group: 'consoles' }], []],
    ['/vpn', [{ text: 'vpn', place: 'first', group: 'appliances' }], ['probe:appliances']],
    ['/a/vpn', [{ text: 'vpn', place: 'first', group: 'appliances' }], []],
    ['/a/shop/admin-2', ['shop/admin*'], ['probe:exploits']],
    ['/a/shop', ['shop/admin*'], []],
    ['/a/shop/admin-2', ['shop/admin*', 'shop/other*'], ['probe:exploits']],
    ['/a/shop/other', ['shop/admin*', 'shop/other*'], ['probe:exploits']],
    ['/old-', ['old-*'], ['probe:exploits']],
    ['/old', ['old-*'], []],
    ['/a/x.tpl', [{ text: '.tpl', place: 'suffix', group: 'secrets' }], ['probe:secrets']],
  ] as const)('finds in %s what is added by %j', (target, add, names) => {
    expect(probesOf(target, { add })).toEqual(names);
  });

  it('finds a user agent that is added', () => {
    const add = [{ text: 'EvilBot', place: 'agent', group: 'tools' }] as const;
    expect(probesOf('/', { add }, 'Mozilla/5.0 evilbot/2')).toEqual(['probe:tools']);
    const slashed = [{ text: '/EvilBot/', place: 'agent', group: 'tools' }] as const;
    expect(probesOf('/', { add: slashed }, 'x/evilbot/2')).toEqual(['probe:tools']);
    expect(probesOf('/', { add: slashed }, 'evilbot')).toEqual([]);
  });

  it('spares a path that is added as innocent, of its group alone', () => {
    const add = [{ text: 'old/wp-login.php', place: 'spared', group: 'wordpress' }] as const;
    expect(probesOf('/old/wp-login.php', { add })).toEqual([]);
    expect(probesOf('/old/wp-login.php/.env', { add })).toEqual(['probe:secrets']);
  });

  it.each<[ProbeOptions, string, RegExp]>([
    [{ groups: { wordpres: false } as ProbeOptions['groups'] }, 'groups.wordpres', /"wordpress"/],
    [{ groups: { secrets: 0 as unknown as boolean } }, 'groups.secrets', /true or false/],
    [{ remove: ['wp-logn.php'] }, 'remove[0]', /"wp-login.php"/],
    [{ remove: ['.git*', 'no such thing'] }, 'remove[1]', /as the list has it/],
    [{ groups: null } as unknown as ProbeOptions, 'groups', /an object/],
    [{ groups: 'all' } as unknown as ProbeOptions, 'groups', /an object/],
    [
      { groups: { zzzzzzzz: true } as ProbeOptions['groups'] },
      'groups.zzzzzzzz',
      /one of secrets, /,
    ],
    [{ add: [5 as unknown as string] }, 'add[0]', /^give a text/],
    [{ add: ['a/./b'] }, 'add[0]', /segments/],
    [{ add: ['*abcd'] }, 'add[0]', /at the end/],
    [{ add: 'x' } as unknown as ProbeOptions, 'add', /a list/],
    [{ remove: {} } as unknown as ProbeOptions, 'remove', /a list/],
    [{ remove: [null as unknown as string] }, 'remove[0]', /as the list has it/],
    [{ add: [null as unknown as string] }, 'add[0]', /a text/],
    [{ add: [{} as { text: string }] }, 'add[0]', /a text/],
    [{ add: [{ txt: 'a' } as unknown as { text: string }] }, 'add[0]', /"text"/],
    [{ add: [''] }, 'add[0]', /segments/],
    [{ add: ['a//b'] }, 'add[0]', /segments/],
    [{ add: ['a/../b'] }, 'add[0]', /segments/],
    [{ add: ['good-one', 'a%20b'] }, 'add[1]', /decoded/],
    [{ add: ['a?b=1'] }, 'add[0]', /decoded/],
    [{ add: ['abc*'] }, 'add[0]', /4 characters/],
    [{ add: ['abcd*e'] }, 'add[0]', /at the end/],
    [{ add: [{ text: 'php', place: 'suffix' }] }, 'add[0]', /with one dot/],
    [{ add: [{ text: '.tar.gz', place: 'suffix' }] }, 'add[0]', /with one dot/],
    [{ add: [{ text: 'bot', place: 'agent' }] }, 'add[0]', /four characters/],
    [{ add: [{ text: 'a', group: 'secret' as 'secrets' }] }, 'add[0]', /"secrets"/],
    [{ add: [{ text: 'a', place: 'frist' as 'first' }] }, 'add[0]', /"first"/],
    [{ add: ['favicon.ico'] }, 'add[0]', /every browser or crawler/],
    [{ add: ['.well-known/security.txt'] }, 'add[0]', /every browser or crawler/],
  ])('says what is wrong with %j', (options, option, wanted) => {
    const { probes, problems } = compileProbes(options);
    expect(problems).toEqual([
      expect.objectContaining({ option, wanted: expect.stringMatching(wanted) }),
    ]);
    expect(probes.entries.length).toBeGreaterThan(500);
  });

  it('says which entries the routes of an app name', () => {
    const { probes } = compileProbes();
    const own = probes.ownEntries([
      '/',
      '/api/:id',
      '/admin.php',
      '/*',
      '/Boaform/:x',
      '/admin.php',
    ]);
    expect(own.map(({ probe, routePattern }) => [probe.text, routePattern])).toEqual([
      ['admin.php', '/admin.php'],
      ['boaform', '/Boaform/:x'],
      ['.php', '/admin.php'],
    ]);
  });
});
