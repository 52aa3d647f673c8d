import { createHash } from 'node:crypto';

export interface TreeDigest {
  /** equal only for trees with the same paths, contents, types, modes, owners, times, links, devices and attributes */
  digest: string;
  /** total size of all file contents */
  bytes: number;
}

/** How many trees to digest at the same time: one is read while the other is hashed. */
export const DIGESTS_AT_ONCE = 2;

const BLOCK = 512;
const EXTENDED = 'x'; // a header with more attributes of the next entry

/**
 * Digests a tree from the pieces of its tar archive, which must be in POSIX format and sorted by name. Digests the entries,
 * not the archive's bytes, because those differ between versions of tar.
 */
export const treeDigester = () => {
  const hash = createHash('sha256');
  const header = Buffer.alloc(BLOCK);
  let filled = 0; // bytes of `header` received
  let content = 0; // bytes of the entry still to come
  let padding = 0; // bytes after the content
  let isExtended = false;
  let records: Buffer[] = [];
  let bytes = 0;

  const consume = (piece: Buffer): void => {
    if (isExtended) records.push(Buffer.from(piece));
    else hash.update(piece);
    content -= piece.length;
  };

  const begin = (): void => {
    const type = header.toString('latin1', 156, 157);
    if (type === '\0') return; // the zeros at the end
    isExtended = type === EXTENDED;
    if (isExtended) records = [];
    const extended = isExtended ? new Map<string, string>() : parseRecords(Buffer.concat(records));
    content = Number(extended.get('size') ?? octal(header, 124, 12));
    padding = -content & (BLOCK - 1);
    if (isExtended) return;
    records = [];
    hash.update(describe(header, content, extended), 'latin1');
    bytes += content;
  };

  return {
    push: (chunk: Buffer): void => {
      for (let at = 0; at < chunk.length; ) {
        const rest = chunk.length - at;
        if (content > 0) {
          const piece = chunk.subarray(at, at + Math.min(content, rest));
          consume(piece);
          at += piece.length;
        } else if (padding > 0) {
          const skipped = Math.min(padding, rest);
          padding -= skipped;
          at += skipped;
        } else {
          const copied = chunk.copy(header, filled, at, at + BLOCK - filled);
          filled = (filled + copied) % BLOCK;
          at += copied;
          if (filled === 0) begin();
        }
      }
    },
    end: (): TreeDigest => ({ digest: `sha256:${hash.digest('hex')}`, bytes }),
  };
};

/** All attributes of an entry, in Latin-1; length prefixes keep different entries from giving the same bytes. */
const describe = (header: Buffer, size: number, extended: Map<string, string>): string => {
  const type = text(header, 156, 1);
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  const isDevice = type === '3' || type === '4';
  const attributes = [...extended]
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const fields = [
    type,
    extended.get('path') ?? (prefix ? `${prefix}/${name}` : name),
    extended.get('linkpath') ?? text(header, 157, 100),
    octal(header, 100, 8), // mode
    extended.get('uid') ?? octal(header, 108, 8),
    extended.get('gid') ?? octal(header, 116, 8),
    extended.get('mtime') ?? octal(header, 136, 12),
    size,
    ...(isDevice ? [octal(header, 329, 8), octal(header, 337, 8)] : []),
    ...attributes.flat(),
  ].map(String);
  return fields.map((field) => `${field.length}:${field}`).join('');
};

const text = (header: Buffer, at: number, length: number): string => {
  const end = header.indexOf(0, at);
  return header.toString('latin1', at, end < 0 ? at + length : Math.min(end, at + length));
};

const octal = (header: Buffer, at: number, length: number): number => Number.parseInt(text(header, at, length), 8) || 0;

/** Parses repeated `length key=value\n`; values may be any bytes. */
const parseRecords = (data: Buffer): Map<string, string> => {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(' ', at);
    const length = Number(data.toString('latin1', at, space));
    const equals = data.indexOf('=', space);
    if (!(length > 0)) break;
    records.set(data.toString('latin1', space + 1, equals), data.toString('latin1', equals + 1, at + length - 1));
    at += length;
  }
  return records;
};
