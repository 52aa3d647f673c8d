import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

interface Source {
  path: string;
  /** its text without comments and template literals */
  code: string;
  /** what it imports: packages by name, files by path from the repository's root */
  imports: string[];
}

const sources: Source[] = globSync('src/**/*.ts').map((path) => {
  const text = readFileSync(path, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier = '']) => specifier);
  const code = text.replace(/\/\/.*|\/\*[\s\S]*?\*\/|`[^`]*`/g, '');
  return { path, code, imports: specifiers.map((name) => (name.startsWith('.') ? join(dirname(path), name) : name)) };
});

const importers = (wanted: (name: string) => boolean): string[] =>
  sources.filter(({ imports }) => imports.some(wanted)).map(({ path }) => path);

const outside = (paths: string[], ...allowed: string[]): string[] =>
  paths.filter((path) => !allowed.some((prefix) => path.startsWith(prefix)));

test('there is something to look at', () => assert.ok(sources.length > 50));

describe('model and manifests are pure', () => {
  const pure = sources.filter(({ path }) => /^src\/(model|manifests)\//.test(path));
  for (const { path, code, imports } of pure) {
    test(path, () => {
      const foreign = imports.filter((name) => !/^src\/(model|manifests)\//.test(name) && name !== 'node:crypto');
      assert.deepEqual(foreign, []);
      assert.doesNotMatch(code, /\b(process|console|fetch|Date\.now|setTimeout|Math\.random)\b|new Date\(\)/);
    });
  }

  test('the model knows nothing of the manifests', () => {
    assert.deepEqual(
      importers((name) => name.startsWith('src/manifests/')).filter((path) => path.startsWith('src/model/')),
      [],
    );
  });
});

describe('effects have one place each', () => {
  test('child processes', () => {
    assert.deepEqual(
      importers((name) => name === 'node:child_process'),
      ['src/node/command.ts'],
    );
  });

  test('the Kubernetes client', () => {
    assert.deepEqual(
      outside(
        importers((name) => name === '@kubernetes/client-node'),
        'src/cluster/',
      ),
      [],
    );
  });

  test('the process itself', () => {
    const users = sources.filter(({ code }) => /\bprocess\b(?!-)/.test(code)).map(({ path }) => path);
    assert.deepEqual(outside(users, 'src/main.ts', 'src/program.ts', 'src/cli/'), []);
  });

  test('yargs', () =>
    assert.deepEqual(
      outside(
        importers((name) => name === 'yargs'),
        'src/program.ts',
        'src/cli/',
        'src/commands/',
      ),
      [],
    ));
  test('spinners and colours', () => {
    assert.deepEqual(
      outside(
        importers((name) => ['ora', 'chalk'].includes(name)),
        'src/cli/',
      ),
      [],
    );
  });
});

describe('folders depend in one direction', () => {
  const folders: Record<string, string[]> = {
    cluster: ['manifests', 'model'],
    capture: ['registry', 'volume', 'node', 'model'],
    registry: ['node', 'model'],
    volume: ['node', 'model'],
  };
  for (const [folder, allowed] of Object.entries(folders)) {
    test(folder, () => {
      const own = sources.filter(({ path }) => path.startsWith(`src/${folder}/`));
      const used = own.flatMap(({ imports }) => imports).filter((name) => name.startsWith('src/'));
      assert.deepEqual(outside(used, ...[folder, ...allowed].map((name) => `src/${name}/`)), []);
    });
  }
});
