import { readFileSync } from 'node:fs';
import { createRegistryClient } from '../../../src/registry/client.ts';

// Downloads a blob and prints what that took; a program of its own, so that nothing else is measured.
const [address = '', path = '', digest = '', size = '', file = ''] = process.argv.slice(2);
const client = await createRegistryClient({ root: '/nonexistent', pullSecrets: [], report: console.error });
const { signal } = new AbortController();
const started = performance.now();
const image = { source: { domain: address, path, tag: '1' }, namespaces: [] };
const blob = { digest, size: Number(size) };
await client.fetchBlob(image, blob, { file, onBytes: () => {} }, signal);
await client.close();
const seconds = (performance.now() - started) / 1000;
// not resourceUsage(), whose maximum is that of the parent where this was larger
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
console.log(JSON.stringify({ peakMiB: Math.round(peak / 1024), seconds }));
