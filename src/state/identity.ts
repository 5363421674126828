import { createHash } from 'node:crypto';

/**
 * What tells one database from every other. No part is enough alone: the installation's id goes along with a dump, a
 * clone and `create database ... template`; the system's identifier is a whole server's, and goes along with a copy of
 * its files; an oid says nothing outside its server.
 */
export interface DatabaseIdentity {
  /** `ip_tracking.installation`, made with the schema. */
  readonly installation: string;
  /** `pg_control_system()`, made by `initdb`; null where the role may not ask for it. */
  readonly system: string | null;
  /** The database's, of `pg_database`. */
  readonly oid: number;
}

/** Whether two are the same database, as far as both of them are known. */
export function isSame(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  return (
    one.installation === other.installation &&
    one.oid === other.oid &&
    (one.system === other.system || one.system === null || other.system === null)
  );
}

/** Whether one has come of the other: a clone, an upgrade, a copy by template, a restored dump, a schema made anew. */
export function isRelated(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  if (isSame(one, other)) return false;
  const isSamePlace = one.oid === other.oid && one.system !== null && one.system === other.system;
  return one.installation === other.installation || isSamePlace;
}

/** An identity as it is kept in a file. */
export function identityText({ installation, system, oid }: DatabaseIdentity): string {
  return JSON.stringify({ installation, system, oid });
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads {@link identityText}; null where it is none: a file may hold anything. */
export function parseIdentity(text: string): DatabaseIdentity | null {
  try {
    const { installation, system, oid } = JSON.parse(text) as Partial<DatabaseIdentity>;
    const isOne =
      typeof installation === 'string' &&
      UUID.test(installation) &&
      (system === null || (typeof system === 'string' && /^\d+$/.test(system))) &&
      typeof oid === 'number' &&
      Number.isSafeInteger(oid);
    return isOne ? { installation, system, oid } : null;
  } catch {
    return null;
  }
}

/** The folder of a database, among those of others: the same name whoever makes it, and it tells nobody anything. */
export function folderNameOf(identity: DatabaseIdentity): string {
  return `db-${digest(identityText(identity))}`;
}

/** Names a folder or an entry after what must not be read from it. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
