import { createHash } from 'node:crypto';
import { INPUTS_ANNOTATION } from '../model/names.ts';
import type { KubernetesObject } from './object.ts';

/** Where the pod mounts the config map, and where it puts what it runs. */
export const TOOL_FOLDER = '/preload';
export const RUN_FOLDER = '/tmp';
export const BUNDLE_KEY = 'preload.cjs.gz';

/**
 * Command of a pod that runs the bundle in `configMap`. It unpacks with node itself, so the image needs nothing else. It
 * runs only what was sent: whoever may replace the config map may not change the pod, which has the checksums. Other files
 * are copied to RUN_FOLDER.
 */
export const runBundle = (configMap: ConfigMap): string[] => ['node', '-e', SCRIPT.replace('SUMS', sumsOf(configMap))];

/** Annotation by which other objects of a run vouch for what is in its config map. */
export const vouchFor = (configMap: ConfigMap): Record<string, string> => ({
  [INPUTS_ANNOTATION]: sha256(Buffer.from(sumsOf(configMap))),
});

/** Checksums by file name, as JSON. */
const sumsOf = ({ binaryData }: ConfigMap): string => {
  const sums = Object.entries(binaryData).map(([key, base64]) => [key, sha256(Buffer.from(base64, 'base64'))] as const);
  return JSON.stringify(Object.fromEntries(sums.toSorted(([a], [b]) => (a < b ? -1 : 1))));
};

/** A config map with files in base64. */
export type ConfigMap = KubernetesObject & { binaryData: Record<string, string> };

/** A config map with nothing but the gzipped bundle. */
export const bundleConfigMap = (metadata: KubernetesObject['metadata'], bundle: Buffer): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata,
  binaryData: { [BUNDLE_KEY]: bundle.toString('base64') },
});

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

const SCRIPT = `const {createHash} = require('node:crypto'), {gunzipSync} = require('node:zlib');
const {readFileSync, writeFileSync} = require('node:fs');
for (const [file, sum] of Object.entries(SUMS)) {
  const data = readFileSync('${TOOL_FOLDER}/' + file);
  if (createHash('sha256').update(data).digest('hex') !== sum) {
    process.stderr.write(file + ' in the config map is not what was sent\\n');
    process.exit(1);
  }
  writeFileSync('${RUN_FOLDER}/' + file, data);
}
writeFileSync('${RUN_FOLDER}/preload.cjs', gunzipSync(readFileSync('${RUN_FOLDER}/${BUNDLE_KEY}')));
process.argv.splice(1, 0, '${RUN_FOLDER}/preload.cjs');
require('${RUN_FOLDER}/preload.cjs');`;
