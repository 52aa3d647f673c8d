import { join, resolve } from 'node:path';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { run } from '../../cluster/machine/run.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

const PACKAGES = ['attr', 'bsdutils', 'e2fsprogs', 'libcap2-bin', 'skopeo'];

process.env.KUBECTL_PRELOAD_CLUSTER_STATE ||= '/var/tmp/kubectl-preload-e2e';

/** Boots the cluster that all test files of this folder share; they find it by their environment. */
export const globalSetup = async (): Promise<void> => {
  await ensurePackages(PACKAGES, console.error);
  try {
    await bootCluster();
    await cluster('images');
    await adoptEnvironment(await cluster('env'));
  } catch (error) {
    await globalTeardown();
    throw error;
  }
};

export const globalTeardown = async (): Promise<void> => {
  await cluster('down');
};

/** Boots it a second time if something that has nothing to do with us broke the first boot: nearly all tests depend on it. */
const bootCluster = async (): Promise<void> => {
  try {
    await cluster('up');
  } catch (error) {
    console.error(`booting again: ${(error as Error).message}`);
    await cluster('down');
    await cluster('up');
  }
};

const cluster = (call: string): Promise<string> =>
  run([process.execPath, join(REPOSITORY, 'test/cluster/main.ts'), call], { progress: true });

const adoptEnvironment = async (shellLines: string): Promise<void> => {
  const print = `exec '${process.execPath}' --print 'JSON.stringify(process.env)'`;
  Object.assign(process.env, JSON.parse(await run(['sh', '-c', `${shellLines}\n${print}`])));
};
