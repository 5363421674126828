import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type ClientIpOptions, type ClientIpWarning, createClientIpResolver } from './client-ip.js';
import { CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES } from './provider-ranges.js';

const page = readFileSync(new URL('../../docs/client-ip.md', pathToFileURL(__filename)), 'utf8');

/** Options as the page writes them, which are JSON but for their quotes. */
const snippets = [...page.matchAll(/\{ strategy: '[^}]*\}/g)].map(([text]) => text);
const optionsOf = (text: string) =>
  JSON.parse(text.replace(/([{,] )(\w+):/g, '$1"$2":').replaceAll("'", '"')) as ClientIpOptions;

const STRATEGIES = ['socket', 'trusted-proxies', 'hops', 'header', 'preset'];
const PRESETS = ['cloudflare', 'cloudfront', 'aws-alb', 'fastly', 'google-lb', 'nginx'];
const WARNINGS: Record<ClientIpWarning['kind'], true> = {
  'forwarded-header-ignored': true,
  'header-from-untrusted-peer': true,
  'proxy-without-address': true,
  'too-few-hops': true,
  'conflicting-headers': true,
  'private-client-ip': true,
  'trust-too-wide': true,
};

describe('docs/client-ip.md', () => {
  it.each([...new Set(snippets)])('has options that work: %s', (text) => {
    expect(() => createClientIpResolver(optionsOf(text))).not.toThrow();
  });

  it('has an example of every strategy and every preset', () => {
    const options = snippets.map(optionsOf);
    const presets = options.map((given) => ('preset' in given ? given.preset : null));
    expect(new Set(options.map(({ strategy }) => strategy))).toEqual(new Set(STRATEGIES));
    expect(presets).toEqual(expect.arrayContaining(PRESETS));
  });

  it.each(Object.keys(WARNINGS))('describes the warning %s', (kind) => {
    expect(page).toMatch(new RegExp(`^\\| \`${kind}\``, 'm'));
  });

  it.each([CLOUDFLARE_RANGES, FASTLY_RANGES, GOOGLE_FRONT_END_RANGES])(
    'names the day of the copy of $source',
    ({ copiedOn }) => {
      expect(page).toContain(`| ${copiedOn} |`);
    },
  );
});
