import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the processes of a database tell each other of detection: how their detectors are tuned, for whoever scans from a
 * command line; and that somebody was erased, whom the watch of each process has in memory. A notification holds no
 * address, since any role may listen: who it was is in the table.
 */
export class DetectionOfAllProcesses1763802000000 implements MigrationInterface {
  readonly name = 'DetectionOfAllProcesses1763802000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ip_tracking.detection_setting (
        singleton boolean primary key default true
          constraint detection_setting_one_row check (singleton),
        detectors jsonb not null,
        announced_at timestamptz not null default clock_timestamp()
      )`);
    await runner.query(`
      create function ip_tracking.address_erased() returns trigger language plpgsql security definer
        set search_path = pg_catalog, pg_temp as $$
        begin
          perform pg_notify('ip_tracking_erased', '');
          return null;
        end $$`);
    await runner.query(`
      create trigger address_erased after insert or update on ip_tracking.erased_address
      for each statement execute function ip_tracking.address_erased()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop trigger address_erased on ip_tracking.erased_address`);
    await runner.query(`drop function ip_tracking.address_erased()`);
    await runner.query(`drop table ip_tracking.detection_setting`);
  }
}
