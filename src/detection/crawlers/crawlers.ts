/**
 * A crawler whose operator has published how to tell it from those who only claim to be it. A claim to be any other is
 * worth nothing, and whoever makes it is a client like any.
 */
export interface Crawler {
  /** As people know it. */
  readonly name: string;
  /** What its user agents hold, in lower case, at the beginning of a word. */
  readonly tokens: readonly string[];
  /** The name of each of its addresses lies below one of these; none where it publishes ranges alone. */
  readonly domains: readonly string[];
  /**
   * Domains of the same operator from which others send requests, too: proxies, fetchers, programs of its customers.
   * A claim from there is neither verified, since anybody may make it, nor refuted.
   */
  readonly relatedDomains?: readonly string[];
  /** Whether names that are its own may lead nowhere, which then refutes nothing. */
  readonly isForwardIncomplete?: true;
  /** Where its ranges are published; null where they are not. */
  readonly ranges: string | null;
  /** Where the operator says all this. */
  readonly source: string;
}

/** Who they are, by their own pages, of which stored copies were read on 21 November 2026. */
export const CRAWLERS: readonly Crawler[] = [
  // Google tells three kinds apart, each with names of its own. Its fetchers and proxies run for anybody, so a claim to
  // be Googlebot that comes from them says nothing.
  {
    name: 'Googlebot',
    tokens: [
      'googlebot',
      'storebot-google',
      'google-inspectiontool',
      'googleother',
      'google-cloudvertexbot',
    ],
    domains: ['googlebot.com'],
    relatedDomains: ['google.com', 'gae.googleusercontent.com'],
    ranges: 'https://developers.google.com/static/crawling/ipranges/common-crawlers.json',
    source: 'https://developers.google.com/crawling/docs/crawlers-fetchers/verifying-googlebot',
  },
  {
    name: 'Google special-case crawlers',
    tokens: [
      'adsbot-google',
      'mediapartners-google',
      'apis-google',
      'google-safety',
      'duplexweb-google',
    ],
    domains: ['google.com', 'googlebot.com'],
    relatedDomains: ['gae.googleusercontent.com'],
    ranges: 'https://developers.google.com/static/crawling/ipranges/special-crawlers.json',
    source: 'https://developers.google.com/crawling/docs/crawlers-fetchers/verifying-googlebot',
  },
  {
    name: 'Google user-triggered fetchers',
    tokens: [
      'feedfetcher-google',
      'google-read-aloud',
      'google-site-verification',
      'googleproducer',
      'google-notebooklm',
      'google-pinpoint',
    ],
    domains: ['google.com', 'googlebot.com', 'gae.googleusercontent.com'],
    ranges: 'https://developers.google.com/static/crawling/ipranges/user-triggered-fetchers.json',
    source: 'https://developers.google.com/crawling/docs/crawlers-fetchers/verifying-googlebot',
  },
  {
    name: 'Bingbot',
    tokens: ['bingbot', 'adidxbot', 'bingpreview', 'msnbot'],
    domains: ['search.msn.com'],
    ranges: 'https://www.bing.com/toolbox/bingbot.json',
    source: 'https://blogs.bing.com/webmaster/2012/08/31/how-to-verify-that-bingbot-is-bingbot/',
  },
  {
    name: 'Applebot',
    tokens: ['applebot'],
    domains: ['applebot.apple.com'],
    ranges: 'https://search.developer.apple.com/applebot.json',
    source: 'https://support.apple.com/en-us/119829',
  },
  // The names of robots, each by itself: `YandexSearch` is an app that people use.
  {
    name: 'Yandex',
    tokens: [
      'yandexaccessibilitybot',
      'yandexadnet',
      'yandexblogs',
      'yandexbot',
      'yandexcalendar',
      'yandexdirect',
      'yadirectfetcher',
      'yandexfavicons',
      'yandexfordomain',
      'yandeximages',
      'yandeximageresizer',
      'yandexmarket',
      'yandexmedia',
      'yandexmetrika',
      'yandexmobilebot',
      'yandexmobilescreenshotbot',
      'yandexnews',
      'yandexontodb',
      'yandexpagechecker',
      'yandexpartner',
      'yandexrca',
      'yandexscreenshotbot',
      'yandexsearchshop',
      'yandexsitelinks',
      'yandexspravbot',
      'yandextracker',
      'yandexturbo',
      'yandexverticals',
      'yandexvertis',
      'yandexvideo',
      'yandexwebmaster',
    ],
    domains: ['yandex.ru', 'yandex.net', 'yandex.com'],
    ranges: null,
    source: 'https://yandex.com/support/webmaster/robot-workings/check-yandex-robots.html',
  },
  // Baidu asks for the reverse lookup alone in older editions of its page, and legitbot 1.13 (June 2026), which verifies
  // crawlers in Ruby, leaves the forward one out for Baidu.
  {
    name: 'Baiduspider',
    tokens: ['baiduspider'],
    domains: ['crawl.baidu.com', 'crawl.baidu.jp'],
    isForwardIncomplete: true,
    ranges: null,
    source: 'http://help.baidu.com/question?prod_en=master&class=498&id=1000973',
  },
  {
    name: 'Amazonbot',
    tokens: ['amazonbot'],
    domains: ['crawl.amazonbot.amazon'],
    ranges: 'https://developer.amazon.com/amazonbot/ip-addresses/',
    source: 'https://developer.amazon.com/en-US/amazonbot',
  },
  {
    name: 'Qwantbot',
    tokens: ['qwantbot', 'qwantify'],
    domains: ['qwant.com'],
    ranges: 'https://help.qwant.com/bot',
    source: 'https://help.qwant.com/bot',
  },
  {
    name: 'Pinterestbot',
    tokens: ['pinterestbot', 'pinterest/0.2'],
    domains: ['pinterest.com'],
    ranges: null,
    source: 'https://help.pinterest.com/en/business/article/pinterest-crawler',
  },
  {
    name: 'PetalBot',
    tokens: ['petalbot'],
    domains: ['petalsearch.com'],
    ranges: null,
    source: 'https://aspiegel.com/petalbot',
  },
  {
    name: 'CCBot',
    tokens: ['ccbot'],
    domains: ['crawl.commoncrawl.org'],
    ranges: 'https://index.commoncrawl.org/ccbot.json',
    source: 'https://commoncrawl.org/ccbot',
  },
  // These publish ranges and no names, so that nothing refutes a claim: the ranges may have grown since they were copied.
  {
    name: 'DuckDuckBot',
    tokens: ['duckduckbot', 'duckassistbot'],
    domains: [],
    ranges: 'https://duckduckgo.com/duckduckbot.json',
    source: 'https://duckduckgo.com/duckduckgo-help-pages/results/duckduckbot',
  },
  {
    name: 'GPTBot',
    tokens: ['gptbot'],
    domains: [],
    ranges: 'https://openai.com/gptbot.json',
    source: 'https://developers.openai.com/api/docs/bots',
  },
  {
    name: 'OAI-SearchBot',
    tokens: ['oai-searchbot'],
    domains: [],
    ranges: 'https://openai.com/searchbot.json',
    source: 'https://developers.openai.com/api/docs/bots',
  },
  {
    name: 'ChatGPT-User',
    tokens: ['chatgpt-user'],
    domains: [],
    ranges: 'https://openai.com/chatgpt-user.json',
    source: 'https://developers.openai.com/api/docs/bots',
  },
  {
    name: 'PerplexityBot',
    tokens: ['perplexitybot'],
    domains: [],
    ranges: 'https://www.perplexity.ai/perplexitybot.json',
    source: 'https://docs.perplexity.ai/docs/resources/perplexity-crawlers',
  },
];
