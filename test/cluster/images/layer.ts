import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type Compression, created, type LayerBlob, sha256 } from './oci-image.ts';
import { blobPath } from './oci-layout.ts';

/**
 * `script` runs as root in a mount namespace of its own and fills the empty folder it starts in. It sees `inputs` as
 * variables that name files, and as `$BELOW` the blob of the layer below. A layer is built again when its script
 * changes, not when its inputs do.
 */
export interface Layer {
  name: string;
  script: string;
  inputs?: Record<string, string>;
  below?: Layer;
  compression?: Compression;
}

const run = promisify(execFile);
const compressors = {
  gzip: { command: ['pigz', '--no-name', '--keep'], suffix: '.gz' },
  zstd: { command: ['zstd', '--quiet'], suffix: '.zst' },
  none: { command: ['true'], suffix: '' },
};

/** Builds each layer into the OCI layout once, or finds it there from an earlier run. */
export const layerBuilder = (layout: string, log: (line: string) => void): ((layer: Layer) => Promise<LayerBlob>) => {
  const built = new Map<string, Promise<LayerBlob>>();
  const builder = (layer: Layer): Promise<LayerBlob> => {
    const key = layerKey(layer);
    const blob = built.get(key) ?? buildLayer(layout, layer, builder, log);
    built.set(key, blob);
    return blob;
  };
  return builder;
};

const layerKey = ({ name, script, below, compression }: Layer): string => {
  return sha256(JSON.stringify([name, script, compression, below && layerKey(below)])).slice('sha256:'.length);
};

const buildLayer = async (
  layout: string,
  layer: Layer,
  builder: (layer: Layer) => Promise<LayerBlob>,
  log: (line: string) => void,
): Promise<LayerBlob> => {
  const record = join(layout, 'layers', `${layerKey(layer)}.json`);
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known);

  const below = layer.below && (await builder(layer.below));
  await mkdir(dirname(record), { recursive: true });
  const work = await mkdtemp(join(layout, 'building-'));
  try {
    const tree = join(work, 'tree');
    await mkdir(tree);
    await runScript(layer, tree, below && blobPath(layout, below.digest));
    const blob = await pack(layout, tree, join(work, 'layer.tar'), layer.compression ?? 'gzip');
    await writeFile(join(work, 'record.json'), JSON.stringify(blob));
    await rename(join(work, 'record.json'), record);
    if (blob.size > 1e6) log(`built layer ${layer.name} (${(blob.size / 1e6).toFixed(1)} MB)`);
    return blob;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

const runScript = async (layer: Layer, tree: string, below = ''): Promise<void> => {
  try {
    // below chroot, the TMPDIR of this process need not exist
    const env = { ...process.env, TMPDIR: '/tmp', ...layer.inputs, BELOW: below };
    await run('unshare', ['--mount', 'sh', '-euc', layer.script], { cwd: tree, env, maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(`cannot build layer ${layer.name}: ${error instanceof Error ? error.message : error}`);
  }
};

const pack = async (layout: string, tree: string, tar: string, compression: Compression): Promise<LayerBlob> => {
  await writeTar(tree, tar);
  const { command, suffix } = compressors[compression];
  const [program = '', ...args] = command;
  await run(program, [...args, tar]);
  const [diffID, digest] = await Promise.all([hashFile(tar), hashFile(tar + suffix)]);
  const { size } = await stat(tar + suffix);
  await mkdir(dirname(blobPath(layout, digest)), { recursive: true });
  await rename(tar + suffix, blobPath(layout, digest));
  return { diffID, digest, size, compression };
};

const writeTar = async (tree: string, tar: string): Promise<void> => {
  const names = (await readdir(tree)).sort();
  const list = `${tar}.names`;
  await writeFile(list, names.map((name) => `${name}\0`).join(''));
  await run('tar', [
    '--create',
    `--file=${tar}`,
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--numeric-owner',
    `--mtime=${created}`,
    '--clamp-mtime',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--xattrs-include=user.*',
    `--directory=${tree}`,
    '--null',
    '--verbatim-files-from',
    `--files-from=${list}`,
  ]);
};

const hashFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
};
