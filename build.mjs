// One bundle for both halves: the operator's workstation and the pod run the same file.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const outfile = 'dist/kubectl-preload';
const MAX_GZIPPED = 600 * 1024; // the bundle travels to the pod in a ConfigMap, whose limit is 1 MiB in all

await build({
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  // yargs calls createRequire(import.meta.url), which a CommonJS bundle leaves undefined
  define: { 'import.meta.url': '__importMetaUrl' },
  banner: { js: '#!/usr/bin/env node\nconst __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
});
await chmod(outfile, 0o755);

const gzipped = gzipSync(await readFile(outfile), { level: 9 }).length;
if (gzipped > MAX_GZIPPED) {
  throw new Error(`${outfile} is ${gzipped} bytes gzipped, more than the ${MAX_GZIPPED} that fit a ConfigMap`);
}
await writeFile('dist/package.json', '{"type":"commonjs"}\n');
