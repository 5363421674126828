import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** Data that the database refuses, among data that it takes. */
export const poison: Fault = { name: 'poison rows', run: (drill) => feedPoison(drill) };

/** One request in so many is poisonous. */
const ONE_IN = 50;
const REASONS = ['22P02', '22021', '23502', '23514', '54000', 'P0001'];

export async function feedPoison(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const database = await drill.database();
  await database.query(
    `create function refuse() returns trigger language plpgsql as $$
     begin
       if new.path like '/poison/%' then
         raise exception 'refused' using errcode = split_part(new.path, '/', 3);
       end if;
       return new;
     end $$`,
  );
  await database.query(
    `create trigger refuse before insert on ip_tracking.request_log for each row execute function refuse()`,
  );
  const app = await drill.app({ databaseUrl: database.url, stateDir: drill.folder(), mutant });
  const isPoison = (id: string): boolean => Number(id.split('-')[1]) % ONE_IN === 0;
  const load = drill.load(
    () => app.url,
    (id) =>
      isPoison(id)
        ? `/poison/${REASONS[(Number(id.split('-')[1]) / ONE_IN) % REASONS.length]}/${id}`
        : `/${id}`,
  );
  await sleep(drill.scaled(1_500, 30_000));
  await load.stop();
  const poisoned = [...load.answers.keys()].filter(isPoison).length;
  const account = await expectIdentity(database.url, [load], [app], { withinMs: drill.patienceMs });
  await drained([app]);
  const { refused, quarantined } = await app.stats();
  expect(account.missing.every(isPoison)).toBe(true);
  expect(refused).toBe(poisoned);
  expect(quarantined).toBe(poisoned);
  return { ...figuresOf(account), refused: String(refused) };
}
