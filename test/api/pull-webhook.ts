import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { certificate, createAuthority, issue, privateKey } from '../cluster/machine/pki.ts';
import { stopServer } from '../harness/stop-server.ts';

/** A webhook that sets the pull policy Always on every pod, as AlwaysPullImages does. */
export const startPullWebhook = async (): Promise<{ configuration: object; stop: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'preload-webhook-'));
  await createAuthority(folder);
  await issue(folder, { name: 'webhook', addresses: ['IP:127.0.0.1'] });
  const tls = {
    cert: await readFile(certificate(folder, 'webhook')),
    key: await readFile(privateKey(folder, 'webhook')),
  };
  const patch = [{ op: 'replace', path: '/spec/containers/0/imagePullPolicy', value: 'Always' }];
  const server = createServer(tls, async (question, answer) => {
    const { request } = (await json(question)) as { request: { uid: string } };
    const response = { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch: btoa(JSON.stringify(patch)) };
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const configuration = {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' },
    metadata: { name: 'always' },
    webhooks: [
      {
        ...{ name: 'always.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None' },
        clientConfig: {
          url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
          caBundle: await readFile(certificate(folder, 'ca'), 'base64'),
        },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
  const stop = async () => {
    await stopServer(server);
    await rm(folder, { recursive: true });
  };
  return { configuration, stop };
};
