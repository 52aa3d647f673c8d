import { after, describe, test } from 'node:test';
import { namespace, node, STORAGE, snapshotClass, startTestServer, storageClass } from './api-server.ts';

const server = await startTestServer();
after(server.stop);

const IMAGE = 'registry.example.com/app:1';
const create = (...flags: string[]): string[] => ['create', 'web', IMAGE, ...flags];

describe('create creates nothing if the cluster has no storage for it', () => {
  test('no storage class', async () => {
    await server.refuses(create(), /^error: the cluster has no default storage class$/m, /^hint: create one first$/m);
  });

  test('no default storage class', async () => {
    await server.apply(storageClass('slow'), storageClass('fast'));
    await server.refuses(
      create(),
      /^error: the cluster has no default storage class$/m,
      /^hint: choose one with --storage-class: fast, slow$/m,
    );
  });

  test('an unknown storage class', async () => {
    await server.refuses(
      create('--storage-class', 'gold'),
      /^error: storage class "gold" not found$/m,
      /^hint: choose one with --storage-class: fast, slow$/m,
    );
  });

  test('no snapshot class', async () => {
    await server.refuses(
      create('--storage-class', 'fast'),
      /^error: no volume snapshot class for disk\.example\.com, which storage class "fast" uses$/m,
      /^hint: create a VolumeSnapshotClass for it, or use another --storage-class$/m,
    );
  });

  test('a default snapshot class, but only for another driver', async () => {
    await server.apply(snapshotClass('foreign', { isDefault: true, driver: 'other.example.com' }));
    await server.refuses(
      create('--storage-class', 'fast'),
      /^error: no volume snapshot class for disk\.example\.com/m,
      /^hint: create a VolumeSnapshotClass for it/m,
    );
  });

  test('no default snapshot class', async () => {
    await server.apply(snapshotClass('own'));
    await server.refuses(
      create('--storage-class', 'fast'),
      /^error: no default volume snapshot class for disk\.example\.com/m,
      /^hint: choose one with --snapshot-class: own$/m,
    );
  });

  test('an unknown snapshot class', async () => {
    await server.refuses(
      create('--storage-class', 'fast', '--snapshot-class', 'gold'),
      /^error: volume snapshot class "gold" not found$/m,
      /^hint: choose one with --snapshot-class: foreign, own$/m,
    );
  });

  test('classes for different drivers', async () => {
    await server.refuses(
      create('--storage-class', 'fast', '--snapshot-class', 'foreign'),
      /^error: volume snapshot class "foreign" is for driver other\.example\.com, but storage class "fast" uses disk\.example\.com$/m,
      /^hint: choose two classes of the same driver with/m,
    );
  });
});

describe('create creates nothing if the server would refuse its objects', () => {
  test('an unknown namespace', async () => {
    await server.apply(...STORAGE);
    await server.refuses(
      create('-n', 'nowhere'),
      /^error: namespace "nowhere" not found$/m,
      /^hint: choose an existing one with -n$/m,
    );
  });

  for (const level of ['restricted', 'baseline']) {
    test(`a namespace with pod security level ${level}`, async () => {
      await server.apply(...namespace(level, { 'pod-security.kubernetes.io/enforce': level }));
      await server.refuses(
        create('-n', level),
        new RegExp(`^error: namespace "${level}" does not allow privileged pods \\(PodSecurity: ${level}\\)$`, 'm'),
        new RegExp(
          `^hint: choose another namespace with -n, or run: kubectl label ns ${level} pod-security\\S+=privileged`,
          'm',
        ),
      );
    });
  }

  test('an exhausted quota', async () => {
    const metadata = { name: 'none', namespace: 'full' };
    await server.apply(...namespace('full'), {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata,
      spec: { hard: { pods: '0' } },
    });
    await server.setStatus('resourcequota/none', 'full', { hard: { pods: '0' }, used: { pods: '0' } });
    const refusal =
      /^Error from server \(Forbidden\): .*exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0$/m;
    await server.refuses(create('-n', 'full'), refusal, /quota/);
  });

  describe('the resources of the pod', () => {
    const remedy =
      /^hint: set them with --requests and --limits, such as --limits cpu=1,memory=1Gi, or choose another/m;
    const inNamespace = (name: string, kind: string, spec: object): object[] => [
      ...namespace(name),
      { apiVersion: 'v1', kind, metadata: { name: 'rule', namespace: name }, spec },
    ];

    test('a quota on limits', async () => {
      const hard = { 'limits.memory': '2Gi', persistentvolumeclaims: '0' };
      await server.apply(...inNamespace('limited', 'ResourceQuota', { hard }));
      const used = { 'limits.memory': '0', persistentvolumeclaims: '0' };
      await server.setStatus('resourcequota/rule', 'limited', { hard, used });
      const argv = create('-n', 'limited');
      await server.refuses(argv, /^error: .*failed quota: rule: must specify limits\.memory for: loader$/m, remedy);
      await server.refuses([...argv, '--limits', 'memory=3Gi'], /^error: .*exceeded quota: rule/m, remedy);
      const next = /exceeded quota: rule, requested: persistentvolumeclaims=1/;
      await server.refuses([...argv, '--limits', 'memory=1Gi'], next, next);
    });

    const ranges: [what: string, range: object, reason: RegExp, ...flags: string[]][] = [
      ['a maximum', { max: { memory: '1Gi' } }, /maximum memory usage per Container is 1Gi/, '--limits', 'memory=2Gi'],
      ['a minimum', { min: { memory: '1Gi' } }, /minimum memory usage per Container is 1Gi, but request is 256Mi/],
      ['a ratio', { maxLimitRequestRatio: { cpu: '2' } }, /cpu max limit to request ratio per Container is 2/],
      ['a low default', { default: { memory: '64Mi' } }, /must be less than or equal to memory limit of 64Mi/],
    ];
    for (const [what, range, reason, ...flags] of ranges) {
      test(`a LimitRange with ${what}`, async () => {
        const name = what.replaceAll(' ', '-');
        await server.apply(...inNamespace(name, 'LimitRange', { limits: [{ type: 'Container', ...range }] }));
        await server.refuses(create('-n', name, ...flags), reason, remedy);
      });
    }
  });

  test('an unknown node', async () => {
    await server.refuses(create('--node', 'n1'), /^error: node "n1" not found$/m, /^hint: see: kubectl get nodes/m);
  });

  test('a node that does not run containerd on Linux, or has no tools', async () => {
    const hint = /^hint: specify a Linux node with containerd; see: kubectl get nodes -o wide$/m;
    await server.apply(
      node('crio', {}, 'amd64', { containerRuntimeVersion: 'cri-o://1.33.1' }),
      node('windows', {}, 'amd64', { operatingSystem: 'windows' }),
      node('talos', {}, 'amd64', { osImage: 'Talos (v1.11.5)' }),
      node('bottlerocket', {}, 'amd64', { osImage: 'Bottlerocket OS 1.50.0 (aws-k8s-1.34)' }),
    );
    const refusal = (what: string) =>
      new RegExp(`^error: node "\\w+" runs ${what}, so no images can be captured there$`, 'm');
    await server.refuses(create('--node', 'crio'), refusal('cri-o://1.33.1'), hint);
    await server.refuses(create('--node', 'windows'), refusal('windows'), hint);
    const missing = ', which has no shell and no ctr';
    await server.refuses(create('--node', 'talos'), refusal(`Talos \\(v1.11.5\\)${missing}`), hint);
    await server.refuses(create('--node', 'bottlerocket'), refusal(`Bottlerocket OS [^,]+${missing}`), hint);
  });

  test('an unknown Secret for the image', async () => {
    await server.refuses(
      create('--storage-class', 'slow', '--image-pull-secret', 'corp'),
      /^error: secret "corp" not found in namespace "default"$/m,
      /^hint: check --image-pull-secret; see: kubectl get secrets -n default$/m,
    );
  });

  test('no image in use', async () => {
    await server.refuses(
      ['create', 'web'],
      /^error: no images are in use in the cluster$/m,
      /^hint: specify the images/m,
    );
  });
});

describe('create creates nothing if its name is taken', () => {
  const metadata = { name: 'preload-web', namespace: 'default' };
  const underWay =
    /^error: configmap\/preload-web already exists: preload "web" is still being created, or an earlier run was interrupted$/m;
  const remains =
    /^hint: if no create is running, continue with: kubectl preload create web -n default --resume; or remove what is left with: kubectl delete pod,pvc,configmap,secret -n default -l /m;

  test('by a preload', async () => {
    await server.apply({
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: { name: 'web', namespace: 'default' },
      spec: { source: { persistentVolumeClaimName: 'x' } },
    });
    await server.refuses(
      create(),
      /^error: volume snapshot "web" already exists in namespace "default"$/m,
      /^hint: choose another name; see: kubectl preload status -n default$/m,
    );
    await server.kubectl(['delete', 'volumesnapshot', 'web']);
  });

  test('by a run that has just started', async () => {
    await server.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    await server.refuses(create(), underWay, remains);
    await server.kubectl(['delete', 'configmap', 'preload-web']);
  });

  test('by a claim that was kept', async () => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    await server.apply({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec });
    await server.refuses(
      create(),
      /^error: persistentvolumeclaim\/preload-web already exists: preload "web"/m,
      remains,
    );
    await server.kubectl(['delete', 'pvc', 'preload-web']);
  });

  test('by a pod', async () => {
    await server.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'x', image: 'x' }] },
    });
    await server.refuses(create(), /^error: pod\/preload-web already exists: preload "web"/m, remains);
    await server.kubectl(['delete', 'pod', 'preload-web']);
  });
});

test('create needs a platform if the cluster has no node for it yet', async () => {
  await server.kubectl(['delete', 'node', 'worker']);
  await server.refuses(
    create('--storage-class', 'fast'),
    /^error: the cluster has no Linux node with containerd on which images can be captured$/m,
    /^hint: to wait for one that joins later, specify its platform with --platform$/m,
  );
});
