import { beforeAll, describe, expect, it } from 'vitest';
import { changed, filesOfRecipes } from './recipes.js';
import { compile, samples } from './samples.js';

/** What a page must not say: what is wrong with it, and what the compiler has to say of it. */
const WRONG: [what: string, code: string, message: string][] = [
  [
    'a misspelt option',
    `IpTrackingModule.forRoot({ database, rules: { mod: 'allowlist' } });`,
    "'mod' does not exist",
  ],
  [
    'an option of another place',
    `IpTrackingModule.forRoot({ database, rateLimits: { identify: ['id'] } });`,
    "'identify' does not exist",
  ],
  [
    'a misspelt option that a factory gives',
    `IpTrackingModule.forRootAsync({
      useFactory: (): IpTrackingOptions => ({ database, requestLog: { retentionDays: 1, maxQueued: 1 } }),
    });`,
    "'maxQueued' does not exist",
  ],
  [
    'a value that an option cannot have',
    `IpTrackingModule.forRoot({ database, privacy: { address: 'hidden' } });`,
    `'"hidden"' is not assignable`,
  ],
  ['what is not exported', `const queue: RequestQueue | null = null;`, "'RequestQueue'"],
  [
    'a field that there is not',
    `IpTrackingModule.forRoot({ database, rules: { onBlocked: ({ ip }) => ip } });`,
    "'ip' does not exist",
  ],
];
const wrongBlocks = WRONG.map(([, code], index) => ({
  page: 'docs/wrong.md',
  language: 'ts',
  code,
  line: 100 * index + 100,
}));

describe('the ts blocks of the documents', () => {
  let messages: string[];
  beforeAll(() => {
    messages = compile([...samples(), ...wrongBlocks]);
  });

  it('are found', () => {
    const pages = new Set(samples().map(({ page }) => page));
    expect(samples().length).toBeGreaterThan(15);
    expect([...pages]).toEqual(expect.arrayContaining(['README.md', 'docs/rules.md']));
    expect(filesOfRecipes().size).toBeGreaterThan(8);
  });

  it('compile, those of the recipes where they belong', () => {
    expect(
      messages.filter((message) => !message.startsWith('docs/wrong.md:')),
      'mend the block; what it takes for granted is declared in test/repo/samples.ts',
    ).toEqual([]);
  });

  it.each(WRONG.map(([what, , message], index) => [what, message, index] as const))(
    'would not compile with %s',
    (_, message, index) => {
      const { line } = wrongBlocks[index]!;
      const found = messages.filter((each) => {
        const at = Number(/^docs\/wrong\.md:(\d+):/.exec(each)?.[1]);
        return at >= line && at < line + 100;
      });
      expect(found.join('\n')).toContain(message);
    },
  );
});

describe('a diff in a recipe', () => {
  const text = 'a\nb\n\nc\nb2\n';

  it('changes lines by what stands around them', () => {
    expect(changed(text, ' // x.ts\n a\n-b\n+B\n\n c\n@@\n+z\n b2\n', 'here')).toBe(
      'a\nB\n\nc\nz\nb2\n',
    );
  });

  it.each([
    ['are not there', ' // x.ts\n a\n c\n+d\n', /here: 0 places/],
    ['are there twice', ' // x.ts\n+d\n b\n', /here: 2 places/],
  ])('fails where its lines %s', (_, diff, message) => {
    expect(() => changed('a\nb\nb\n', diff, 'here')).toThrow(message);
  });
});
