import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addImages, MAX_PROBLEMS, noFileImages } from '../../../src/commands/image-files.ts';

/** What is found in `text` as the file app.yaml. */
const read = (text: string, exclude: string[] = []) => {
  const found = noFileImages();
  const count = addImages(text, 'app.yaml', exclude, found);
  return { count, names: [...found.images.keys()], problems: found.problems, windows: [...found.windows] };
};

const pod = (...images: string[]): string =>
  ['kind: Pod', 'spec:', '  containers:', ...images.map((image) => `  - image: ${image}`), ''].join('\n');
const [nginx, redis] = ['docker.io/library/nginx:1.27', 'docker.io/library/redis:7'];

describe('a list of images', () => {
  test('has one per line, with blank lines and comments', () => {
    const { names, problems } = read(
      `# base\n\nnginx:1.27\r\n  redis:7  # cache\nregistry:5000/app@sha256:${'0'.repeat(64)}`,
    );
    assert.deepEqual(names, [nginx, redis, `registry:5000/app@sha256:${'0'.repeat(64)}`]);
    assert.deepEqual(problems, []);
  });

  test('names the line of what is not an image', () => {
    assert.deepEqual(read('nginx:1.27\nNGINX\n\nnginx 1.27\n').problems, [
      'app.yaml: line 2: "NGINX" is not an image reference',
      'app.yaml: line 4: "nginx 1.27" is not an image reference',
    ]);
  });

  test('may be a template, which is reported', () => {
    assert.deepEqual(read('$' + '{IMAGE}\n{{ .Values.image }}\n').problems, [
      'app.yaml: line 1: "$' + '{IMAGE}" is not an image reference; its placeholder was not replaced',
      'app.yaml: line 2: "{{ .Values.image }}" is not an image reference; its placeholder was not replaced',
    ]);
  });

  test('may be empty', () => {
    for (const text of ['', '\n', '# nothing\n'])
      assert.deepEqual(read(text), { count: 0, names: [], problems: [], windows: [] });
  });
});

describe('manifests', () => {
  test('can be YAML with several documents, as Helm and kustomize write them', () => {
    const helm = `---\n# Source: app/templates/a.yaml\n${pod('nginx:1.27')}---\n# Source: app/templates/empty.yaml\n---\n${pod('redis:7')}`;
    assert.deepEqual(read(helm).names, [nginx, redis]);
    assert.deepEqual(read(`${pod('nginx:1.27')}\r\n---\r\n${pod('redis:7', 'nginx:1.27')}`).names, [nginx, redis]);
  });

  test('can be JSON, also in one line', () => {
    const list = { kind: 'List', items: [{ spec: { containers: [{ image: 'nginx:1.27' }] } }] };
    assert.deepEqual(read(JSON.stringify(list)).names, [nginx]);
    assert.deepEqual(read(`\n${JSON.stringify(list, null, 2)}\n`).names, [nginx]);
  });

  test('can be YAML that starts with a bracket, or is only one line', () => {
    assert.deepEqual(read('{spec: {containers: [{image: nginx:1.27}]}}').names, [nginx]);
    assert.deepEqual(read('{spec: {containers: [{image: "nginx:1.27"}]}}\n---\nkind: x\n').names, [nginx]);
    assert.deepEqual(read('containers: [{image: "nginx:1.27"}]').names, [nginx]);
  });

  test('may have aliases', () => {
    assert.deepEqual(read('a: &a\n- image: nginx:1.27\nspec:\n  containers: *a\n').names, [nginx]);
  });

  test('name document and path of what is not an image', () => {
    const text = `kind: Service\n---\n${pod('nginx:1.27', 'NGINX')}---\n# nothing\n---\n${pod('"{{ .Values.image }}"', '[a]')}`;
    assert.deepEqual(read(text).problems, [
      'app.yaml: document 2, spec.containers[1].image: "NGINX" is not an image reference',
      'app.yaml: document 3, spec.containers[0].image: "{{ .Values.image }}" is not an image reference; its placeholder was not replaced',
      'app.yaml: document 3, spec.containers[1].image: ["a"] is not an image reference',
    ]);
    assert.deepEqual(read(pod(`r.io/a@sha512:${'0'.repeat(128)}`)).problems.length, 1);
    assert.match(
      read(pod(`r.io/a@sha512:${'0'.repeat(128)}`)).problems[0] ?? '',
      /: sha512 digests are not supported$/,
    );
  });

  test('name the line of a template that was not rendered', () => {
    const text = `kind: Service\n---\n${pod('nginx:1.27', '{{ .Values.image }}')}`;
    assert.deepEqual(read(text).problems, [
      'app.yaml: document 2, line 7 has a template that was not rendered: "{{ .Values.image }}"',
    ]);
  });

  test('name the line of what is not YAML, without quoting it, and do not spoil other documents', () => {
    const { names, problems } = read(
      `${pod('nginx:1.27')}---\nkind: Secret\n password: [hunter2\n---\n${pod('redis:7')}`,
    );
    assert.deepEqual(names, [nginx, redis]);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^app\.yaml: document 2, line \d+ is not valid YAML: /);
    assert.doesNotMatch(problems[0] ?? '', /hunter2/);
  });

  test('do not bring images for Windows', () => {
    const { names, windows } = read(`${pod('r.io/iis:1')}  os: {name: windows}\n`);
    assert.deepEqual([names, windows], [[], ['r.io/iis:1']]);
  });
});

describe('images with an excluded prefix', () => {
  test('are left out, also if they are not valid', () => {
    assert.deepEqual(read('nginx:1.27\nredis:7\nNGINX\n', ['nginx', 'NG']), {
      count: 3,
      names: [redis],
      problems: [],
      windows: [],
    });
  });
});

describe('hostile files', () => {
  test('are refused if their aliases grow without end', () => {
    const names = 'abcdefghij';
    const levels = [...names].map((name, index) => {
      const before = names[index - 1];
      return `${name}: &${name} [${Array.from({ length: 10 }, () => (before ? `*${before}` : 'x')).join(', ')}]`;
    });
    assert.deepEqual(read(levels.join('\n')).problems, ['app.yaml: document 1 has more than 10000000 values']);
  });

  test('are refused if one document is huge, or has too many aliases or levels', () => {
    assert.match(
      read(`kind: "${'x'.repeat(8 * 1024 ** 2)}"`).problems[0] ?? '',
      /document 1 has more than 8Mi; split it/,
    );
    const aliases = `a: &a 1\nb: [${'*a, '.repeat(1001)}]`;
    assert.match(read(aliases).problems[0] ?? '', /is not valid YAML: aliases exceeded/);
    assert.match(read(`a: ${'['.repeat(10_000)}`).problems[0] ?? '', /is not valid YAML: nesting exceeded/);
    assert.match(
      read('['.repeat(200) + ']'.repeat(200)).problems[0] ?? '',
      /document 1 is nested more than 100 levels deep/,
    );
  });

  test('do not flood the terminal', () => {
    assert.equal(read('no image\n'.repeat(100_000)).problems.length, MAX_PROBLEMS);
    const [problem = ''] = read(`\u001b[31mred ${'x'.repeat(10_000)}\n`).problems;
    assert.ok(problem.length < 200 && !problem.includes('\u001b'), problem);
  });

  test('take time in proportion to their size', () => {
    const started = performance.now();
    for (const text of ['\n', ' ', '#', '-', '---\n', '- \n', ' \n', '\t-', 'a:']) read(text.repeat(300_000));
    assert.ok(performance.now() - started < 10_000);
  });
});
