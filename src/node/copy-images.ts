import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { VOLUME_CONTENTS } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { parse, parseJson } from '../model/parse.ts';
import { inNode, runForUser } from './command.ts';
import { exists } from './files.ts';
import { mountMemory } from './mount.ts';

interface CopyOptions {
  /** path of the mounted volume in this pod */
  volume: string;
  /** path of the node's root in this pod */
  root: string;
  /** digest of the volume's preload.json */
  expect: string;
}

/** Copies all images of the volume into the node's containerd with the volume's restore.sh. Throws PreloadError. */
export const copyImages = async ({ volume, root, expect }: CopyOptions, env: NodeJS.ProcessEnv): Promise<void> => {
  await checkScript(volume, expect);
  const path = pathOnNode(await readFile('/proc/self/mountinfo', 'utf8'), volume, root);
  if (!path) throw new PreloadError(`found no path at which the node has the volume that is mounted at ${volume}`);
  await hideSystemd(root);
  const script = ['sh', `${path}/restore.sh`, '--mode', 'copy', '--expect', expect];
  await runForUser(inNode(root, script), { env, interactive: false }).catch((error: Error) => {
    throw new PreloadError(`restore.sh could not copy the images: ${error.message}`, 'see its last line above');
  });
};

/** Checks what the volume says, and its script, before anything of it runs. */
const checkScript = async (volume: string, expect: string): Promise<void> => {
  const contents = await readFile(join(volume, 'preload.json'));
  const script = await readFile(join(volume, 'restore.sh'));
  if (digest(contents) === expect) {
    const { checksums } = parse(VOLUME_CONTENTS, parseJson(contents.toString()));
    if (checksums['restore.sh'] === digest(script)) return;
  }
  throw new PreloadError(
    'the volume is not the one that was captured',
    'print the recipe again, for a preload that verify accepts',
  );
};

const digest = (data: Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

// the kubelet's mounts; the node also lists those in the container itself
const OF_KUBELET = /\/kubernetes\.io[/~]csi\//;

/**
 * Path at which the kubelet of the node at `root` has mounted the filesystem that is at `volume` here; undefined if it has
 * not. Prefers one without `~`, which restore.sh of version 0.1 does not take.
 */
export const pathOnNode = (mountinfo: string, volume: string, root: string): string | undefined => {
  const mounts = mountinfo.split('\n').map((line) => {
    const [, , device = '', folder = '', target = ''] = line.split(' ');
    return { filesystem: `${device} ${folder}`, target };
  });
  const filesystem = mounts.findLast(({ target }) => target === volume)?.filesystem;
  const paths = mounts
    .filter(({ target }) => target.startsWith(`${root}/`) && OF_KUBELET.test(target))
    .filter((mount) => mount.filesystem === filesystem)
    .map(({ target }) => target.slice(root.length));
  return paths.find((path) => !path.includes('~')) ?? paths[0];
};

/**
 * Makes restore.sh take the node for one without systemd, so that it does not make containerd wait for the volume at the
 * next boot: should that come before all is copied, a pod like this one can only repair the node if containerd starts.
 */
const hideSystemd = async (root: string): Promise<void> => {
  const folder = join(root, 'run/systemd');
  if (await exists(folder)) await mountMemory(folder);
};
