import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * An app needs not own what it writes. What only an owner may do to the log (make a day, drop one, delete rows) it does
 * through functions of the owner, each of which does one thing to one day; what is dropped is older than the owner says,
 * whoever asks.
 */
export class LeastPrivilege1763791200000 implements MigrationInterface {
  readonly name = 'LeastPrivilege1763791200000';

  async up(runner: QueryRunner): Promise<void> {
    // Tells this database from every other one, together with what PostgreSQL knows of itself.
    await runner.query(`
      create table ip_tracking.installation (
        id uuid not null default gen_random_uuid(),
        singleton boolean primary key default true,
        constraint installation_one_row check (singleton)
      )`);
    await runner.query(`insert into ip_tracking.installation default values`);

    await runner.query(`
      create table ip_tracking.owner_setting (
        name text primary key,
        days integer not null,
        constraint owner_setting_days check (days >= 1)
      )`);
    await runner.query(`insert into ip_tracking.owner_setting values ('min_retention_days', 1)`);

    // Whoever may notify must not be able to reset anybody's limits: what is notified is a row that only some may write.
    await runner.query(`
      create table ip_tracking.limit_reset (
        id bigint generated always as identity primary key,
        client text not null,
        name text,
        requested_at timestamptz not null default clock_timestamp()
      )`);
    await define(
      runner,
      `limit_reset_requested() returns trigger`,
      `begin
         delete from ip_tracking.limit_reset where requested_at < clock_timestamp() - interval '1 day';
         perform pg_notify('ip_tracking_limit_reset', new.id::text);
         return null;
       end`,
    );
    await runner.query(`
      create trigger limit_reset_requested after insert on ip_tracking.limit_reset
      for each row execute function ip_tracking.limit_reset_requested()`);

    await define(
      runner,
      `first_kept_day() returns date`,
      `begin
         return (clock_timestamp() at time zone 'UTC')::date
              - (select days from ip_tracking.owner_setting where name = 'min_retention_days');
       end`,
    );
    // A partition is made beside the table and then attached, because "create table ... partition of" would need the
    // whole table for itself, and every writer would queue behind the longest reader. Only where rows of that day may be
    // on their way that cannot be avoided: a writer that has chosen the default partition would find that it must not
    // have the row any more, and its batch would be refused.
    await define(
      runner,
      `make_partition(day date, may_have_rows boolean) returns boolean`,
      `declare
         partition constant text := 'request_log_' || to_char(day, 'YYYYMMDD');
         since constant timestamptz := day::timestamp at time zone 'UTC';
         until constant timestamptz := (day + 1)::timestamp at time zone 'UTC';
       begin
         if to_regclass('ip_tracking.' || partition) is not null then return false; end if;
         if may_have_rows then lock table ip_tracking.request_log in access exclusive mode; end if;
         execute format('create table ip_tracking.%I (like ip_tracking.request_log including defaults including generated)',
                        partition);
         if may_have_rows then
           execute format('with moved as (delete from ip_tracking.request_log_default
                                           where "timestamp" >= %L and "timestamp" < %L returning *)
                           insert into ip_tracking.%I select * from moved', since, until, partition);
         end if;
         execute format('alter table ip_tracking.request_log attach partition ip_tracking.%I for values from (%L) to (%L)',
                        partition, since, until);
         return true;
       end`,
    );
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
      `refuse_kept(day date) returns void`,
      `begin
         if day >= ip_tracking.first_kept_day() then
           raise insufficient_privilege using
             message = format('requests of %s are kept: the owner of ip_tracking keeps all from %s on',
                              day, ip_tracking.first_kept_day()),
             hint = 'see ip_tracking.owner_setting';
         end if;
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
    await define(
      runner,
      `erase_requests(day date, addresses inet[]) returns integer`,
      `declare
         deleted integer;
       begin
         delete from ip_tracking.request_log
          where "timestamp" >= day::timestamp at time zone 'UTC'
            and "timestamp" < (day + 1)::timestamp at time zone 'UTC' and ip_address = any(addresses);
         get diagnostics deleted = row_count;
         return deleted;
       end`,
    );
    // An address may lead to another database between a question and a write: what was taken for one asks as it is written.
    // By its class (a connection that cannot be used) the error says that the records are not to blame.
    await define(
      runner,
      `require_database(installation uuid, database oid) returns void`,
      `begin
         if not exists (select from ip_tracking.installation as here, pg_database
                         where datname = current_database() and here.id = installation and pg_database.oid = database) then
           raise exception using errcode = '08004',
             message = 'another database is in the place of the one that these records were taken for';
         end if;
       end`,
    );
    await runner.query(`alter function ip_tracking.forget_erased(timestamptz) security definer`);
    await runner.query(
      `alter function ip_tracking.forget_erased(timestamptz) set search_path = pg_catalog, pg_temp`,
    );
    // The audit and the counter of changes are written by the trigger alone, whoever changes a rule.
    await runner.query(`alter function ip_tracking.ip_rule_changed() security definer`);
    await runner.query(
      `alter function ip_tracking.ip_rule_changed() set search_path = pg_catalog, pg_temp`,
    );
    await runner.query(`revoke all on all functions in schema ip_tracking from public`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter function ip_tracking.ip_rule_changed() reset search_path`);
    await runner.query(`alter function ip_tracking.ip_rule_changed() security invoker`);
    await runner.query(`alter function ip_tracking.forget_erased(timestamptz) reset search_path`);
    await runner.query(`alter function ip_tracking.forget_erased(timestamptz) security invoker`);
    await runner.query(`grant execute on all functions in schema ip_tracking to public`);
    for (const signature of [
      'require_database(uuid, oid)',
      'erase_requests(date, inet[])',
      'delete_strays(date, integer)',
      'drop_partition(date, boolean)',
      'refuse_kept(date)',
      'make_partition(date, boolean)',
      'first_kept_day()',
    ]) {
      await runner.query(`drop function ip_tracking.${signature}`);
    }
    await runner.query(`drop table ip_tracking.limit_reset`);
    await runner.query(`drop function ip_tracking.limit_reset_requested()`);
    await runner.query(`drop table ip_tracking.owner_setting`);
    await runner.query(`drop table ip_tracking.installation`);
  }
}

/** Made with the rights of whoever migrates; nobody's tables of the same names can come before ours. */
async function define(runner: QueryRunner, signature: string, body: string): Promise<void> {
  await runner.query(
    `create function ip_tracking.${signature} language plpgsql security definer
       set search_path = pg_catalog, pg_temp as $$ ${body} $$`,
  );
}
