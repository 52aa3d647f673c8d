import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountedPullSecrets } from '../../../src/capture/pull-secrets.ts';
import { loaderSecrets } from '../../../src/manifests/loader.ts';

test('the loader reads the pull secrets that were sent, each with its namespace', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'preload-pull-secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  const auths = { 'r.io': { username: 'robot', password: 'x' } };
  const shared = ['a', 'b'].map((namespace) => ({ namespace, name: 'regcred' }));
  const sent = loaderSecrets({ name: 'web', namespace: 'images', version: '1' }, [
    { secrets: shared, auths },
    { secrets: [{ namespace: 'c', name: 'login.v1' }], auths: {} },
  ]);
  for (const { data } of sent) {
    for (const [key, value] of Object.entries(data as Record<string, string>)) {
      await writeFile(join(folder, key), Buffer.from(value, 'base64'));
    }
  }
  await mkdir(join(folder, '..2026_11_26')); // as the kubelet mounts them
  assert.deepEqual(await mountedPullSecrets(folder), [
    ...shared.map((secret) => ({ ...secret, config: JSON.stringify({ auths }) })),
    { namespace: 'c', name: 'login.v1', config: '{"auths":{}}' },
  ]);
});
