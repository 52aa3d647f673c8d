export const meta = (name: string, more = {}) => ({ name, namespace: 'shop', ...more });
export const podSpec = (...images: string[]) => ({
  containers: images.map((image, index) => ({ name: `c${index}`, image })),
});
const template = (app: string, image: string) => ({ metadata: { labels: { app } }, spec: podSpec(image) });
const deployment = (name: string, image: string, more = {}) => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta(name, { labels: { app: name }, ...more }) },
  spec: { replicas: 0, selector: { matchLabels: { app: name } }, template: template(name, image) },
});
const replicaSet = (name: string, image: string, owner?: object) => ({
  ...deployment(name, image, owner && { ownerReferences: [owner] }),
  kind: 'ReplicaSet',
});
const controller = (apiVersion: string, kind: string, name: string) => ({
  ...{ apiVersion, kind, name, uid: 'u', controller: true },
});

const object = (properties: object) => ({ type: 'object', properties });
const opaque = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const containers = { type: 'array', items: object({ name: { type: 'string' }, image: { type: 'string' } }) };
const customKind = (group: string, kind: string, spec: object, scope = 'Namespaced') => {
  const plural = `${kind.toLowerCase()}s`;
  const schema = { openAPIV3Schema: object({ spec }) };
  return {
    ...{
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
    },
    spec: {
      ...{ group, scope, names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` } },
      versions: [
        { name: 'v1alpha1', served: true, storage: false, schema: { openAPIV3Schema: opaque } },
        { name: 'v1', served: true, storage: true, schema },
      ],
    },
  };
};
export const custom = (group: string, kind: string, metadata: object, spec: object) => ({
  ...{ apiVersion: `${group}/v1`, kind, metadata, spec },
});

/** Kinds of custom resources, with containers in different places. */
export const KINDS = [
  customKind(
    'argoproj.io',
    'Rollout',
    object({ template: object({ metadata: opaque, spec: object({ containers }) }) }),
  ),
  customKind('batch.example.com', 'Crew', object({ tasks: { type: 'array', items: object({ template: opaque }) } })),
  customKind('apps.example.com', 'Anything', opaque),
  customKind('apps.example.com', 'Sidecar', object({ containers }), 'Cluster'),
  customKind('apps.example.com', 'Generation', object({ containers })),
  customKind('apps.example.com', 'Database', object({ image: { type: 'string' } })),
];

/** What uses images, or only looks like it. */
export const USERS = [
  deployment('web', 'nginx:1.27'),
  deployment('api', 'nginx:1.27'),
  {
    ...deployment('legacy', 'r.io/legacy:1'),
    metadata: { name: 'legacy', namespace: 'other', labels: { app: 'legacy' } },
  },
  replicaSet('alone', 'r.io/alone:1'),
  replicaSet('old', 'r.io/old:1', controller('apps/v1', 'Deployment', 'web')),
  custom('argoproj.io', 'Rollout', meta('canary', { labels: { app: 'canary' } }), {
    template: template('x', 'r.io/canary:1'),
  }),
  custom('batch.example.com', 'Crew', meta('crew'), {
    tasks: [{ template: { spec: podSpec('r.io/crew-a:1') } }, { template: { spec: podSpec('r.io/crew-b:1') } }],
  }),
  custom('apps.example.com', 'Anything', meta('workload'), { template: { spec: podSpec('r.io/anything:1') } }),
  custom('apps.example.com', 'Anything', meta('settings'), { template: 'text', containers: [3] }),
  custom('apps.example.com', 'Sidecar', { name: 'mesh' }, podSpec('r.io/mesh:1')),
  custom(
    'apps.example.com',
    'Generation',
    meta('gen-1', { ownerReferences: [controller('argoproj.io/v1', 'Rollout', 'canary')] }),
    podSpec('r.io/gen:1'),
  ),
  custom(
    'apps.example.com',
    'Generation',
    meta('gen-2', { ownerReferences: [controller('x.io/v1', 'App', 'canary')] }),
    podSpec('r.io/gen:2'),
  ),
  custom('apps.example.com', 'Database', meta('db'), { image: 'r.io/db:1' }),
];
