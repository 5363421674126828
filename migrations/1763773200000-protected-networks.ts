import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the running apps would not survive being blocked: their trusted proxies and their own addresses. Each app says
 * so when it starts, so that a rule written on a command line, which knows nothing of the apps, can be checked too.
 */
export class ProtectedNetworks1763773200000 implements MigrationInterface {
  readonly name = 'ProtectedNetworks1763773200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ip_tracking.protected_network (
        network cidr not null,
        kind text not null,
        announced_at timestamptz not null default now(),
        primary key (network, kind),
        constraint protected_network_kind check (kind in ('trusted proxy', 'own address'))
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table ip_tracking.protected_network`);
  }
}
