import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { podSpecPlaces, valuesAt } from '../../../src/model/pod-template.ts';

const object = (properties: object, more = {}) => ({ type: 'object', properties, ...more });
const array = (items: object) => ({ type: 'array', items });
const opaque = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const text = { type: 'string' };
const podSpec = object({ containers: array(object({ name: text, image: text })), volumes: array(object({})) });
const paths = (schema: object): string[] =>
  podSpecPlaces(schema).map(({ path, isCertain }) => `${path.join('.')}${isCertain ? '' : '?'}`);

describe('pod specs in the schema of a custom kind', () => {
  test('are found below templates, in lists and in maps', () => {
    assert.deepEqual(paths(object({ spec: object({ template: object({ spec: podSpec }) }) })), ['spec.template.spec']);
    const tasks = array(object({ template: object({ spec: podSpec }) }));
    const replicas = { type: 'object', additionalProperties: object({ template: object({ spec: podSpec }) }) };
    assert.deepEqual(paths(object({ spec: object({ tasks, replicas }) })), [
      'spec.tasks.*.template.spec',
      'spec.replicas.*.template.spec',
    ]);
  });

  test('are found where the spec itself is one', () => {
    assert.deepEqual(paths(object({ spec: podSpec })), ['spec']);
  });

  test('are not looked for in the status, nor in lists of other things', () => {
    const others = object({ containers: array(object({ name: text, cpu: text })) });
    assert.deepEqual(paths(object({ spec: others, status: podSpec, metadata: podSpec })), []);
  });

  test('may be where the schema stops describing a template', () => {
    const expected = ['spec.template.spec?'];
    assert.deepEqual(paths(opaque), expected);
    assert.deepEqual(paths(object({ spec: opaque })), expected);
    assert.deepEqual(paths(object({ spec: object({ template: opaque }) })), expected);
    assert.deepEqual(paths(object({ spec: object({ template: object({ spec: opaque }) }) })), expected);
    assert.deepEqual(paths(object({ spec: object({ podTemplate: opaque }) })), ['spec.podTemplate.spec?']);
    const containers = object({ containers: array(opaque) });
    assert.deepEqual(paths(object({ spec: object({ template: object({ spec: containers }) }) })), expected);
  });

  test('are not guessed anywhere else', () => {
    assert.deepEqual(paths(object({ spec: object({ values: opaque, config: object({ spec: opaque }) }) })), []);
  });

  test('do not keep the tool busy, however deep or wide a schema is', () => {
    let deep: object = podSpec;
    for (let level = 0; level < 100_000; level += 1) deep = object({ a: deep });
    assert.deepEqual(paths(deep), []);
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`f${index}`, podSpec]));
    assert.equal(paths(object({ spec: object(wide) })).length, 100);
  });

  test('are not found in what is no schema', () => {
    for (const schema of [undefined, null, 'text', [], { properties: 'x', items: 3, additionalProperties: true }]) {
      assert.deepEqual(podSpecPlaces(schema), []);
    }
  });
});

describe('values at a place', () => {
  const value = { spec: { tasks: [{ a: 1 }, { b: 2 }, { a: 3 }], map: { x: { a: 4 }, y: { a: 5 } } } };

  test('are all those that the path leads to', () => {
    assert.deepEqual(valuesAt(value, ['spec', 'tasks', '*', 'a']), [1, 3]);
    assert.deepEqual(valuesAt(value, ['spec', 'map', '*', 'a']), [4, 5]);
  });

  test('are none if an object differs from its schema', () => {
    for (const path of [['spec', 'none'], ['spec', 'tasks', 'a'], ['spec', 'tasks', '*', '*', '*'], ['toString']]) {
      assert.deepEqual(valuesAt(value, path), []);
    }
  });
});
