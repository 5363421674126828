import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows of an old day that were written lately, as by a clock that was wrong, do not go with their day. What is late is
 * said by a setting of the transaction, and not by an argument: whoever may call these functions may go on doing so.
 */
export class LateRows1763798400000 implements MigrationInterface {
  readonly name = 'LateRows1763798400000';

  async up(runner: QueryRunner): Promise<void> {
    await define(
      runner,
      `written_before() returns timestamptz`,
      `begin
         return coalesce(nullif(current_setting('ip_tracking.written_before', true), ''), 'infinity')::timestamptz;
       end`,
    );
    await runner.query(`revoke all on function ip_tracking.written_before() from public`);
    await define(
      runner,
      `drop_partition(day date, only_if_empty boolean) returns boolean`,
      `declare
         partition constant text := 'request_log_' || to_char(day, 'YYYYMMDD');
         is_kept boolean;
       begin
         if to_regclass('ip_tracking.' || partition) is null then return false; end if;
         perform ip_tracking.refuse_kept(day);
         -- Taken before the look at its rows: between that and the drop a late one could arrive.
         lock table ip_tracking.request_log in access exclusive mode;
         execute format('select exists (select from ip_tracking.%I where $1 or ingested_at >= $2)', partition)
            into is_kept using only_if_empty, ip_tracking.written_before();
         if is_kept then return false; end if;
         execute format('drop table ip_tracking.%I', partition);
         return true;
       end`,
    );
    await define(
      runner,
      `delete_strays(before date, at_most integer) returns integer`,
      `declare
         deleted integer;
         written_before constant timestamptz := ip_tracking.written_before();
       begin
         perform ip_tracking.refuse_kept(before - 1);
         delete from ip_tracking.request_log_default
          where ctid = any(array(select ctid from ip_tracking.request_log_default
                                  where "timestamp" < before::timestamp at time zone 'UTC'
                                    and ingested_at < written_before limit at_most));
         get diagnostics deleted = row_count;
         return deleted;
       end`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await define(
      runner,
      `drop_partition(day date, only_if_empty boolean) returns boolean`,
      `declare
         partition constant text := 'request_log_' || to_char(day, 'YYYYMMDD');
         has_rows boolean;
       begin
         if to_regclass('ip_tracking.' || partition) is null then return false; end if;
         perform ip_tracking.refuse_kept(day);
         -- Taken before the look at its rows: between that and the drop a late one could arrive.
         lock table ip_tracking.request_log in access exclusive mode;
         if only_if_empty then
           execute format('select exists (select from ip_tracking.%I)', partition) into has_rows;
           if has_rows then return false; end if;
         end if;
         execute format('drop table ip_tracking.%I', partition);
         return true;
       end`,
    );
    await define(
      runner,
      `delete_strays(before date, at_most integer) returns integer`,
      `declare
         deleted integer;
       begin
         perform ip_tracking.refuse_kept(before - 1);
         delete from ip_tracking.request_log_default
          where ctid = any(array(select ctid from ip_tracking.request_log_default
                                  where "timestamp" < before::timestamp at time zone 'UTC' limit at_most));
         get diagnostics deleted = row_count;
         return deleted;
       end`,
    );
    await runner.query(`drop function ip_tracking.written_before()`);
  }
}

/** Made with the rights of whoever migrates, and with the grants that it had. */
async function define(runner: QueryRunner, signature: string, body: string): Promise<void> {
  await runner.query(
    `create or replace function ip_tracking.${signature} language plpgsql security definer
       set search_path = pg_catalog, pg_temp as $$ ${body} $$`,
  );
}
