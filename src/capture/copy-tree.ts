import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inNode, run, runPiped } from '../node/command.ts';
import { diesWithUs, lowPriority } from '../node/command-prefixes.ts';
import { pathHere } from '../node/files.ts';
import type { Capture } from './context.ts';
import { limited, type RateLimit } from './rate.ts';

/** Copies at low priority. */
interface TreeCopier {
  /** copies a directory of the node, with its own attributes, to a new one at a path on the volume */
  copyTree: (folder: string, to: string) => Promise<unknown>;
  /** what copies */
  tool: string;
  /** what to do if it cannot copy everything */
  remedy: string;
}

/** Copies with the node's cp; under a rate limit with tar, because its output can be held up. */
export const treeCopier = (capture: Capture): Promise<TreeCopier> =>
  capture.rateLimit ? limitedCopier(capture, capture.rateLimit) : simpleCopier(capture);

const simpleCopier = async ({ root, volumeInNode, remedies, signal }: Capture): Promise<TreeCopier> => {
  const copy = [...(await diesWithUs(root)), ...(await lowPriority(root)), 'cp', '-a'];
  return {
    // "/." follows a link to a directory, and also copies the directory's own attributes
    copyTree: (folder, to) => run(inNode(root, [...copy, `${folder}/.`, join(volumeInNode, to)]), signal),
    tool: "the node's cp",
    remedy: `install GNU coreutils on the node, or ${remedies.otherNode}`,
  };
};

const ATTRIBUTES = ['--numeric-owner', '--xattrs', '--xattrs-include=*'];

const limitedCopier = async ({ root, volume, signal }: Capture, limit: RateLimit): Promise<TreeCopier> => {
  const tar = [...(await diesWithUs('/')), ...(await lowPriority('/')), 'tar'];
  const read = [...tar, '--create', '--file=-', '--format=posix', '--sparse', ...ATTRIBUTES];
  const write = [...tar, '--extract', '--file=-', '--preserve-permissions', ...ATTRIBUTES];
  return {
    copyTree: async (folder, to) => {
      const [from, target] = [await pathHere(root, folder), join(volume, to)];
      await mkdir(target);
      const [reading, writing] = [
        [...read, '--directory', from, '.'],
        [...write, '--directory', target],
      ];
      await runPiped(reading, writing, limited(limit, signal), signal);
    },
    tool: 'tar',
    remedy: 'install GNU tar, or leave out --max-rate',
  };
};
