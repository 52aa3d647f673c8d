import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { SNAPSHOTTER } from '../model/layout.ts';
import { blobPath, type Document, digestOf, isDigest, parseDocument } from '../model/oci.ts';
import type { Usage } from '../model/plan.ts';
import type { NodeTools } from '../model/request.ts';
import { type Ctr, inNode, run } from './command.ts';
import { pathHere } from './files.ts';
import { type Containerd, findContainerd } from './find-containerd.ts';

/** Digests by image name. */
export type NodeImages = ReadonlyMap<string, string>;

/** The node's containerd, and what it had when the capture started. */
export interface NodeStore extends Containerd {
  ctr: Ctr;
  images: NodeImages;
  /** names of images without a SHA-256 digest */
  foreign: string[];
  /** what layers that the overlayfs snapshotter has take, by chain ID */
  unpacked: ReadonlyMap<string, Usage>;
  /** chain IDs of those that stand on another layer */
  deeper: ReadonlySet<string>;
  /** content store, as a path in this process */
  content: string;
}

const CRI_NAMESPACE = 'k8s.io';
export const SNAPSHOTTER_FLAG = ['--snapshotter', SNAPSHOTTER];

/** Parses the output of `ctr images ls`. Skips names that are only a config digest; CRI adds them. */
export const parseImageTable = (table: string): NodeImages =>
  new Map(rowsOf(table).filter(([, digest]) => isDigest(digest)));

/** Names in the output of `ctr images ls` of images without a SHA-256 digest, such as sha512. */
export const parseForeignNames = (table: string): string[] =>
  rowsOf(table).flatMap(([name, digest]) => (isDigest(digest) ? [] : [name]));

const rowsOf = (table: string): [name: string, digest: string][] =>
  table
    .split('\n')
    .slice(1)
    .map((line): [string, string] => {
      const [name = '', , digest = ''] = line.split(/\s+/);
      return [name, digest];
    })
    .filter(([name, digest]) => digest !== '' && !name.startsWith('sha256:'));

/** Parses the output of `ctr snapshots usage -b`, by chain ID. Skips snapshots that are not layers. */
export const parseUsageTable = (table: string): ReadonlyMap<string, Usage> =>
  new Map(
    [...table.matchAll(/^(sha256:[0-9a-f]{64})[ \t]+(\d{1,15})[ \t]+(\d{1,15})[ \t]*$/gm)].map(
      ([, key = '', bytes, inodes]) => [key, { bytes: Number(bytes), inodes: Number(inodes) }],
    ),
  );

/** Parses the output of `ctr snapshots ls` to the chain IDs of layers that stand on another layer. */
export const parseDeeperLayers = (table: string): ReadonlySet<string> =>
  new Set(
    [...table.matchAll(/^(sha256:[0-9a-f]{64})[ \t]+sha256:[0-9a-f]{64}[ \t]+Committed/gm)].map(([, key = '']) => key),
  );

/** Reads what containerd on the node at `root` has. Throws PreloadError if containerd does not answer. */
export const readNodeStore = async (
  root: string,
  tools: NodeTools,
  report: (warning: string) => void,
  signal: AbortSignal,
): Promise<NodeStore> => {
  const containerd = await findContainerd(root, tools, report, signal);
  const ctr = inNode(root, [...containerd.ctrCommand, ...containerd.ctrFlags, '--namespace', CRI_NAMESPACE]);
  const ask = async (...args: string[]): Promise<string> => (await run([...ctr, ...args], signal)).toString();
  const table = await ask('images', 'ls').catch((error: Error) => {
    signal.throwIfAborted();
    throw new PreloadError(`cannot reach the node's containerd: ${error.message}`, 'set --ctr-path and --ctr-flags');
  });
  // without an overlayfs snapshotter there are no layers to copy
  const usage = await ask('snapshots', ...SNAPSHOTTER_FLAG, 'usage', '-b').catch(() => '');
  const snapshots = await ask('snapshots', ...SNAPSHOTTER_FLAG, 'ls').catch(() => '');
  return {
    ...containerd,
    ctr,
    images: parseImageTable(table),
    foreign: parseForeignNames(table),
    unpacked: parseUsageTable(usage),
    deeper: parseDeeperLayers(snapshots),
    content: await pathHere(root, join(containerd.config.root, 'io.containerd.content.v1.content')),
  };
};

/**
 * Returns a document in the node's content store, or undefined if it is missing or does not match
 * `digest`. Throws PreloadError if it is not a JSON object.
 */
export const readDocument = async ({ content }: NodeStore, digest: string): Promise<Document | undefined> => {
  const data = await readFile(join(content, blobPath(digest))).catch(() => undefined);
  return data && digestOf(data) === digest ? parseDocument(data, digest) : undefined;
};

/** Returns the layer directories, base first, in the mount command that `ctr snapshots prepare --target` prints. */
export const parseLowerDirectories = (mountCommand: string): string[] => {
  const lower = /lowerdir=([^\s,]+)/.exec(mountCommand)?.[1];
  return lower ? lower.split(':').reverse() : [];
};

/** Returns the writable directory in such a mount command; a snapshot without a parent is a bind mount. */
export const parseUpperDirectory = (mountCommand: string): string | undefined =>
  /upperdir=([^\s,]+)/.exec(mountCommand)?.[1] ?? /^mount -t bind (\S+) /m.exec(mountCommand)?.[1];
