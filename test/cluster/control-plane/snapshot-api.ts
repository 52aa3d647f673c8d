import { join } from 'node:path';
import { goModuleFolder } from '../go-build.ts';
import type { Kubectl } from './kubeconfig.ts';

const MODULE = 'github.com/kubernetes-csi/external-snapshotter/client/v8@v8.7.0';
const RESOURCES = ['volumesnapshotclasses', 'volumesnapshotcontents', 'volumesnapshots'];

/** Installs the CustomResourceDefinitions of the snapshot API, as their own project ships them. */
export const applySnapshotCrds = async (kubectl: Kubectl): Promise<void> => {
  const folder = join(await goModuleFolder(MODULE), 'config/crd');
  const files = RESOURCES.map((plural) => join(folder, `snapshot.storage.k8s.io_${plural}.yaml`));
  await kubectl(['apply', '--server-side', ...files.flatMap((file) => ['-f', file])]);
  const names = RESOURCES.map((plural) => `crd/${plural}.snapshot.storage.k8s.io`);
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...names]);
};
