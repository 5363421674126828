import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rules may limit, and detection may make rules: each of those has the id of its ban and of the finding that it follows
 * from. What becomes of bans is noted in `ban_event`, which can only be appended to; whoever has one to follow is notified.
 *
 * An erasure takes out of the audit whom an entry was about and leaves that there was one, but for bans in force: they
 * act, like any other rule. Only the owner's function does that.
 */
export class Bans1763800200000 implements MigrationInterface {
  readonly name = 'Bans1763800200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table ip_tracking.ip_rule
        add column finding_id integer,
        add column ban_id uuid,
        drop constraint ip_rule_action,
        add constraint ip_rule_action check (action in ('allow', 'block', 'limit', 'monitor'))`);
    await runner.query(
      `create index ip_rule_ban on ip_tracking.ip_rule (expires_at) where ban_id is not null`,
    );
    await runner.query(`
      create table ip_tracking.ban_event (
        id bigint generated always as identity primary key,
        happened_at timestamptz not null default clock_timestamp(),
        event text not null,
        action text,
        ban_id uuid,
        network cidr,
        subject text,
        detector text,
        finding_id integer,
        rule_id integer,
        code text,
        reason text,
        ends_at timestamptz,
        actor text not null,
        clients integer not null default 1,
        constraint ban_event_event
          check (event in ('ban', 'prolongation', 'expiry', 'pardon', 'softened', 'refused')),
        constraint ban_event_action check (action in ('block', 'limit'))
      )`);
    await runner.query(
      `create unique index ban_event_once on ip_tracking.ban_event (ban_id, event)
        where event in ('ban', 'prolongation')`,
    );
    await runner.query(
      `create index ban_event_network on ip_tracking.ban_event using spgist (network inet_ops)`,
    );
    await runner.query(`create index ban_event_happened_at on ip_tracking.ban_event (happened_at)`);
    await define(
      runner,
      `ban_event_is_append_only() returns trigger`,
      `begin
         if tg_op = 'UPDATE' and current_setting('ip_tracking.erases', true) = 'ban_event' then return null; end if;
         raise exception 'ip_tracking.ban_event is append-only' using errcode = 'insufficient_privilege';
       end`,
    );
    await runner.query(`
      create trigger ban_event_is_append_only before update or delete or truncate on ip_tracking.ban_event
        for each statement execute function ip_tracking.ban_event_is_append_only()`);
    await define(
      runner,
      `ban_event_added() returns trigger`,
      `begin
         if exists (select from added where event in ('ban', 'prolongation', 'pardon')) then
           perform pg_notify('ip_tracking_bans', (select max(id)::text from added));
         end if;
         return null;
       end`,
    );
    await runner.query(`
      create trigger ban_event_added after insert on ip_tracking.ban_event
        referencing new table as added for each statement execute function ip_tracking.ban_event_added()`);
    await define(
      runner,
      `erase_ban_events(networks inet[]) returns integer`,
      `declare
         erased integer;
       begin
         perform set_config('ip_tracking.erases', 'ban_event', true);
         update ip_tracking.ban_event set network = null, subject = null, reason = null
          where (network = any(networks::cidr[]) or subject::inet = any(networks))
            and not exists (select from ip_tracking.ip_rule
                             where ip_rule.ban_id = ban_event.ban_id and ip_rule.expires_at > clock_timestamp());
         get diagnostics erased = row_count;
         perform set_config('ip_tracking.erases', '', true);
         return erased;
       end`,
    );
    await runner.query(
      `revoke all on function ip_tracking.erase_ban_events(inet[]), ip_tracking.ban_event_added(),
                              ip_tracking.ban_event_is_append_only() from public`,
    );

    await runner.query(`
      create table ip_tracking.known_user (
        attempted_user text primary key,
        first_seen_at timestamptz not null default clock_timestamp(),
        last_seen_at timestamptz not null default clock_timestamp()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table ip_tracking.known_user`);
    await runner.query(`drop table ip_tracking.ban_event`);
    for (const signature of [
      'erase_ban_events(inet[])',
      'ban_event_added()',
      'ban_event_is_append_only()',
    ]) {
      await runner.query(`drop function ip_tracking.${signature}`);
    }
    await runner.query(`delete from ip_tracking.ip_rule where action = 'limit'`);
    await runner.query(`drop index ip_tracking.ip_rule_ban`);
    await runner.query(`
      alter table ip_tracking.ip_rule
        drop column ban_id, drop column finding_id,
        drop constraint ip_rule_action,
        add constraint ip_rule_action check (action in ('allow', 'block', 'monitor'))`);
  }
}

/** Made with the rights of whoever migrates; nobody's tables of the same names can come before ours. */
async function define(runner: QueryRunner, signature: string, body: string): Promise<void> {
  await runner.query(
    `create function ip_tracking.${signature} language plpgsql security definer
       set search_path = pg_catalog, pg_temp as $$ ${body} $$`,
  );
}
