import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was erased, for the records of it that have still to come: they wait in the memory and the spools of any number
 * of processes, some of which may not run just now. Whoever writes rows calls `forget_erased` at the end of the same
 * transaction, so that none of them is ever seen.
 */
export class ErasedAddresses1763784000000 implements MigrationInterface {
  readonly name = 'ErasedAddresses1763784000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ip_tracking.erased_address (
        ip_address inet primary key,
        erased_before timestamptz not null
      )`);
    await runner.query(
      `create index erased_address_before on ip_tracking.erased_address (erased_before)`,
    );
    // By xmin only the rows of this transaction: those of before are the business of whoever erases, who has locked
    // them. One address after the other, because a join might read a whole day.
    await runner.query(`
      create function ip_tracking.forget_erased(since timestamptz) returns void language plpgsql as $$
      declare
        mine constant xid := (txid_current() & 4294967295)::text::xid;
        erased record;
      begin
        for erased in select * from ip_tracking.erased_address where erased_before > since loop
          delete from ip_tracking.request_log as log
           where log.ip_address = erased.ip_address
             and log."timestamp" >= since and log."timestamp" < erased.erased_before
             and log.xmin = mine;
        end loop;
      end $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop function ip_tracking.forget_erased(timestamptz)`);
    await runner.query(`drop table ip_tracking.erased_address`);
  }
}
