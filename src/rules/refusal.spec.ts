import { describe, expect, it } from 'vitest';
import { refusalOf, type BlockedRequest, type RefusalFactory } from './refusal.js';

const blocked: BlockedRequest = {
  ipAddress: '203.0.113.7',
  ipSource: 'socket',
  method: 'GET',
  url: '/',
  reason: 'rule',
  ruleId: 1,
  country: null,
  city: null,
};
const answer = (factory: RefusalFactory | null) => refusalOf(factory, blocked);
const plain = { status: 403, body: '{"statusCode":403,"message":"Forbidden"}' };

describe('the answer to a refused client', () => {
  it('says nothing about rules unless the host does', () => {
    expect(answer(null)).toMatchObject(plain);
  });

  it('may be another status', () => {
    expect(answer(() => ({ status: 451 }))).toMatchObject({
      status: 451,
      body: '{"statusCode":451,"message":"Unavailable For Legal Reasons"}',
    });
    expect(answer(() => ({ status: 404 })).body).toContain('Not Found');
  });

  it('may be a page, whose length is told in bytes', () => {
    expect(answer(() => ({ body: '<h1>Grüße</h1>' }))).toMatchObject({
      status: 403,
      headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': '16' },
      body: '<h1>Grüße</h1>',
    });
  });

  it('may carry headers, which win over the usual ones', () => {
    const { headers } = answer(() => ({
      body: 'no',
      headers: { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' },
    }));
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'cache-control': 'no-store' });
  });

  it.each<[string, RefusalFactory]>([
    [
      'throws',
      () => {
        throw new Error('a bug of the host');
      },
    ],
    ['says nothing', () => undefined as never],
    ['lets the client in', () => ({ status: 200 })],
    ['gives no status', () => ({ status: Number.NaN })],
  ])('is the plain 403 where the factory %s', (_, factory) => {
    expect(answer(factory)).toMatchObject(plain);
  });
});
