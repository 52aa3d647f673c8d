import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent, fetch } from 'undici';
import { until } from '../cluster/machine/until.ts';

/** Reads and writes all kinds of objects. Without kubectl, whose calls took a third of the processor's time in these tests. */
export interface Objects {
  /** `Kind/namespace/name` of everything that lasts, of these kinds or of all that there were at the start */
  list: (...kinds: string[]) => Promise<string[]>;
  /** `object`, here and below, is KIND/NAME as for kubectl; undefined if it is not there */
  get: <T = object>(object: string, namespace?: string) => Promise<T | undefined>;
  isThere: (object: string, namespace?: string) => Promise<boolean>;
  /** as `kubectl apply --server-side` does */
  apply: (...objects: object[]) => Promise<void>;
  /** as `kubectl patch --type=merge` does */
  patch: (object: string, namespace: string, patch: object) => Promise<void>;
  /** null removes all */
  setFinalizers: (object: string, finalizers: string[] | null) => Promise<void>;
  /** what a controller, a kubelet or a driver would report */
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
  /** how kubectl may call it, and as the object itself does */
  names: string[];
  /** of all its objects; of those in a namespace if it is given and the kind has namespaces */
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
    if (!response.ok) throw Object.assign(new Error(`${method} ${path}: ${text}`), { status: response.status });
    return JSON.parse(text);
  };

  const discover = async (): Promise<Kind[]> => {
    const groups = await Promise.all(
      ['/api', '/apis'].map((path) => send(path, ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')),
    );
    return (groups as Discovery[])
      .flatMap(({ items }) => items)
      .flatMap(({ metadata: { name: group = '' }, versions }) =>
        versions.flatMap(({ version, resources = [] }) =>
          resources.map((resource) => kindOf(group, version, resource)),
        ),
      );
  };

  let kinds = await discover();

  /** If it is new, the server may take a moment to know it. */
  const find = async (matches: (kind: Kind) => boolean, name: string): Promise<Kind> => {
    if (!kinds.some(matches)) {
      await until(`the kind ${name}`, async () => {
        kinds = await discover();
        return kinds.some(matches);
      });
    }
    return kinds.find(matches) ?? assert.fail(name);
  };

  for (const kind of awaited) await find(({ responseKind }) => responseKind.kind === kind, kind);
  const lasting = preferred(kinds).filter(
    ({ resource, verbs }) => verbs.includes('list') && !PASSING.includes(resource),
  );

  const pathOf = async (object: string, namespace: string): Promise<string> => {
    const [kind = '', name] = object.split('/');
    const { path } = await find(({ names }) => names.includes(kind), kind);
    return `${path(namespace)}/${name}`;
  };

  const patch = async (object: string, namespace: string, body: object, subresource = ''): Promise<void> => {
    await send(`${await pathOf(object, namespace)}${subresource}`, '', { body, type: 'merge-patch+json' });
  };

  const get = async <T>(object: string, namespace = 'default'): Promise<T | undefined> => {
    const path = await pathOf(object, namespace);
    return send(path, '').catch((error) => {
      if (error.status !== 404) throw error;
    }) as Promise<T | undefined>;
  };

  return {
    list: async (...wanted) => {
      const asked = lasting.filter((it) => wanted.length === 0 || wanted.includes(it.responseKind.kind));
      const names = asked.map(async ({ path, responseKind: { kind } }) => {
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
    get,
    isThere: async (object, namespace) => (await get(object, namespace)) !== undefined,
    patch,
    setFinalizers: (object, finalizers) => patch(object, 'default', { metadata: { finalizers } }),
    setStatus: (object, namespace, status) => patch(object, namespace, { status }, '/status'),
    close: () => dispatcher.destroy(),
  };
};

/** Resources of what comes and goes by itself, or is no object. */
const PASSING = ['events', 'leases', 'componentstatuses'];

const kindOf = (group: string, version: string, resource: Resource): Kind => {
  const { resource: plural, singularResource: singular, responseKind, shortNames = [] } = resource;
  const apiVersion = group ? `${group}/${version}` : version;
  return {
    ...resource,
    apiVersion,
    names: [plural, singular, `${singular}.${group}`, responseKind.kind, ...shortNames],
    path: (namespace) => {
      const within = namespace && resource.scope === 'Namespaced' ? `/namespaces/${namespace}` : '';
      return `/${group ? 'apis' : 'api'}/${apiVersion}${within}/${plural}`;
    },
  };
};

/** One version of each resource: the first one that the server names. */
const preferred = (kinds: readonly Kind[]): Kind[] => {
  const id = ({ apiVersion, resource }: Kind) => `${apiVersion.split('/').slice(0, -1)}/${resource}`;
  return kinds.filter((kind, index) => kinds.findIndex((other) => id(other) === id(kind)) === index);
};
