import { join } from 'node:path';
import { type GoModule, goBuild, isBuilt } from './go-build.ts';
import { ensurePackages } from './machine/apt.ts';
import { isRunning, logTail, startDaemon } from './machine/daemons.ts';
import { until } from './machine/until.ts';
import type { Cluster } from './state.ts';

/** Where a component's binary comes from: built from one of our Go modules, or installed. */
export type Source = { module: GoModule } | { packages: string[] };

export interface Component {
  /** also names its log and its cgroup; the components of a node are named NODE/COMPONENT */
  name: string;
  from: Source;
  /** the first word names the binary */
  argv: string[];
  /** what has to be ready before */
  needs?: string[];
  /** a command that enters the namespaces the component lives in */
  within?: string[];
  ready: () => Promise<boolean>;
}

/** Installs or builds what the components are made of. */
export const provide = async (sources: readonly Source[], log: (line: string) => void): Promise<void> => {
  await ensurePackages(
    sources.flatMap((source) => ('packages' in source ? source.packages : [])),
    log,
  );
  const modules = new Set(sources.flatMap((source) => ('module' in source ? [source.module] : [])));
  const missing: GoModule[] = [];
  for (const module of modules) if (!(await isBuilt(module))) missing.push(module);
  if (missing.length > 1) log(`to build, once: ${missing.join(', ')}`);
  for (const module of modules) await goBuild(module, log); // one after the other: each build uses all cores
};

/** Starts the components that do not run, each as soon as what it needs is ready; returns when all are. */
export const startAll = async (cluster: Cluster, components: readonly Component[]): Promise<void> => {
  const started = new Map<string, Promise<void>>();
  const start = (component: Component): Promise<void> => {
    const needed = components.filter(({ name }) => component.needs?.includes(name));
    const known = started.get(component.name);
    const running = known ?? Promise.all(needed.map(start)).then(() => startOne(cluster, component));
    started.set(component.name, running);
    return running;
  };
  await Promise.all(components.map(start));
};

export const commandLine = async ({ from, argv, within = [] }: Component): Promise<string[]> => {
  const [binary = '', ...args] = argv;
  return [...within, join(await binaryFolder(from), binary), ...args];
};

/** Says of each component that should run and does not how it ended; empty if all run. */
export const obituaries = async (cluster: Cluster, components: readonly Component[]): Promise<string> => {
  const ended = await Promise.all(
    components.map(async ({ name }) => ((await isRunning(cluster, name)) ? [] : [await obituary(cluster, name)])),
  );
  return ended.flat().join('\n');
};

const obituary = async (cluster: Cluster, name: string): Promise<string> => {
  return `${name} ended:\n${await logTail(cluster, name)}`;
};

const startOne = async (cluster: Cluster, component: Component): Promise<void> => {
  const { name, ready } = component;
  if (!(await isRunning(cluster, name))) await startDaemon(cluster, name, await commandLine(component));
  await until(`${name} ready`, async () => {
    if (await ready()) return true;
    if (await isRunning(cluster, name)) return false;
    throw new Error(await obituary(cluster, name));
  });
};

/** The folder of a component's binaries; an empty path where the system finds them. */
export const binaryFolder = async (from: Source, log: (line: string) => void = () => {}): Promise<string> => {
  return 'module' in from ? goBuild(from.module, log) : '';
};
