import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { textOf } from './source-tree.js';

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  ports: string[];
  volumes: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck: { test: string[]; interval: string; timeout: string; retries: number };
}

const compose = parse(textOf('docker-compose.yml')) as {
  services: Record<'postgres' | 'redis' | 'demo', Service>;
  volumes: Record<string, unknown>;
};
const { postgres, demo } = compose.services;

describe('docker-compose.yml', () => {
  it('has a database, a Redis and the demo', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['demo', 'postgres', 'redis']);
  });

  describe.each(Object.entries(compose.services))('%s', (_, service) => {
    it('runs a stock image of a named version', () => {
      expect(service.image).toMatch(/^(postgres|redis|node):\d+$/);
      expect(service).not.toHaveProperty('build');
    });

    it('is open to this machine alone', () => {
      expect(service.ports.length).toBeGreaterThan(0);
      for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    });

    it('says when it is well', () => {
      const { test, interval, timeout, retries } = service.healthcheck;
      expect(test[0]).toMatch(/^CMD(-SHELL)?$/);
      expect(test.length).toBeGreaterThan(1);
      // An unquoted text with a colon in it is a mapping.
      for (const word of test) expect(word).toBeTypeOf('string');
      expect([interval, timeout]).toEqual([
        expect.stringMatching(/^\d+s$/),
        expect.stringMatching(/^\d+s$/),
      ]);
      expect(retries).toBeGreaterThan(0);
    });

    it('keeps its data in a volume that is declared', () => {
      const named = service.volumes
        .map((volume) => volume.split(':')[0]!)
        .filter((name) => !/^[./]/.test(name));
      expect(named).toHaveLength(1);
      expect(Object.keys(compose.volumes)).toContain(named[0]);
    });

    it('waits until what it needs is well', () => {
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(name);
        expect(condition).toBe('service_healthy');
      }
    });
  });

  it('declares no volume that nobody uses', () => {
    const used = Object.values(compose.services).flatMap(({ volumes }) => volumes);
    for (const name of Object.keys(compose.volumes)) {
      expect(used).toContainEqual(expect.stringMatching(`^${name}:/`));
    }
  });

  it('keeps the data of PostgreSQL 18 where the image puts them', () => {
    expect(postgres.volumes).toContainEqual(expect.stringMatching(/:\/var\/lib\/postgresql$/));
  });

  it('connects the demo to the database it starts', () => {
    expect(Object.keys(demo.depends_on ?? {})).toContain('postgres');
    const url = new URL(demo.environment!['DATABASE_URL']!);
    expect(url.host).toBe('postgres:5432');
    expect({
      POSTGRES_USER: url.username,
      POSTGRES_PASSWORD: url.password,
      POSTGRES_DB: url.pathname.slice(1),
    }).toEqual(postgres.environment);
  });

  it('starts the demo with the two commands of the README, where the host can reach it', () => {
    expect(demo.command!.join(' ')).toMatch(/npm ci && (exec )?npm start$/);
    expect(demo.environment!['HOST']).toBe('0.0.0.0');
    expect(demo.ports).toContain(`127.0.0.1:3000:${demo.environment!['PORT']}`);
    expect(demo.healthcheck.test.join(' ')).toContain('http://127.0.0.1:3000/health');
  });

  it('leaves the checkout as it is', () => {
    const mounts = demo.volumes.filter((volume) => volume.startsWith('.'));
    expect(mounts).toEqual([expect.stringMatching(/:ro$/)]);
  });
});
