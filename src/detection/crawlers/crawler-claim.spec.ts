import { describe, expect, it } from 'vitest';
import { claimedCrawlers } from './crawler-claim.js';
import { CRAWLERS } from './crawlers.js';

const claims = (agent: string | null) => claimedCrawlers(agent).map(({ name }) => name);

describe('a user agent', () => {
  it.each<[string, string[]]>([
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', ['Googlebot']],
    ['Googlebot-Image/1.0', ['Googlebot']],
    ['AdsBot-Google (+http://www.google.com/adsbot.html)', ['Google special-case crawlers']],
    [
      'FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)',
      ['Google user-triggered fetchers'],
    ],
    [
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0',
      ['Bingbot'],
    ],
    ['Mozilla/5.0 (Macintosh) Version/8.0.2 Safari/600.2.5 (Applebot/0.1)', ['Applebot']],
    ['Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)', ['Yandex']],
    [
      'Mozilla/5.0 (compatible; Baiduspider-render/2.0; +http://www.baidu.com/search/spider.html)',
      ['Baiduspider'],
    ],
    [
      'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.3; +https://openai.com/gptbot',
      ['GPTBot'],
    ],
    ['GOOGLEBOT', ['Googlebot']],
    ['Googlebot bingbot', ['Googlebot', 'Bingbot']],
    ['xGooglebot Googlebot', ['Googlebot']],
    // What claims nothing that could be verified
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0', []],
    ['NotGooglebot/1.0', []],
    ['my-googlebot', []],
    ['AhrefsBot/7.0', []],
    ['facebookexternalhit/1.1 Facebot Twitterbot/1.0', []],
    // An app that people use.
    ['Mozilla/5.0 (iPhone) YandexSearch/7.0 Mobile Safari', []],
    // A program of somebody, run by Google.
    ['Googlebot/2.1 AppEngine-Google; (+http://code.google.com/appengine; appid: s~evil)', []],
    ['', []],
    [`${'x'.repeat(2_000)} Googlebot`, []],
  ])('%s', (agent, expected) => {
    expect(claims(agent)).toEqual(expected);
  });

  it('that is not there claims nothing', () => {
    expect(claims(null)).toEqual([]);
  });
});

describe('the list of crawlers', () => {
  it('names each once, in the form that is compared', () => {
    expect(new Set(CRAWLERS.map(({ name }) => name)).size).toBe(CRAWLERS.length);
    for (const { tokens, domains, relatedDomains = [], source, ranges } of CRAWLERS) {
      expect(tokens.length).toBeGreaterThan(0);
      for (const token of tokens) expect(token).toMatch(/^[a-z0-9][a-z0-9./-]+$/);
      for (const domain of [...domains, ...relatedDomains]) {
        expect(domain).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
      }
      expect(source).toMatch(/^https?:\/\//);
      // A claim that nothing can verify is no claim.
      expect(domains.length > 0 || ranges !== null).toBe(true);
    }
  });

  it('has no crawler whose token is a part of another one’s', () => {
    const owners = CRAWLERS.flatMap(({ tokens, name }) => tokens.map((token) => ({ token, name })));
    const both = owners.filter(({ token }) => new Set(claims(token)).size !== 1);
    expect(both).toEqual([]);
  });
});
