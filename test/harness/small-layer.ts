import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../src/model/oci.ts';
import type { LayerBlob } from '../cluster/images/oci-image.ts';
import { beforeWhiteouts, oddFiles, whiteouts } from '../cluster/images/odd-layers.ts';
import { run } from '../cluster/machine/run.ts';

/** What these layers consist of; any other layer is one file of its name. */
const SCRIPTS: Record<string, string> = {
  'to-be-hidden': beforeWhiteouts.script,
  whiteouts: whiteouts.script,
  odd: oddFiles.script,
  shell: 'mkdir bin; cp /bin/busybox bin/sh',
};

const WRITE = 'name=$1; eval "$2"; find . -exec touch --no-dereference --date=@0 {} +';

// how overlayfs marks files of lower layers that this layer removes
const HIDE = `find . -name .wh..wh..opq -execdir setfattr -n trusted.overlay.opaque -v y . ';' -delete
  find . -name '.wh.*' | while read -r mark; do
    hidden="\${mark%/*}/\${mark##*/.wh.}"
    rm "$mark"; mknod "$hidden" c 0 0
  done
  find . -type d -exec touch --date=@0 {} +`;

/** Writes the layer into `folder` as a layer archive has it. */
export const writeLayer = async (folder: string, layer: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const script = SCRIPTS[layer] ?? 'printf %s "$name" >"$name"';
  await run(['sh', '-euc', WRITE, 'sh', layer, script], { cwd: folder });
};

/** Writes the layer into `folder` as a containerd unpacks it. */
export const unpackLayer = async (folder: string, layer: string): Promise<void> => {
  await writeLayer(folder, layer);
  await run(['sh', '-euc', HIDE], { cwd: folder });
};

/** The layer's archive. */
export const packLayer = async (scratch: string, layer: string): Promise<{ blob: LayerBlob; data: Buffer }> => {
  const tree = join(scratch, 'tree');
  const archive = join(scratch, 'layer.tar');
  await writeLayer(tree, layer);
  await run([
    'tar',
    '-cf',
    archive,
    '--xattrs',
    '--pax-option=delete=atime,delete=ctime',
    '--sort=name',
    '--numeric-owner',
    '-C',
    tree,
    '.',
  ]);
  const data = await readFile(archive);
  await rm(tree, { recursive: true });
  await rm(archive);
  const digest = digestOf(data);
  return { blob: { diffID: digest, digest, size: data.length, compression: 'none' }, data };
};
