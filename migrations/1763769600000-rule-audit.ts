import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * An append-only audit of the rules, which is also what a process reads to follow them: every change has its version,
 * and whoever knows version n asks for all after it.
 *
 * The trigger sees a statement's rows as a table, so that a feed of a million rules is one insert into the audit and
 * one notification. A row that an update leaves as it was is no change. TRUNCATE names no rows: it moves the version
 * alone, and the gap makes every process read all rules again.
 */
export class RuleAudit1763769600000 implements MigrationInterface {
  readonly name = 'RuleAudit1763769600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ip_tracking.ip_rule_event (
        id bigint generated always as identity primary key,
        version bigint not null,
        operation text not null,
        rule_id integer not null,
        actor text not null,
        happened_at timestamptz not null default now(),
        old jsonb,
        new jsonb,
        constraint ip_rule_event_operation check (operation in ('insert', 'update', 'delete'))
      )`);
    await runner.query(`create index ip_rule_event_version on ip_tracking.ip_rule_event (version)`);
    await runner.query(`create index ip_rule_event_rule_id on ip_tracking.ip_rule_event (rule_id)`);
    await runner.query(`
      create function ip_tracking.ip_rule_event_is_append_only() returns trigger language plpgsql as $$
      begin
        raise exception 'ip_tracking.ip_rule_event is append-only' using errcode = 'insufficient_privilege';
      end $$`);
    await runner.query(`
      create trigger ip_rule_event_is_append_only before update or delete or truncate on ip_tracking.ip_rule_event
        for each statement execute function ip_tracking.ip_rule_event_is_append_only()`);

    await runner.query(`drop trigger ip_rule_changed on ip_tracking.ip_rule`);
    await runner.query(`
      create or replace function ip_tracking.ip_rule_changed() returns trigger language plpgsql as $$
      declare
        current bigint;
        changed bigint := 0;
        who text := coalesce(nullif(current_setting('ip_tracking.actor', true), ''), session_user::text);
      begin
        -- Takes the row's lock before anything is written, so that versions are committed in their order.
        select version + 1 into current from ip_tracking.ip_rule_version for update;
        if tg_op = 'INSERT' then
          insert into ip_tracking.ip_rule_event (version, operation, rule_id, actor, new)
            select current, 'insert', n.id, who, to_jsonb(n) from new_rows n;
          get diagnostics changed = row_count;
        elsif tg_op = 'UPDATE' then
          insert into ip_tracking.ip_rule_event (version, operation, rule_id, actor, old, new)
            select current, 'update', n.id, who, to_jsonb(o), to_jsonb(n)
              from new_rows n join old_rows o using (id) where o is distinct from n;
          get diagnostics changed = row_count;
        elsif tg_op = 'DELETE' then
          insert into ip_tracking.ip_rule_event (version, operation, rule_id, actor, old)
            select current, 'delete', o.id, who, to_jsonb(o) from old_rows o;
          get diagnostics changed = row_count;
        else
          changed := 1;
        end if;
        if changed > 0 then
          update ip_tracking.ip_rule_version set version = current;
          perform pg_notify('ip_tracking_rules', current::text);
        end if;
        return null;
      end $$`);
    await runner.query(`
      create trigger ip_rule_inserted after insert on ip_tracking.ip_rule
        referencing new table as new_rows for each statement execute function ip_tracking.ip_rule_changed()`);
    await runner.query(`
      create trigger ip_rule_updated after update on ip_tracking.ip_rule
        referencing old table as old_rows new table as new_rows
        for each statement execute function ip_tracking.ip_rule_changed()`);
    await runner.query(`
      create trigger ip_rule_deleted after delete on ip_tracking.ip_rule
        referencing old table as old_rows for each statement execute function ip_tracking.ip_rule_changed()`);
    await runner.query(`
      create trigger ip_rule_truncated after truncate on ip_tracking.ip_rule
        for each statement execute function ip_tracking.ip_rule_changed()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const event of ['inserted', 'updated', 'deleted', 'truncated']) {
      await runner.query(`drop trigger ip_rule_${event} on ip_tracking.ip_rule`);
    }
    await runner.query(`
      create or replace function ip_tracking.ip_rule_changed() returns trigger language plpgsql as $$
      declare
        current bigint;
      begin
        update ip_tracking.ip_rule_version set version = version + 1 returning version into current;
        perform pg_notify('ip_tracking_rules', current::text);
        return null;
      end $$`);
    await runner.query(`
      create trigger ip_rule_changed after insert or update or delete or truncate on ip_tracking.ip_rule
        for each statement execute function ip_tracking.ip_rule_changed()`);
    await runner.query(`drop table ip_tracking.ip_rule_event`);
    await runner.query(`drop function ip_tracking.ip_rule_event_is_append_only()`);
  }
}
