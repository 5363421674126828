/**
 * The environment of PostgreSQL's own programs: none of the shell's PG* variables, which would move its port, its data or
 * its options; English messages, because some are compared; UTC, which also saves initdb its search for the time zone.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', LANG: 'C', TZ: 'UTC' };
}
