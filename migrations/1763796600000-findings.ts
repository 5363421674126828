import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Findings are about clients, users or routes, have a weight, and can be resolved. Those that there are keep their clients,
 * and get the weight that their detectors have.
 */
export class Findings1763796600000 implements MigrationInterface {
  readonly name = 'Findings1763796600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table ip_tracking.suspicious_ip
        add column subject_kind text not null default 'client',
        add column subject text,
        add column weight real not null default 5,
        add column first_seen_at timestamptz,
        add column updated_at timestamptz not null default now(),
        add column resolved_at timestamptz,
        add column resolved_by text,
        add column note text,
        alter column ip_address drop not null,
        add constraint suspicious_ip_subject_kind check (subject_kind in ('client', 'user', 'route')),
        add constraint suspicious_ip_address_of_client check ((subject_kind = 'client') = (ip_address is not null))`);
    await runner.query(`
      update ip_tracking.suspicious_ip
         set subject = case when masklen(ip_address) = case family(ip_address) when 4 then 32 else 128 end
                            then host(ip_address) else ip_address::text end,
             first_seen_at = flagged_at, updated_at = last_seen_at`);
    await runner.query(`
      alter table ip_tracking.suspicious_ip
        alter column subject set not null,
        alter column first_seen_at set not null,
        alter column subject_kind drop default,
        alter column weight drop default,
        alter column updated_at drop default,
        drop constraint suspicious_ip_address_detector,
        add constraint suspicious_ip_subject_detector unique (subject_kind, subject, detector)`);
    await runner.query(
      `create index suspicious_ip_address on ip_tracking.suspicious_ip (ip_address)`,
    );
    await runner.query(
      `create index suspicious_ip_last_seen on ip_tracking.suspicious_ip (last_seen_at)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index ip_tracking.suspicious_ip_last_seen`);
    await runner.query(`drop index ip_tracking.suspicious_ip_address`);
    await runner.query(`delete from ip_tracking.suspicious_ip where subject_kind <> 'client'`);
    await runner.query(`
      alter table ip_tracking.suspicious_ip
        drop constraint suspicious_ip_subject_detector,
        drop constraint suspicious_ip_address_of_client,
        drop constraint suspicious_ip_subject_kind,
        drop column note, drop column resolved_by, drop column resolved_at, drop column updated_at,
        drop column first_seen_at, drop column weight, drop column subject, drop column subject_kind,
        alter column ip_address set not null,
        add constraint suspicious_ip_address_detector unique (ip_address, detector)`);
  }
}
