import { readFile, stat } from 'node:fs/promises';
import type { Reader, Response } from 'maxmind';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';

/** What every record of the file may hold; what it does hold is read with care. */
export type MmdbReader = Reader<Response>;

/** What stands before the metadata, at the end of a file: a file that was cut off has none. */
const METADATA_MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** 16 zero bytes between the search tree and the data. */
const SEPARATOR_SIZE = 16;
/** Looked up once in a new file: a tree or a record that is broken shows before anybody depends on it. */
const PROBES = ['1.1.1.1', '8.8.8.8', '193.0.6.139'];

/** Tells one state of a file from another; an atomic replacement changes the inode, a rewrite the time or the size. */
export async function fileVersion(path: string): Promise<string> {
  const { ino, size, mtimeMs } = await stat(path);
  return `${ino}:${size}:${mtimeMs}`;
}

/**
 * Reads a `.mmdb` file whole, and looks whether it is one.
 *
 * @throws IpTrackingError `IPT_MISSING_PACKAGE` where maxmind is not installed, `IPT_GEO_FILE` for a file that is
 * missing, cut off, still being written, compressed, or of another format.
 */
export async function readMmdb(path: string): Promise<{ reader: MmdbReader; version: string }> {
  const { Reader } = requireMaxmind();
  try {
    const version = await fileVersion(path);
    const bytes = await readFile(path);
    if ((await fileVersion(path)) !== version) throw new Error('it changed while it was read');
    return { reader: check(new Reader<Response>(whole(bytes)), bytes), version };
  } catch (error) {
    throw new IpTrackingError(
      'IPT_GEO_FILE',
      `${JSON.stringify(path)} cannot be used as a .mmdb file: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function whole(bytes: Buffer): Buffer {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new Error('it is compressed: gunzip it first');
  if (!bytes.includes(METADATA_MARKER)) {
    throw new Error('it has no metadata at its end, so it is cut off or of another format');
  }
  return bytes;
}

function check(reader: MmdbReader, bytes: Buffer): MmdbReader {
  const { binaryFormatMajorVersion, nodeCount, searchTreeSize } = reader.metadata;
  const end = bytes.lastIndexOf(METADATA_MARKER);
  if (binaryFormatMajorVersion !== 2 || !(nodeCount > 0) || searchTreeSize + SEPARATOR_SIZE > end) {
    throw new Error('its metadata does not fit its size');
  }
  for (const probe of PROBES) reader.get(probe);
  return reader;
}

function requireMaxmind(): typeof import('maxmind') {
  try {
    return require('maxmind') as typeof import('maxmind');
  } catch (error) {
    throw new IpTrackingError(
      'IPT_MISSING_PACKAGE',
      'MaxMindProvider needs the package maxmind: run "npm i maxmind"',
      { cause: error },
    );
  }
}
