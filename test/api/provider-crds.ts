import { join } from 'node:path';
import { goModuleFolder } from '../cluster/go-build.ts';
import type { TestServer } from './api-server.ts';

const SHIPPED: Record<string, string[]> = {
  'github.com/aws/karpenter-provider-aws@v1.14.1': [
    'pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml',
    'pkg/apis/crds/karpenter.sh_nodepools.yaml',
  ],
  'sigs.k8s.io/cluster-api@v1.14.2': [
    'bootstrap/kubeadm/config/crd/bases/bootstrap.cluster.x-k8s.io_kubeadmconfigtemplates.yaml',
  ],
};

interface Schema {
  type: string;
  [key: string]: unknown;
}

const TEXT: Schema = { type: 'string' };
const NUMBER: Schema = { type: 'integer' };
const FLAG: Schema = { type: 'boolean' };
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const metadata = object({ name: TEXT, namespace: TEXT });
const template = (spec: Schema): Schema => object({ spec: object({ template: object({ spec }) }) });

/** What is refused is any other field, and any other type. */
const crd = (kind: string, version: string, schema: Schema): object => {
  const [singular, group] = [kind.toLowerCase(), 'infrastructure.cluster.x-k8s.io'];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${singular}s.${group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      ...{ group, scope: 'Namespaced', names: { kind, singular, plural: `${singular}s`, listKind: `${kind}List` } },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
};

/** Of providers whose modules no Go module proxy has: only the fields that recipes use, with upstream's names and types. */
const OWN = [
  crd(
    'OscMachineTemplate',
    'v1beta2',
    template(
      object({
        node: object({
          image: object({ name: TEXT }),
          vm: object({ keypairName: TEXT, vmType: TEXT }),
          volumes: listOf(object({ device: TEXT, fromSnapshot: TEXT, size: NUMBER, volumeType: TEXT })),
        }),
      }),
    ),
  ),
  crd(
    'KubevirtMachineTemplate',
    'v1alpha1',
    template(
      object({
        virtualMachineBootstrapCheck: object({ checkStrategy: TEXT }),
        virtualMachineTemplate: object({
          metadata,
          spec: object({
            runStrategy: TEXT,
            dataVolumeTemplates: listOf(
              object({
                metadata,
                spec: object({
                  source: object({ snapshot: object({ name: TEXT, namespace: TEXT }) }),
                  pvc: object({
                    ...{ accessModes: listOf(TEXT), volumeMode: TEXT, storageClassName: TEXT },
                    resources: object({ requests: object({ storage: TEXT }) }),
                  }),
                }),
              }),
            ),
            template: object({
              spec: object({
                ...{ architecture: TEXT, evictionStrategy: TEXT },
                domain: object({
                  cpu: object({ cores: NUMBER }),
                  memory: object({ guest: TEXT }),
                  devices: object({
                    networkInterfaceMultiqueue: FLAG,
                    disks: listOf(object({ name: TEXT, disk: object({ bus: TEXT }) })),
                  }),
                }),
                volumes: listOf(
                  object({
                    name: TEXT,
                    containerDisk: object({ image: TEXT }),
                    dataVolume: object({ name: TEXT }),
                  }),
                ),
              }),
            }),
          }),
        }),
      }),
    ),
  ),
];

/** Installs the kinds in which recipes describe machines. */
export const applyProviderCrds = async ({ apply, kubectl }: TestServer): Promise<void> => {
  for (const [module, paths] of Object.entries(SHIPPED)) {
    const folder = await goModuleFolder(module);
    await kubectl(['apply', '--server-side', ...paths.flatMap((path) => ['-f', join(folder, path)])]);
  }
  await apply(...OWN);
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
};
