import { describe, expect, it } from 'vitest';
import { clientKey, clientText } from './client-key.js';
import { parseIp } from './ip-address.js';

describe('what a client is kept under', () => {
  it.each([
    ['192.0.2.1', -1073741311, '\uc000\u0201'],
    ['10.0.0.1', 0x0a000001, '\u0a00\u0001'],
    ['::ffff:10.0.0.1', 0x0a000001, '\u0a00\u0001'],
    ['2001:db8:3:4::1', '\u2001\u0db8\u0003\u0004', '\u2001\u0db8\u0003\u0004'],
    ['2001:db8:3:4:5:6:7:8', '\u2001\u0db8\u0003\u0004', '\u2001\u0db8\u0003\u0004'],
    ['ffff:fffe:fffd:fffc::', '\uffff\ufffe\ufffd\ufffc', '\uffff\ufffe\ufffd\ufffc'],
  ])('%s', (text, key, asText) => {
    const ip = parseIp(text)!;
    expect(clientKey(ip)).toBe(key);
    expect(clientText(ip)).toBe(asText);
  });
});
