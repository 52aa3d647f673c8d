import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { goBuild } from '../cluster/go-build.ts';
import { BUNDLE, runBundle } from '../harness/run-bundle.ts';

/** A folder with kubectl, the built program as its plugin, and the script that `completion` prints. */
export interface PluginFolder {
  /** with this folder first */
  PATH: string;
  remove: () => Promise<void>;
}

export const pluginFolder = async (): Promise<PluginFolder> => {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-preload-plugin-'));
  await symlink(join(await goBuild('kubernetes', console.error), 'kubectl'), join(folder, 'kubectl'));
  await symlink(BUNDLE, join(folder, 'kubectl-preload'));
  const script = join(folder, 'kubectl_complete-preload');
  await writeFile(script, (await runBundle(['completion'])).stdout);
  await chmod(script, 0o755);
  const PATH = `${folder}:${dirname(process.execPath)}:/usr/bin:/bin`;
  return { PATH, remove: () => rm(folder, { recursive: true }) };
};
