import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Component, commandLine, provide } from '../components.ts';
import { ensurePackages } from '../machine/apt.ts';
import { NETWORK_PACKAGES } from '../machine/network.ts';
import { until } from '../machine/until.ts';
import { newCluster } from '../state.ts';
import { ADMIN, adminKubectl, controlPlane, createCredentials } from './control-plane.ts';
import { type Kubectl, kubeconfig } from './kubeconfig.ts';
import { applySnapshotCrds } from './snapshot-api.ts';

const NEEDED = ['etcd', 'kube-apiserver'];

export interface ApiServer {
  kubeconfig: string;
  kubectl: Kubectl;
  stop: () => Promise<void>;
}

/** Starts etcd and kube-apiserver only, beside any cluster, for tests of what needs no node. They die with this process. */
export const startApiServer = async (options: { snapshotCrds?: boolean } = {}): Promise<ApiServer> => {
  // once more, as another process may take one of the free ports before the server listens on it
  return boot(options).catch((error: Error) => {
    console.error(`starting again: ${error.message}`);
    return boot(options);
  });
};

const boot = async ({ snapshotCrds = false }: { snapshotCrds?: boolean }): Promise<ApiServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-preload-api-'));
  await ensurePackages(NETWORK_PACKAGES, console.error);
  const cluster = await newCluster(folder);
  const components = controlPlane(cluster).filter(({ name }) => NEEDED.includes(name));
  await provide(
    components.map(({ from }) => from),
    console.error,
  );
  await createCredentials(cluster);
  const children: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(children.map(end));
    await rm(folder, { recursive: true });
  };
  try {
    for (const component of components) children.push(await startChild(folder, component));
    const kubectl = await adminKubectl(cluster);
    if (snapshotCrds) await applySnapshotCrds(kubectl);
    return { kubeconfig: kubeconfig(folder, ADMIN), kubectl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const startChild = async (folder: string, component: Component): Promise<ChildProcess> => {
  const output = openSync(join(folder, `${component.name}.log`), 'a');
  const argv = ['--pdeathsig=KILL', ...(await commandLine(component))];
  const child = spawn('setpriv', argv, { cwd: '/', stdio: ['ignore', output, output] });
  closeSync(output);
  await until(`${component.name} ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${component.name} ended with ${child.exitCode}`);
    return component.ready();
  });
  return child;
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};
