import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Figures by the hour, which outlive the rows they were counted from. An unknown country is null, and a unique
 * constraint takes nulls for different (before PostgreSQL 15, always), so that it is an index over an expression.
 */
export class RequestRollup1763776800000 implements MigrationInterface {
  readonly name = 'RequestRollup1763776800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ip_tracking.request_rollup (
        hour timestamptz not null,
        country text,
        outcome text not null,
        sensitive boolean not null,
        requests bigint not null,
        addresses bigint not null
      )`);
    await runner.query(`
      create unique index request_rollup_group
        on ip_tracking.request_rollup (hour, outcome, sensitive, coalesce(country, ''))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table ip_tracking.request_rollup`);
  }
}
