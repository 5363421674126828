import { describe, expect, it } from 'vitest';
import { OwnHosts } from './own-hosts.js';

const SCHEME = 'https://'.length;

describe('a target', () => {
  const isForeign = (hosts: OwnHosts, name: string, host: string | null) =>
    hosts.isForeign(`https://${name}/a`, SCHEME, SCHEME + name.length, host);

  it.each([
    ['x.example', 'x.example', false],
    ['X.example:443', 'x.example', false],
    ['y.example', 'x.example', true],
    ['y.example', '', false],
    ['y.example', null, false],
  ])('for %s, with the Host header %j, is foreign: %s', (name, host, isOne) => {
    const hosts = new OwnHosts(null);
    expect(isForeign(hosts, name, host)).toBe(isOne);
    expect(isForeign(hosts, name, host)).toBe(isOne);
  });

  it('is foreign where the app says so, whatever the header', () => {
    const hosts = new OwnHosts((host) => host === 'x.example');
    expect(isForeign(hosts, 'x.example', 'y.example')).toBe(false);
    expect(isForeign(hosts, 'y.example', 'y.example')).toBe(true);
  });
});

describe('a referer', () => {
  it.each([
    ['https://x.example', 'x.example', true],
    ['https://x.example/a', 'x.example', true],
    ['https://x.example?a', 'x.example', true],
    ['https://x.example#a', 'x.example', true],
    ['https://X.example:443/a', 'x.example', true],
    ['https://y.example/a', 'x.example', false],
    ['https://x.example.y.example/a', 'x.example', false],
    ['https://xy.example/', 'x', false],
    // As it was sent, however odd.
    ['https://x/y', 'x/y', true],
    ['https://x/y/z', 'x/y', true],
    ['https://x/y', '/', false],
    ['https://x.example/', '', false],
    ['https://null/a', null, false],
    ['https://x.example/', null, false],
  ])('%s, with the Host header %j, is own: %s', (referer, host, isOne) => {
    expect(new OwnHosts(null).isOwnReferer(referer, SCHEME, host)).toBe(isOne);
  });

  it('is own where the app says so', () => {
    const hosts = new OwnHosts((host) => host === 'x.example');
    expect(hosts.isOwnReferer('https://x.example/a', SCHEME, 'y.example')).toBe(true);
    expect(hosts.isOwnReferer('https://z.example/a', SCHEME, 'y.example')).toBe(false);
  });
});

describe('hosts that are kept', () => {
  function kept(names: readonly string[]): number {
    const hosts = new OwnHosts(() => true);
    for (const name of names) hosts.isForeign(name, 0, name.length, null);
    return hosts['names'].size;
  }
  const many = (count: number) => Array.from({ length: count }, (_, i) => `${i}.example`);

  it.each([
    [0, 0],
    [3, 3],
    [512, 512],
    [513, 1],
  ])('of %i are %i', (count, size) => {
    expect(kept(many(count))).toBe(size);
  });

  it('are those of no more than 128 characters, each once', () => {
    expect(kept(['a'.repeat(128), 'a'.repeat(128)])).toBe(1);
    expect(kept(['a'.repeat(129)])).toBe(0);
    expect(kept([...many(512), '0.example'])).toBe(512);
  });
});
