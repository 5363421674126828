import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  defaultStateFolder,
  openStateFolder,
  replaceFile,
  stateFolderIn,
  temporaryStateFolder,
} from './state-folder.js';

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'ipt-state-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(base, { recursive: true });
});

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe('defaultStateFolder', () => {
  it('is the user’s folder for state', () => {
    expect(defaultStateFolder({ XDG_STATE_HOME: '/somewhere/state' })).toEqual({
      path: '/somewhere/state/nestjs-ip-tracking',
      isSwept: false,
    });
    expect(defaultStateFolder({}).path).toBe(
      join(homedir(), '.local', 'state', 'nestjs-ip-tracking'),
    );
  });

  it('ignores one that is relative, as the specification says', () => {
    expect(defaultStateFolder({ XDG_STATE_HOME: 'state' })).toEqual(defaultStateFolder({}));
  });
});

describe('temporaryStateFolder', () => {
  it('is another one for each user, and known to be swept', () => {
    const own = temporaryStateFolder();
    vi.spyOn(process, 'getuid').mockReturnValue(123_456);
    expect(temporaryStateFolder().path).not.toBe(own.path);
    expect(own.isSwept).toBe(true);
  });

  it('has no folder above it that somebody else could have made', () => {
    expect(dirname(temporaryStateFolder().path)).toBe(tmpdir());
  });
});

describe('openStateFolder', () => {
  const folderIn = (given: string) => stateFolderIn(given).path;

  it('makes the folder, and those above it, for this user alone', async () => {
    const folder = folderIn(join(base, 'a', 'b'));
    await openStateFolder(folder);
    for (const path of [folder, dirname(folder), dirname(dirname(folder))]) {
      expect(await modeOf(path)).toBe('700');
    }
  });

  it('takes one that is there as it is', async () => {
    const folder = folderIn(base);
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, 'rules'), 'x');
    await openStateFolder(folder);
    expect(await readdir(folder)).toEqual(['rules']);
  });

  it.each(['755', '770', '701', '777'])('shuts one of ours of mode %s', async (mode) => {
    const folder = folderIn(base);
    await mkdir(folder);
    await chmod(folder, Number.parseInt(mode, 8));
    await openStateFolder(folder);
    expect(await modeOf(folder)).toBe('700');
  });

  it.each(['755', '770', '777', '1777'])(
    'leaves the folder that a host gives at its mode of %s',
    async (mode) => {
      const given = join(base, 'given');
      await mkdir(given);
      await chmod(given, Number.parseInt(mode, 8));
      await openStateFolder(folderIn(given));
      expect(((await stat(given)).mode & 0o7777).toString(8)).toBe(mode);
      expect(await modeOf(folderIn(given))).toBe('700');
    },
  );

  it('refuses a link to a folder, and leaves that alone', async () => {
    const others = join(base, 'others');
    await mkdir(others, { mode: 0o755 });
    await symlink(others, folderIn(base));
    await expect(openStateFolder(folderIn(base))).rejects.toThrow(/is not a folder/);
    expect(await modeOf(others)).toBe('755');
  });

  it('refuses a link that leads nowhere', async () => {
    await symlink(join(base, 'nowhere'), folderIn(base));
    await expect(openStateFolder(folderIn(base))).rejects.toThrow();
  });

  it('refuses a file', async () => {
    await writeFile(folderIn(base), '');
    await expect(openStateFolder(folderIn(base))).rejects.toThrow();
  });

  it('refuses a folder of another user, and leaves it alone', async () => {
    const folder = folderIn(base);
    await mkdir(folder);
    await chmod(folder, 0o755);
    const uid = process.getuid!();
    vi.spyOn(process, 'getuid').mockReturnValue(uid + 1);
    await expect(openStateFolder(folder)).rejects.toThrow(/belongs to another user/);
    expect(await modeOf(folder)).toBe('755');
  });

  it.skipIf(process.getuid?.() !== 0)('refuses another user’s folder even as root', async () => {
    const folder = folderIn(base);
    await mkdir(folder, { mode: 0o700 });
    await chown(folder, 65_534, 65_534);
    await expect(openStateFolder(folder)).rejects.toThrow(/belongs to another user/);
  });
});

describe('replaceFile', () => {
  it('writes a file for this user alone, and nothing beside it', async () => {
    const file = join(base, 'rules');
    await replaceFile(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect(await modeOf(file)).toBe('600');
    expect(await readdir(base)).toEqual(['rules']);
  });

  it('replaces the old file, whatever its mode was', async () => {
    const file = join(base, 'rules');
    await writeFile(file, 'much longer than the new one', { mode: 0o644 });
    await replaceFile(file, Buffer.from([0, 255]));
    expect([...(await readFile(file))]).toEqual([0, 255]);
    expect(await modeOf(file)).toBe('600');
  });

  it('replaces a link, and not what it leads to', async () => {
    await writeFile(join(base, 'theirs'), 'theirs');
    await symlink(join(base, 'theirs'), join(base, 'rules'));
    await replaceFile(join(base, 'rules'), 'ours');
    expect(await readFile(join(base, 'theirs'), 'utf8')).toBe('theirs');
    expect((await lstat(join(base, 'rules'))).isFile()).toBe(true);
  });

  it('shows its readers one whole file or the other', async () => {
    const file = join(base, 'rules');
    const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await replaceFile(file, contents[0]!);
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await replaceFile(file, contents[i % 2]!);
    })();
    for (let i = 0; i < 40; i++) {
      const seen = await readFile(file, 'utf8');
      expect(contents.includes(seen)).toBe(true);
    }
    await writing;
  });

  it('leaves one of the files whole where several write at once', async () => {
    const file = join(base, 'rules');
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(50_000));
    await Promise.all(contents.map((content) => replaceFile(file, content)));
    expect(contents).toContain(await readFile(file, 'utf8'));
    expect(await readdir(base)).toEqual(['rules']);
  });

  it('keeps the old file and leaves no other where it cannot be replaced', async () => {
    const folder = join(base, 'rules');
    await mkdir(folder);
    await writeFile(join(folder, 'old'), 'old');
    await expect(replaceFile(folder, 'new')).rejects.toThrow();
    expect(await readdir(base)).toEqual(['rules']);
    expect(await readdir(folder)).toEqual(['old']);
  });

  it('keeps the old file and leaves no other where the new one cannot be written', async () => {
    const file = join(base, 'rules');
    await writeFile(file, 'old');
    // Node refuses such content while it writes, when the unfinished file is there already.
    await expect(replaceFile(file, { not: 'bytes' } as unknown as Buffer)).rejects.toThrow();
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(base)).toEqual(['rules']);
  });

  it('fails where there is no folder', async () => {
    await expect(replaceFile(join(base, 'none', 'rules'), 'x')).rejects.toThrow(/ENOENT/);
  });
});
