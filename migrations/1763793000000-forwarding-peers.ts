import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Peers that forward for others although no running app trusts them: whoever blocks one may block everybody. */
export class ForwardingPeers1763793000000 implements MigrationInterface {
  readonly name = 'ForwardingPeers1763793000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table ip_tracking.protected_network
        drop constraint protected_network_kind,
        add constraint protected_network_kind
          check (kind in ('trusted proxy', 'own address', 'forwarding peer'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from ip_tracking.protected_network where kind = 'forwarding peer'`);
    await runner.query(`
      alter table ip_tracking.protected_network
        drop constraint protected_network_kind,
        add constraint protected_network_kind check (kind in ('trusted proxy', 'own address'))`);
  }
}
