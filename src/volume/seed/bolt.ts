import { PreloadError } from '../../model/errors.ts';

// The format of bolt (go.etcd.io/bbolt), in which containerd keeps its databases: pages that form a B+tree for each bucket.
// Files come from volumes, so every offset is checked, and no page is read twice.

/** Values and buckets by key. Keys are bytes, as Latin-1. */
export interface Bucket {
  /** the last number that the bucket gave to an entry */
  sequence: bigint;
  entries: Map<string, Buffer | Bucket>;
}

interface Meta {
  pageSize: number;
  root: bigint;
  sequence: bigint;
  /** number of pages in use; the rest of the file is empty */
  pages: bigint;
  transaction: bigint;
}

const MAGIC = 0xed0cdaed;
const VERSION = 2;
const PAGE_HEADER = 16;
const BUCKET_HEADER = 16;
const ELEMENT = 16;
const CHECKED = 56; // bytes of a meta page that its checksum covers
const BRANCH = 1;
const LEAF = 2;
const META = 4;
const MAX_DEPTH = 32; // of pages, and of buckets in each other
const PAGE_SIZES = [12, 13, 14, 15, 16].map((bits) => 2 ** bits); // of all kernels, the sizes that bolt uses

const DAMAGED = 'is not a database of containerd, or is damaged';

/** All that a database holds. Throws PreloadError if it is damaged. */
export const readBolt = (data: Buffer): Bucket => {
  const { pageSize, root, sequence, pages } = metaOf(data);
  const read = new Set<bigint>();
  let budget = data.length; // no two entries share their bytes

  const spend = (bytes: number): void => {
    budget -= bytes;
    if (budget < 0) throw new PreloadError(DAMAGED);
  };

  const page = (id: bigint): Buffer => {
    if (id < 2n || id >= pages || read.has(id)) throw new PreloadError(DAMAGED);
    read.add(id);
    const start = Number(id) * pageSize;
    const overflow = slice(data, start, pageSize).readUInt32LE(12);
    return slice(data, start, pageSize * (overflow + 1));
  };

  const addPage = (content: Buffer, entries: Bucket['entries'], ascend: Ascend, depth: number): void => {
    if (depth > MAX_DEPTH) throw new PreloadError(DAMAGED);
    const flags = slice(content, 0, PAGE_HEADER).readUInt16LE(8);
    const count = content.readUInt16LE(10);
    if (flags !== BRANCH && flags !== LEAF) throw new PreloadError(DAMAGED);
    for (let index = 0; index < count; index++) {
      const at = PAGE_HEADER + index * ELEMENT;
      const [a = 0, b = 0, c = 0, d = 0] = [0, 4, 8, 12].map((field) =>
        slice(content, at, ELEMENT).readUInt32LE(field),
      );
      const [isBucket, start, keySize, valueSize] = flags === BRANCH ? [0, a, b, 0] : [a, b, c, d];
      spend(ELEMENT + keySize + (isBucket ? BUCKET_HEADER : valueSize));
      const key = slice(content, at + start, keySize).toString('latin1');
      ascend(key, flags === BRANCH);
      if (flags === BRANCH) {
        addPage(page(content.readBigUInt64LE(at + 8)), entries, ascend, depth + 1);
        continue;
      }
      const value = slice(content, at + start + keySize, valueSize);
      entries.set(key, isBucket ? bucketIn(value, depth + 1) : value);
    }
  };

  /** A small bucket is not in a page of its own, but follows its header. */
  const bucketIn = (value: Buffer, depth: number): Bucket => {
    const header = slice(value, 0, BUCKET_HEADER);
    const own = header.readBigUInt64LE(0);
    const content = own === 0n ? value.subarray(BUCKET_HEADER) : page(own);
    return bucketOf(content, header.readBigUInt64LE(8), depth);
  };

  const bucketOf = (content: Buffer, number: bigint, depth: number): Bucket => {
    const entries: Bucket['entries'] = new Map();
    addPage(content, entries, ascending(), depth);
    return { sequence: number, entries };
  };

  return bucketOf(page(root), sequence, 0);
};

/** A database without the empty rest of its file, as bolt itself makes copies. Throws PreloadError if it is damaged. */
export const compactBolt = (data: Buffer): Buffer => {
  const { pageSize, pages } = metaOf(data);
  return data.subarray(0, Number(pages) * pageSize);
};

/** The newer of the two meta pages. */
const metaOf = (data: Buffer): Meta => {
  const metas = [0, ...PAGE_SIZES].flatMap((start) => metaAt(data, start) ?? []);
  const [newest] = metas.sort((a, b) => Number(b.transaction - a.transaction));
  if (!newest || newest.pages * BigInt(newest.pageSize) > BigInt(data.length)) throw new PreloadError(DAMAGED);
  return newest;
};

/** The valid meta page at this offset, if there is one. The second follows the first, whose size may be damaged. */
const metaAt = (data: Buffer, start: number): Meta | undefined => {
  if (data.length < start + PAGE_HEADER + CHECKED + 8) return undefined;
  const meta = data.subarray(start + PAGE_HEADER, start + PAGE_HEADER + CHECKED + 8);
  const pageSize = meta.readUInt32LE(8);
  const isMeta =
    data.readUInt16LE(start + 8) === META &&
    meta.readUInt32LE(0) === MAGIC &&
    meta.readUInt32LE(4) === VERSION &&
    PAGE_SIZES.includes(pageSize) &&
    (start === 0 || start === pageSize) &&
    meta.readBigUInt64LE(CHECKED) === fnv1a(meta.subarray(0, CHECKED));
  if (!isMeta) return undefined;
  const [root = 0n, sequence = 0n, , pages = 0n, transaction = 0n] = [16, 24, 32, 40, 48].map((at) =>
    meta.readBigUInt64LE(at),
  );
  return { pageSize, root, sequence, pages, transaction };
};

/** The 64-bit FNV-1a hash. */
const fnv1a = (data: Buffer): bigint =>
  data.reduce((hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n), 0xcbf29ce484222325n);

type Ascend = (key: string, isBranch: boolean) => void;

/** Checks that the keys of a bucket ascend, because bolt finds none otherwise. A branch has the first key below it. */
const ascending = (): Ascend => {
  let last: string | undefined;
  let mayRepeat = false;
  return (key, isBranch) => {
    if (last !== undefined && !(key > last || (key === last && mayRepeat))) throw new PreloadError(DAMAGED);
    last = key;
    mayRepeat = isBranch;
  };
};

const slice = (data: Buffer, start: number, length: number): Buffer => {
  if (start + length > data.length) throw new PreloadError(DAMAGED);
  return data.subarray(start, start + length);
};
