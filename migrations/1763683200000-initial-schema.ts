import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The first shape of the schema `ip_tracking`.
 *
 * `ip_rule_version` is one counter row that every change of a rule moves: a sequence would commit out of order, and a
 * process that asks for "anything newer than what I have" would then miss a rule for good.
 */
export class InitialSchema1763683200000 implements MigrationInterface {
  readonly name = 'InitialSchema1763683200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create schema if not exists ip_tracking`);

    await runner.query(`
      create table ip_tracking.ip_rule (
        id integer generated always as identity primary key,
        action text not null,
        network cidr not null,
        reason text,
        source text not null default 'manual',
        created_by text,
        created_at timestamptz not null default now(),
        expires_at timestamptz,
        constraint ip_rule_action check (action in ('allow', 'block', 'monitor')),
        constraint ip_rule_not_mapped check (not (network <<= inet '::ffff:0:0/96')),
        constraint ip_rule_action_network_source unique (action, network, source)
      )`);
    await runner.query(
      `create index ip_rule_network on ip_tracking.ip_rule using spgist (network inet_ops)`,
    );

    await runner.query(`
      create table ip_tracking.ip_rule_version (
        singleton boolean primary key default true,
        version bigint not null default 0,
        constraint ip_rule_version_one_row check (singleton)
      )`);
    await runner.query(`insert into ip_tracking.ip_rule_version default values`);
    await runner.query(`
      create function ip_tracking.ip_rule_changed() returns trigger language plpgsql as $$
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

    await runner.query(`
      create table ip_tracking.request_log (
        id uuid not null,
        "timestamp" timestamptz not null,
        ip_address inet,
        ip_source text not null,
        method text not null,
        path text not null,
        route text,
        status smallint not null,
        outcome text not null,
        duration_us bigint not null,
        country text,
        city text,
        user_agent text,
        user_id text,
        sensitive boolean not null default false,
        rule_id integer,
        extra jsonb,
        ingested_at timestamptz not null default now(),
        primary key (id, "timestamp")
      ) partition by range ("timestamp")`);
    await runner.query(`
      create table ip_tracking.request_log_default partition of ip_tracking.request_log default`);
    await runner.query(`
      create index request_log_ip_address_timestamp on ip_tracking.request_log (ip_address, "timestamp")`);
    await runner.query(
      `create index request_log_timestamp on ip_tracking.request_log using brin ("timestamp")`,
    );
    await runner.query(
      `create index request_log_ingested_at on ip_tracking.request_log using brin (ingested_at)`,
    );

    await runner.query(`
      create table ip_tracking.suspicious_ip (
        id integer generated always as identity primary key,
        ip_address inet not null,
        detector text not null,
        reason text not null,
        evidence jsonb not null,
        flagged_at timestamptz not null,
        last_seen_at timestamptz not null,
        constraint suspicious_ip_address_detector unique (ip_address, detector)
      )`);

    await runner.query(`
      create table ip_tracking.job_run (
        name text primary key,
        slot timestamptz not null
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table ip_tracking.job_run`);
    await runner.query(`drop table ip_tracking.suspicious_ip`);
    await runner.query(`drop table ip_tracking.request_log`);
    await runner.query(`drop table ip_tracking.ip_rule`);
    await runner.query(`drop function ip_tracking.ip_rule_changed()`);
    await runner.query(`drop table ip_tracking.ip_rule_version`);
  }
}
