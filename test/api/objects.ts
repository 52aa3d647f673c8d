import { readFile } from 'node:fs/promises';
import { Agent, fetch } from 'undici';
import { until } from '../cluster/machine/until.ts';

/** Reads and writes all kinds of objects. Without kubectl, whose calls took a third of the processor's time in these tests. */
export interface Objects {
  /** `Kind/namespace/name` of everything that lasts, of the kinds that there were at the start */
  list: () => Promise<string[]>;
  /** as `kubectl apply --server-side` does */
  apply: (...objects: object[]) => Promise<void>;
  /** `object` is KIND/NAME as for kubectl */
  setStatus: (object: string, namespace: string, status: object) => Promise<void>;
  close: () => Promise<void>;
}

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

interface Resource {
  resource: string;
  responseKind: { kind: string };
  scope: 'Namespaced' | 'Cluster';
  singularResource: string;
  shortNames?: string[];
  verbs: string[];
}

interface Discovery {
  items: { metadata: { name?: string }; versions: { version: string; resources?: Resource[] }[] }[];
}

interface Kind extends Resource {
  apiVersion: string;
  /** of a collection, without its namespace */
  path: (namespace?: string) => string;
}

/** `awaited` are kinds that were added just before. */
export const openObjects = async (kubeconfig: string, awaited: readonly string[] = []): Promise<Objects> => {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8'));
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const files = [cluster['certificate-authority'], user['client-certificate'], user['client-key']];
  const [ca, cert, key] = await Promise.all(files.map((file: string) => readFile(file)));
  const dispatcher = new Agent({ connect: { ca, cert, key } });

  const send = async (path: string, accept: string, patch?: { body: object; type: string }): Promise<unknown> => {
    const headers = {
      accept: `application/json${accept}`,
      ...(patch && { 'content-type': `application/${patch.type}` }),
    };
    const method = patch ? 'PATCH' : 'GET';
    const body = patch && JSON.stringify(patch.body);
    const response = await fetch(`${cluster.server}${path}`, { dispatcher, method, headers, ...(body && { body }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };

  const discover = async (): Promise<Kind[]> => {
    const groups = await Promise.all(
      ['/api', '/apis'].map((path) => send(path, ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')),
    );
    return (groups as Discovery[])
      .flatMap(({ items }) => items)
      .flatMap(({ metadata: { name: group }, versions }) =>
        versions.flatMap(({ version, resources = [] }) =>
          resources.map((resource) => kindOf(group ? `${group}/${version}` : version, resource)),
        ),
      );
  };

  let kinds = await discover();

  /** If it is new, the server may take a moment to know it. */
  const find = async (matches: (kind: Kind) => boolean, name: string): Promise<Kind> => {
    let found = kinds.find(matches);
    if (found) return found;
    await until(`the kind ${name}`, async () => {
      kinds = await discover();
      found = kinds.find(matches);
      return found !== undefined;
    });
    return found as unknown as Kind;
  };

  for (const kind of awaited) await find(({ responseKind }) => responseKind.kind === kind, kind);
  const lasting = preferred(kinds).filter(
    ({ resource, verbs }) => verbs.includes('list') && !PASSING.includes(resource),
  );

  return {
    list: async () => {
      const names = lasting.map(async ({ path, responseKind: { kind } }) => {
        const answer = await send(path(), ';g=meta.k8s.io;v=v1;as=PartialObjectMetadataList');
        const { items } = answer as { items: Manifest[] | null };
        return (items ?? []).map(({ metadata: { name, namespace = '' } }) => `${kind}/${namespace}/${name}`);
      });
      return (await Promise.all(names)).flat().sort();
    },
    apply: async (...objects) => {
      for (const object of objects as Manifest[]) {
        const { apiVersion, kind, metadata } = object;
        const { path } = await find((it) => it.apiVersion === apiVersion && it.responseKind.kind === kind, kind);
        const query = 'fieldManager=kubectl&fieldValidation=Strict';
        const patch = { body: object, type: 'apply-patch+yaml' };
        await send(`${path(metadata.namespace ?? 'default')}/${metadata.name}?${query}`, '', patch);
      }
    },
    setStatus: async (object, namespace, status) => {
      const [kind = '', name] = object.split('/');
      const { path } = await find(
        (it) => [it.resource, it.singularResource, ...(it.shortNames ?? [])].includes(kind),
        kind,
      );
      await send(`${path(namespace)}/${name}/status`, '', { body: { status }, type: 'merge-patch+json' });
    },
    close: () => dispatcher.destroy(),
  };
};

/** Resources of what comes and goes by itself, or is no object. */
const PASSING = ['events', 'leases', 'componentstatuses'];

const kindOf = (apiVersion: string, resource: Resource): Kind => ({
  ...resource,
  apiVersion,
  path: (namespace) => {
    const within = namespace && resource.scope === 'Namespaced' ? `/namespaces/${namespace}` : '';
    return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}${within}/${resource.resource}`;
  },
});

/** One version of each resource: the first one that the server names. */
const preferred = (kinds: readonly Kind[]): Kind[] => {
  const id = ({ apiVersion, resource }: Kind) => `${apiVersion.split('/').slice(0, -1)}/${resource}`;
  return kinds.filter((kind, index) => kinds.findIndex((other) => id(other) === id(kind)) === index);
};
