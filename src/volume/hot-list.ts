import { hexOf } from '../model/oci.ts';
import { plain } from '../model/parse.ts';

// restore.sh checks both again
export const MAX_HOT_FILES = 20_000;
export const MAX_HOT_BYTES = 2 * 1024 ** 3;

const MAX_PATH = 1000; // bytes

/** A file of a layer that running containers have in the page cache of their node. */
export interface HotFile {
  chainId: string;
  /** below the layer's folder */
  path: string;
  /** a process has it mapped, as a program or a library: these are needed first */
  mapped: boolean;
}

export interface SizedHotFile extends HotFile {
  bytes: number;
}

/** Whether the list can hold the path: it is one line, and leads to nothing outside its layer. */
export const isHotPath = (path: string): boolean =>
  Buffer.byteLength(path) <= MAX_PATH &&
  plain(path) === path &&
  path.split('/').every((part) => !['', '.', '..'].includes(part));

/** The same for the same file. */
export const keyOf = ({ chainId, path }: Pick<HotFile, 'chainId' | 'path'>): string => `${chainId} ${path}`;

/** Files that the list can hold, each once, in order. If there are too many, mapped ones win. */
export const listedFiles = (files: readonly HotFile[]): HotFile[] => {
  const distinct = new Map<string, HotFile>();
  for (const file of files) {
    const key = keyOf(file);
    if (!distinct.has(key) && isHotPath(file.path)) distinct.set(key, file);
  }
  return within([...distinct.values()], MAX_HOT_FILES, () => 1);
};

/** `layerHex bytes path` per line, in the order in which nodes read them; the path may contain spaces. */
export const hotList = (files: readonly SizedHotFile[]): string =>
  within(files, MAX_HOT_BYTES, ({ bytes }) => bytes)
    .map(({ chainId, bytes, path }) => `${hexOf(chainId)} ${bytes} ${path}\n`)
    .join('');

/** Those whose cost fits into the limit, in order; mapped ones take their share first. */
const within = <T extends HotFile>(files: readonly T[], limit: number, costOf: (file: T) => number): T[] => {
  let left = limit;
  const chosen = new Set<T>();
  for (const file of [...files.filter(({ mapped }) => mapped), ...files.filter(({ mapped }) => !mapped)]) {
    const cost = costOf(file);
    if (cost > left) continue;
    left -= cost;
    chosen.add(file);
  }
  return files.filter((file) => chosen.has(file));
};

type ListedFile = Omit<SizedHotFile, 'mapped'>;

/** Parses the list as strictly as restore.sh does; undefined if it is invalid. */
export const parseHotList = (text: string): ListedFile[] | undefined => {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length === 0 || lines.length > MAX_HOT_FILES) return undefined;
  const files: ListedFile[] = [];
  let total = 0;
  for (const line of lines) {
    const [, hex, size, path = ''] = /^([0-9a-f]{64}) ([1-9]\d{0,9}) (.+)$/.exec(line) ?? [];
    total += Number(size);
    if (!hex || !isHotPath(path) || total > MAX_HOT_BYTES) return undefined;
    files.push({ chainId: `sha256:${hex}`, bytes: Number(size), path });
  }
  return files;
};
