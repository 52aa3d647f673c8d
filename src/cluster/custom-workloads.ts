import { CUSTOM_KIND, CUSTOM_OBJECT, type CustomKind, POD_SPEC, type PodSpec } from '../model/cluster-objects.ts';
import { parse } from '../model/parse.ts';
import { type PodSpecPlace, podSpecPlaces, valuesAt } from '../model/pod-template.ts';
import type { Cluster } from './connection.ts';
import { list, listIn } from './lists.ts';
import { orWarn, type PodUser, type WorkloadQuery } from './workloads.ts';

const SCHEMAS_AT_ONCE = 20; // some have a megabyte
const OBJECTS_AT_ONCE = 100;
const MAX_OBJECTS = 20_000; // of one kind

/** A custom kind whose objects have pod specs, such as Rollout of Argo. */
interface PodKind {
  path: string;
  /** with the group, such as `rollouts.argoproj.io` */
  plural: string;
  /** with the group, such as `rollout.argoproj.io` */
  name: string;
  kind: string;
  places: PodSpecPlace[];
}

/** Yields every pod spec in custom resources. Warns about those that this user may not list. */
export const customWorkloads = async function* (cluster: Cluster, query: WorkloadQuery): AsyncGenerator<PodUser> {
  const kinds = await Array.fromAsync(podKinds(cluster, query.signal));
  const names = new Set(kinds.map(({ kind }) => kind));
  for (const kind of kinds) {
    let count = 0;
    for await (const object of orWarn(cluster, kind.plural, 'there', objectsOf(cluster, kind, query))) {
      count += 1;
      if (count > MAX_OBJECTS) {
        cluster.warn(`there are more than ${MAX_OBJECTS} ${kind.plural}, so images used only by the rest are left out`);
        break;
      }
      const { name, namespace, ownerReferences } = object.metadata;
      const owner = ownerReferences.find(({ controller }) => controller);
      if (owner && names.has(owner.kind)) continue; // a generation of an object that has the same template
      const user = { kind: kind.name, namespace, name };
      for (const pod of podSpecs(cluster, kind, object)) yield { user, isOwned: owner !== undefined, pod };
    }
  }
};

const objectsOf = (cluster: Cluster, { path, plural, name }: PodKind, query: WorkloadQuery) =>
  listIn(cluster, { path, plural, kind: name, page: OBJECTS_AT_ONCE }, CUSTOM_OBJECT, query);

const podKinds = async function* (cluster: Cluster, signal: AbortSignal): AsyncGenerator<PodKind> {
  const all = list(cluster, 'CustomResourceDefinition', CUSTOM_KIND, { signal, page: SCHEMAS_AT_ONCE });
  for await (const { spec } of orWarn(cluster, 'customresourcedefinitions', 'by custom resources', all)) {
    const version = versionOf(spec);
    const places = podSpecPlaces(version?.schema?.openAPIV3Schema);
    const { group, names } = spec;
    if (!version || places.length === 0) continue;
    yield {
      path: `/apis/${group}/${version.name}/${names.plural}`,
      plural: `${names.plural}.${group}`,
      name: `${names.kind.toLowerCase()}.${group}`,
      kind: names.kind,
      places,
    };
  }
};

/** The stored version if possible: the server need not convert it. */
const versionOf = ({ versions }: CustomKind['spec']): CustomKind['spec']['versions'][number] | undefined => {
  const served = versions.filter((version) => version.served);
  return served.find(({ storage }) => storage) ?? served[0];
};

const podSpecs = (cluster: Cluster, { name, places }: PodKind, object: { metadata: { name: string } }): PodSpec[] =>
  places.flatMap(({ path, isCertain }) =>
    valuesAt(object, path).flatMap((value) => {
      try {
        return [parse(POD_SPEC, value)];
      } catch (error) {
        if (isCertain) cluster.warn(`ignoring ${name}/${object.metadata.name}: ${(error as Error).message}`);
        return [];
      }
    }),
  );
