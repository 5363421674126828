import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows keep what each request showed by itself, as bits, and whom credentials were for, as a hash; those that speak
 * against their client are indexed. Neither looks at a row: both need the table for a moment, and nobody waits longer
 * than a tenth of a second for it, for all writers wait behind that. New partitions have the index from the start;
 * `ip-tracking migrate` builds it on older ones while they are written to.
 */
export class RequestSignals1763794800000 implements MigrationInterface {
  readonly name = 'RequestSignals1763794800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      soon(
        `alter table ip_tracking.request_log add column signals bigint, add column attempted_user text`,
      ),
    );
    // 50855935: probe, payload, unmatched, auth-failure, open-proxy, malformed. Other bits only say how to read these.
    await runner.query(
      soon(`create index request_log_evidence on only ip_tracking.request_log ("timestamp")
              where (signals & 50855935) <> 0`),
    );
    // Of a log that is empty so far there is nothing to wait for.
    await runner.query(`
      do $$
      begin
        if exists (select from ip_tracking.request_log)
           or (select count(*) from pg_inherits where inhparent = 'ip_tracking.request_log'::regclass) > 1 then
          return;
        end if;
        create index request_log_default_evidence on ip_tracking.request_log_default ("timestamp")
          where (signals & 50855935) <> 0;
        alter index ip_tracking.request_log_evidence attach partition ip_tracking.request_log_default_evidence;
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(soon(`drop index ip_tracking.request_log_evidence`));
    await runner.query(
      soon(`alter table ip_tracking.request_log drop column signals, drop column attempted_user`),
    );
  }
}

function soon(change: string): string {
  return `
    do $$
    begin
      set local lock_timeout = '100ms';
      for attempt in 1..600 loop
        begin
          ${change};
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
