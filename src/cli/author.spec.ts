import * as os from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { author, caller } from './author.js';

vi.mock('node:os', { spy: true });

describe('author', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is the user who runs the command', () => {
    vi.mocked(os.userInfo).mockReturnValueOnce({ username: 'ada' } as os.UserInfo<string>);
    expect(author()).toBe('cli:ada');
  });

  it('is the number of a user without a name, as in a container', () => {
    vi.mocked(os.userInfo).mockImplementationOnce(() => {
      throw new Error('uv_os_get_passwd returned ENOENT');
    });
    vi.spyOn(process, 'getuid').mockReturnValueOnce(10_001);
    expect(author()).toBe('cli:uid 10001');
  });
});

describe('caller', () => {
  beforeEach(() => {
    vi.stubEnv('SSH_CONNECTION', undefined);
    vi.stubEnv('SSH_CLIENT', undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([
    ['SSH_CONNECTION', '203.0.113.7 50122 10.0.0.1 22', '203.0.113.7'],
    ['SSH_CONNECTION', '2001:db8::7 50122 2001:db8::1 22', '2001:db8::7'],
    ['SSH_CONNECTION', 'fe80::7%eth0 50122 fe80::1%eth0 22', 'fe80::7'],
    ['SSH_CLIENT', '203.0.113.7 50122 22', '203.0.113.7'],
    ['SSH_CONNECTION', '', undefined],
    ['SSH_CONNECTION', ' ', undefined],
  ])('comes from %s=%s', (name, value, expected) => {
    vi.stubEnv(name, value);
    expect(caller()).toBe(expected);
  });

  it('is nobody at the machine itself', () => {
    expect(caller()).toBeUndefined();
  });

  it('takes the connection before the client', () => {
    vi.stubEnv('SSH_CONNECTION', '203.0.113.7 1 10.0.0.1 22');
    vi.stubEnv('SSH_CLIENT', '198.51.100.1 1 22');
    expect(caller()).toBe('203.0.113.7');
  });
});
