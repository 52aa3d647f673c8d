import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loaderConfigMap } from '../../../src/manifests/loader.ts';
import { loaderPod, planPod } from '../../../src/manifests/loader-pod.ts';
import type { PreloadSettings } from '../../../src/model/saved-run.ts';
import { PLAIN_POD } from '../../harness/pod-settings.ts';

interface Spec {
  restartPolicy: string;
  activeDeadlineSeconds: number;
  automountServiceAccountToken: boolean;
  hostNetwork: boolean;
  dnsPolicy: string;
  nodeSelector: Record<string, string>;
  affinity?: { nodeAffinity: Record<string, unknown> };
  tolerations?: unknown[];
  containers: Container[];
  volumes: { name: string; [source: string]: unknown }[];
  [other: string]: unknown;
}

interface Container {
  image: string;
  command: string[];
  args: string[];
  securityContext: unknown;
  resources: { requests: Record<string, string> };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  [other: string]: unknown;
}

const settings: PreloadSettings = {
  name: 'web',
  namespace: 'images',
  version: '1.2.3',
  size: '10Gi',
  pod: PLAIN_POD,
  platform: 'linux/arm64',
  pullSecrets: [],
  deadline: 2400,
};
const configMap = loaderConfigMap(settings, {
  bundle: Buffer.from('the bundle'),
  request: Buffer.from('the request'),
  run: Buffer.from('the run'),
});
const specOf = (changes: Partial<PreloadSettings> = {}): Spec =>
  loaderPod({ ...settings, ...changes }, configMap).spec as Spec;

const spec = specOf();
const [container] = spec.containers;
assert.ok(container);

describe('the loader', () => {
  test('has no access to the API server', () => {
    assert.equal(spec.automountServiceAccountToken, false);
    for (const field of ['serviceAccount', 'serviceAccountName']) assert.ok(!(field in spec));
    assert.ok(spec.volumes.every((volume) => !('projected' in volume) && !('secret' in volume)));
  });

  test('mounts all Secrets with pull secrets in one folder', () => {
    const pod = loaderPod({ ...settings, pullSecrets: ['preload-web', 'preload-web.2'] }, configMap);
    const sources = ['preload-web', 'preload-web.2'].map((name) => ({ secret: { name } }));
    assert.partialDeepStrictEqual(pod.spec, {
      volumes: [{ name: 'pull-secrets', projected: { defaultMode: 0o400, sources } }],
      containers: [{ volumeMounts: [{ name: 'pull-secrets', mountPath: '/pull-secrets', readOnly: true }] }],
    });
    assert.match(JSON.stringify(pod.spec), /"--pull-secrets","\/pull-secrets"/);
  });

  test('runs once, and ends even if the workstation is gone', () => {
    assert.equal(spec.restartPolicy, 'Never');
    assert.equal(spec.activeDeadlineSeconds, 2400);
  });

  test("uses the node's network and name servers, like the node's own pulls", () => {
    assert.equal(spec.hostNetwork, true);
    assert.equal(spec.dnsPolicy, 'Default');
  });

  test('is one privileged container with resource requests and the given image', () => {
    assert.equal(spec.containers.length, 1);
    assert.equal(container.image, 'r.io/node:26');
    assert.deepEqual(container.securityContext, { privileged: true, runAsUser: 0 });
    assert.deepEqual(Object.keys(container.resources.requests), ['cpu', 'memory']);
  });

  test('mounts the tool, the volume and the root of the node', () => {
    assert.deepEqual(
      container.volumeMounts.map(({ name, mountPath }) => [name, mountPath]),
      [
        ['tool', '/preload'],
        ['snapshot', '/snapshot'],
        ['host', '/host'],
      ],
    );
    assert.deepEqual(spec.volumes, [
      { name: 'tool', configMap: { name: 'preload-web' } },
      { name: 'snapshot', persistentVolumeClaim: { claimName: 'preload-web' } },
      { name: 'host', hostPath: { path: '/', type: 'Directory' } },
    ]);
  });

  test('needs only node in its image to unpack the bundle and run export', () => {
    const [program, flag, script] = container.command;
    assert.deepEqual([program, flag], ['node', '-e']);
    assert.ok(script?.includes('preload.cjs.gz'));
    assert.deepEqual(container.args.slice(0, 3), ['export', '--request', '/tmp/request.json.gz']);
  });
});

test('the pod that only plans is the same without a volume', () => {
  const { metadata, ...pod } = planPod({ ...settings, preferredNode: 'a', pullSecrets: ['preload-web'] }, configMap);
  const loader = loaderPod({ ...settings, preferredNode: 'a', pullSecrets: ['preload-web'] }, configMap);
  assert.equal(metadata.name, 'preload-web-plan');
  assert.deepEqual({ ...metadata, name: '' }, { ...loader.metadata, name: '' });
  const loaderSpec = loader.spec as Spec;
  const isVolume = ({ name }: { name: string }) => name === 'snapshot';
  const [part] = loaderSpec.containers;
  assert.ok(part);
  assert.deepEqual(pod.spec, {
    ...loaderSpec,
    containers: [
      {
        ...part,
        args: [...part.args.slice(0, part.args.indexOf('--to')), '--plan-only'],
        volumeMounts: part.volumeMounts.filter((mount) => !isVolume(mount)),
      },
    ],
    volumes: loaderSpec.volumes.filter((volume) => !isVolume(volume)),
  });
});

describe('where the loader runs', () => {
  const byName = (name: string) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] });

  test('on any node of the platform', () => {
    assert.deepEqual(spec.nodeSelector, { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'arm64' });
    assert.equal(spec.affinity, undefined);
    assert.equal(spec.tolerations, undefined);
  });

  test('if possible on the preferred node', () => {
    const { affinity, tolerations } = specOf({ preferredNode: 'a' });
    assert.deepEqual(affinity, {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: byName('a') }],
      },
    });
    assert.equal(tolerations, undefined);
  });

  test('only on the given node, regardless of its taints', () => {
    const { affinity, tolerations } = specOf({ node: 'b', preferredNode: 'a' });
    assert.deepEqual(affinity, {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [byName('b')] },
      },
    });
    assert.deepEqual(tolerations, [{ operator: 'Exists' }]);
  });
});

test('the user decides about resources, priority, tolerations and pull secrets of the pod', () => {
  assert.deepEqual(container.resources, { requests: { cpu: '100m', memory: '256Mi' } });
  for (const field of ['tolerations', 'priorityClassName', 'imagePullSecrets']) assert.ok(!(field in spec));
  const tolerations = [{ key: 'dedicated', operator: 'Exists' as const }];
  const pod = {
    ...{ ...PLAIN_POD, imagePullSecrets: ['corp'], tolerations, priorityClass: 'high' },
    ...{ requests: { memory: '1Gi' }, limits: { cpu: '2' } },
  };
  assert.partialDeepStrictEqual(specOf({ pod }), {
    tolerations,
    priorityClassName: 'high',
    imagePullSecrets: [{ name: 'corp' }],
    containers: [{ resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '2' } } }],
  });
  assert.deepEqual(specOf({ pod, node: 'n1' }).tolerations, [{ operator: 'Exists' }]);
});

test('autoscalers and service meshes leave the pod alone', () => {
  const { labels, annotations } = loaderPod(settings, configMap).metadata;
  assert.equal(labels?.['sidecar.istio.io/inject'], 'false');
  assert.partialDeepStrictEqual(annotations, {
    'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    'karpenter.sh/do-not-disrupt': 'true',
  });
});
