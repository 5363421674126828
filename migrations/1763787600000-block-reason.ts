import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows say why a request was blocked, and for how many others they stand. Such columns are added without a look at a row,
 * but for a moment the table has to be had alone: whoever waits for that makes all writers wait behind it, so nobody waits longer than a
 * tenth of a second, and tries again.
 */
export class BlockReason1763787600000 implements MigrationInterface {
  readonly name = 'BlockReason1763787600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      alter(`add column reason text, add column repeats integer not null default 0`),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(alter(`drop column reason, drop column repeats`));
  }
}

function alter(change: string): string {
  return `
    do $$
    begin
      set local lock_timeout = '100ms';
      for attempt in 1..600 loop
        begin
          alter table ip_tracking.request_log ${change};
          set local lock_timeout = default;
          return;
        exception when lock_not_available then
          perform pg_sleep(0.05 + random() * 0.1);
        end;
      end loop;
      raise lock_not_available using
        message = 'ip_tracking.request_log is in use and could not be altered for two minutes',
        hint = 'end the transactions that hold it (see pg_stat_activity), and migrate again';
    end $$`;
}
