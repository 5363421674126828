import { describe, expect, it } from 'vitest';
import { type LoggedRequest, logLines } from '../../../test/support/log-lines.js';
import type { Site } from './site.js';
import { SiteLearner } from './site-learner.js';

function learnt(requests: readonly LoggedRequest[]): Site {
  const learner = new SiteLearner();
  for (const line of logLines(requests)) learner.see(line);
  return learner.learnt();
}

/** The same request of several clients. */
function by(clients: number, request: LoggedRequest): LoggedRequest[] {
  return Array.from({ length: clients }, (_, i) => ({ ...request, ip: `198.51.100.${i + 1}` }));
}

describe('the routes of a site', () => {
  it('are what several clients were given, by whatever success', () => {
    const site = learnt([
      ...by(3, { path: '/phpmyadmin/', bytes: 4_321 }),
      ...by(3, { path: '/fresh', status: 304, bytes: null }),
      ...by(3, { path: '/old', status: 302, bytes: 77 }),
      ...by(2, { path: '/two', bytes: 999 }),
      ...by(3, { path: '/gone', status: 404 }),
    ]);
    expect([...site.facts.routes].sort()).toEqual(['/fresh', '/old', '/phpmyadmin/']);
  });

  it('are not what one client alone has asked for, however often', () => {
    const site = learnt(Array.from({ length: 9 }, (_, i) => ({ path: '/x', bytes: 100 + i })));
    expect(site.facts.routes.size).toBe(0);
  });

  it('know a path without its query, and an IPv6 client by its /64', () => {
    const ips = ['2001:db8::1', '2001:db8::2', '2001:db8::3'];
    expect(learnt(ips.map((ip) => ({ ip, path: '/x?a=1' }))).facts.routes.size).toBe(0);
    const site = learnt(by(3, { path: '/x?a=1', bytes: 55 }));
    expect(site.isRoute('/x')).toBe(true);
  });

  it('are not what an app of one page answers to everything', () => {
    const paths = ['/', '/about', '/wp-login.php', '/admin'];
    const site = learnt(paths.flatMap((path) => by(4, { path, bytes: 644 })));
    expect(site.facts.routes.size).toBe(0);
    expect(site.facts.isWordPress).toBe(false);
  });

  it('are not what ten different paths were answered with', () => {
    const paths = Array.from({ length: 10 }, (_, i) => `/page-${i}`);
    const site = learnt([
      ...paths.flatMap((path) => by(3, { path, bytes: 512 })),
      ...by(3, { path: '/real', bytes: 513 }),
    ]);
    expect([...site.facts.routes]).toEqual(['/real']);
  });

  it.each([
    ['of one size', () => 178],
    ['with the address in it', (path: string) => 230 + path.length],
    ['with the address in it twice', (path: string) => 230 + 2 * path.length],
  ])('are not what everything is redirected by, %s', (_, bytes) => {
    const paths = Array.from({ length: 10 }, (_unused, i) => `/${'x'.repeat(i)}`);
    const site = learnt(
      ['/wp-login.php', ...paths].flatMap((path) =>
        by(3, { path, status: 301, bytes: bytes(path) }),
      ),
    );
    expect(site.facts.routes.size).toBe(0);
  });

  it('are not what was redirected to https and was missing there', () => {
    const redirected = by(3, { path: '/wp-login.php', status: 301, bytes: 178 });
    expect(learnt(redirected).isRoute('/wp-login.php')).toBe(true);
    const missing = { path: '/wp-login.php', status: 404, ip: '192.0.2.9' };
    expect(learnt([...redirected, missing]).isRoute('/wp-login.php')).toBe(false);
    expect(learnt([missing, ...redirected]).isRoute('/wp-login.php')).toBe(false);
  });

  it('are never a secret', () => {
    expect(learnt(by(9, { path: '/.env', bytes: 321 })).isRoute('/.env')).toBe(false);
  });

  it('are not what answers without a body were about', () => {
    expect(learnt(by(3, { path: '/x', method: 'HEAD', bytes: 0 })).facts.routes.size).toBe(0);
    expect(learnt(by(3, { path: '/x', status: 204, bytes: null })).facts.routes.size).toBe(0);
  });
});

describe('what a site is', () => {
  it('is told by what its pages are drawn with', () => {
    const site = learnt([
      ...by(3, { path: '/wp-content/themes/a/style.css', referer: 'https://blog.example/' }),
      ...by(3, { path: '/wp-includes/js/jquery.js', referer: 'https://www.blog.example/a' }),
      ...by(3, { path: '/logo.png', referer: 'https://thief.example/' }),
    ]);
    expect(site.facts).toMatchObject({ isWordPress: true, hasScripts: true });
    expect(site.facts.hosts).toEqual(new Set(['blog.example', 'www.blog.example']));
    expect(site.isOwnHost!('blog.example:443')).toBe(true);
    expect(site.isOwnHost!('thief.example')).toBe(false);
  });

  it('has scripts where several of them are its own', () => {
    const scripts = ['/index.php', '/view.php'].flatMap((path) => by(3, { path }));
    expect(learnt(scripts).facts).toMatchObject({ isWordPress: false, hasScripts: true });
    expect(learnt(scripts.slice(0, 3)).facts.hasScripts).toBe(false);
  });

  it('cannot be told of a log without anything', () => {
    expect(learnt([]).isOwnHost).toBe(null);
  });
});
