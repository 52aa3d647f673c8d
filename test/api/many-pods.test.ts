import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from '../../src/cluster/connection.ts';
import { sendForJson } from '../../src/cluster/rest.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { namespace, node, startTestServer } from './api-server.ts';

const [PODS, IMAGES, NODES, AT_ONCE] = [10_000, 2000, 40, 16];
const MOST_SECONDS = 5; // of the program's own processor time: how busy the machine is says nothing about it
const MOST_MEMORY = 250 * 1000 ** 2;

const server = await startTestServer();
after(server.stop);

const imageOf = (index: number): string => `r.io/team-${index % 50}/app-${index % IMAGES}:1`;
// as large as usual pods
const env = Array.from({ length: 20 }, (_, index) => ({
  name: `SETTING_${index}`,
  value: `the value of setting ${index}`,
}));
const pod = (index: number) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${index}`, labels: { app: `app-${index % IMAGES}` } } },
  spec: {
    containers: [
      { name: 'main', image: imageOf(index), env },
      { name: 'proxy', image: 'r.io/proxy:1', env },
    ],
  },
});

before(async () => {
  const nodes = Array.from({ length: NODES }, (_, index) => {
    const images = Array.from({ length: 50 }, (_, image) => [imageOf(index * 50 + image), 1024 ** 2]);
    return node(`node-${index}`, Object.fromEntries(images));
  });
  await server.apply(...namespace('crowd'), ...nodes);
  const cluster = await connect({ kubeconfig: server.kubeconfig, requestTimeout: 60_000 }, {}, console.error);
  const indices = Array.from({ length: PODS }, (_, index) => index).values();
  const create = async () => {
    for (const index of indices) {
      await sendForJson(cluster, '/api/v1/namespaces/crowd/pods', { method: 'POST', body: pod(index) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, create));
});

/** Runs the program, and returns its peak memory in bytes and its processor time in seconds as well. */
const measured = async (...argv: string[]) => {
  const hook = resolve(import.meta.dirname, '../harness/report-usage.cjs');
  const { outcome } = startBundle(argv, { KUBECONFIG: server.kubeconfig, NODE_OPTIONS: `--require=${hook}` });
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  const [, memory, cpu] = /^usage: (\d+) ([\d.]+)$/m.exec(stderr) ?? [];
  return { stdout, stderr, memory: Number(memory), cpu: Number(cpu) };
};

for (const argv of [
  ['images'],
  ['images', '-o', 'wide'],
  ['images', '-o', 'json'],
  ['create', 'all', '--dry-run=client'],
]) {
  test(`${argv.join(' ')} finds ${IMAGES} images in ${PODS} pods`, async (t) => {
    const started = performance.now();
    const { stderr, memory, cpu } = await measured(...argv);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    t.diagnostic(`${seconds} s, ${cpu.toFixed(1)} s of processor time, ${Math.round(memory / 1000 ** 2)} MB`);
    assert.match(stderr, new RegExp(`^ ✓ ${IMAGES + 1} images in use in 1 namespace$`, 'm'));
    assert.ok(memory > 0 && memory <= MOST_MEMORY, `${memory} bytes`);
    assert.ok(cpu > 0 && cpu <= MOST_SECONDS, `${cpu} s`);
  });
}
