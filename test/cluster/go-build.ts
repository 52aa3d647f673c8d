import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from './machine/apt.ts';
import { exists } from './machine/probes.ts';
import { run } from './machine/run.ts';
import { CACHE } from './state.ts';

const KUBERNETES_VERSION = { gitVersion: 'v1.34.4', gitMajor: '1', gitMinor: '34', gitTreeState: 'clean' };
const CONTAINERD_TAGS = 'no_btrfs no_devmapper no_zfs netgo osusergo';

// kubectl refuses to compare its version with a server's that does not parse
const kubernetesVersion = (): string => {
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const pairs = packages.flatMap((pkg) =>
    Object.entries(KUBERNETES_VERSION).map(([key, value]) => `-X ${pkg}.${key}=${value}`),
  );
  return pairs.join(' ');
};

/** How a module is built: `packages` are Go's, `libraries` Debian's. */
interface Recipe {
  folder: string;
  linker?: string;
  tags?: string;
  packages?: string[];
  libraries?: string[];
}

/** One go.mod per upstream project, for their dependency versions differ. */
const MODULES = {
  kubernetes: { folder: 'modules/kubernetes', linker: kubernetesVersion() },
  'containerd-1.7': { folder: 'modules/containerd-1.7', tags: CONTAINERD_TAGS },
  'containerd-2': { folder: 'modules/containerd-2', tags: CONTAINERD_TAGS, packages: ['tool', './agent'] },
  'csi-provisioner': { folder: 'modules/csi-provisioner' },
  'csi-sidecars': { folder: 'modules/csi-sidecars' },
  'csi-driver': { folder: 'csi-driver', packages: ['.'] },
  'lazy-disk': { folder: '../bench/lazy-disk', packages: ['.'] },
  'cri-tools': { folder: 'modules/cri-tools' },
  krew: { folder: 'modules/krew' },
  kubeadm: { folder: 'modules/kubeadm', linker: kubernetesVersion() },
  hcl: { folder: 'modules/hcl' },
  bolt: { folder: 'modules/bolt', packages: ['.'] },
  runc: {
    folder: 'modules/runc',
    tags: 'seccomp',
    libraries: ['gcc', 'libc6-dev', 'libseccomp-dev', 'pkg-config'],
  },
} satisfies Record<string, Recipe>;

export type GoModule = keyof typeof MODULES;

/** Builds all binaries of a module, or finds them in the cache. Returns the folder they are in. */
export const goBuild = async (name: GoModule, log: (line: string) => void): Promise<string> => {
  const recipe: Recipe = MODULES[name];
  const { source, flags, target } = await buildOf(name);
  if (await exists(target)) return target;
  await ensurePackages(recipe.libraries ?? [], log);
  const partial = `${target}.${process.pid}`;
  await compile(name, source, [...flags, '-o', `${partial}/`, ...(recipe.packages ?? ['tool'])], log);
  await rename(partial, target).catch(async (error) => {
    await rm(partial, { recursive: true });
    if (!(await exists(target))) throw error; // else another run was faster
  });
  return target;
};

/** Whether the binaries of a module are in the cache. */
export const isBuilt = async (name: GoModule): Promise<boolean> => {
  return exists((await buildOf(name)).target);
};

const buildOf = async (name: GoModule): Promise<{ source: string; flags: string[]; target: string }> => {
  const { folder, linker, tags }: Recipe = MODULES[name];
  const source = join(import.meta.dirname, folder);
  const linking = ['-s -w', linker].filter(Boolean).join(' ');
  const flags = ['-trimpath', ...(tags ? ['-tags', tags] : []), '-ldflags', linking];
  return { source, flags, target: join(CACHE, 'bin', `${name}-${await digest(source, flags)}`) };
};

const REPORT_INTERVAL = 15_000;

/** Runs `go build`, which takes minutes from an empty cache, and reports how far it is. */
const compile = async (name: GoModule, cwd: string, args: string[], log: (line: string) => void): Promise<void> => {
  const started = Date.now();
  let packages = 0;
  log(`building ${name}`);
  const report = setInterval(() => {
    log(`building ${name}: ${packages} packages compiled in ${Math.round((Date.now() - started) / 1000)}s`);
  }, REPORT_INTERVAL);
  const onStderr = (text: string): void => {
    packages += text.split('\n').length - 1; // -v names each package as it is compiled
  };
  await run(['go', 'build', '-v', ...args], { cwd, onStderr }).finally(() => clearInterval(report));
};

/** The folder of a module's sources in the Go module cache, e.g. for the YAML it ships. */
export const goModuleFolder = async (moduleAtVersion: string): Promise<string> => {
  const answer = JSON.parse(await run(['go', 'mod', 'download', '-json', moduleAtVersion], { cwd: '/' }));
  return answer.Dir;
};

const digest = async (folder: string, flags: string[]): Promise<string> => {
  const files = (await readdir(folder, { recursive: true })).filter((file) => /\.(go|mod|sum)$/.test(file)).sort();
  const hash = createHash('sha256').update(flags.join('\0'));
  for (const file of files) hash.update(file).update(await readFile(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
};
