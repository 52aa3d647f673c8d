import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { RIGHTS, type Right, rulesFor } from '../../../src/model/rights.ts';
import { helpTexts } from '../../../src/program.ts';

const verbOf = (use: string): string => use.split(' ')[0] ?? '';

/** `configmaps: create, get*`; a star if the verb goes on without it. */
const cell = (rights: readonly Right[], scope: Right['scope']): string =>
  rulesFor(rights, scope)
    .map(({ resources: [resource], verbs }) => {
      const isOptional = (verb: string) =>
        rights
          .filter((right) => right.scope === scope && right.resource === resource && right.verbs.includes(verb))
          .every(({ without }) => without);
      return `${resource}: ${verbs.map((verb) => (isOptional(verb) ? `${verb}*` : verb)).join(', ')}`;
    })
    .join('; ') || '–';

/** A row of the table in the README; a use of a verb has only what its first one has not. */
const rows = Object.entries(RIGHTS).map(([use, rights]) => {
  const [base = '', ofBase = []] = Object.entries(RIGHTS).find(([other]) => verbOf(other) === verbOf(use)) ?? [];
  const known = new Set(ofBase.map((right) => JSON.stringify(right)));
  const own = use === base ? rights : rights.filter((right) => !known.has(JSON.stringify(right)));
  return `| ${use === base ? '' : 'also for '}\`${use}\` | ${cell(own, 'namespace')} | ${cell(own, 'cluster')} |`;
});

test('the README has the rights of every verb', () => {
  const readme = readFileSync('README.md', 'utf8').split('\n');
  const first = readme.findIndex((line) => line.startsWith('| verb | in the namespace |'));
  assert.deepEqual(readme.slice(first + 2, readme.indexOf('', first)), rows);
});

test('every verb that asks the API server has rights', () => {
  const connecting = Object.entries(helpTexts()).flatMap(([verb, text]) => (/--kubeconfig=/.test(text) ? [verb] : []));
  const known = new Set(Object.keys(RIGHTS).map(verbOf));
  assert.deepEqual(
    connecting.filter((verb) => verb !== 's' && !known.has(verb)),
    [],
  );
  assert.deepEqual(
    [...known].filter((verb) => !(verb in helpTexts())),
    [],
  );
});

describe('the rules', () => {
  const right = (resource: string, verbs: string[], scope: Right['scope'] = 'namespace'): Right => ({
    ...{ group: '', resource, verbs, scope },
  });

  test('name each resource once, with every verb once', () => {
    const rights = [right('pods', ['list', 'get']), right('configmaps', ['get']), right('pods', ['get', 'create'])];
    assert.deepEqual(rulesFor(rights, 'namespace'), [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['create', 'get', 'list'] },
    ]);
  });

  test('of a namespace and of the cluster are apart', () => {
    const rights = [right('pods', ['get']), right('pods', ['list'], 'cluster')];
    assert.deepEqual(rulesFor(rights, 'cluster'), [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }]);
  });
});

if (process.env.UPDATE_GOLDEN) console.log(rows.join('\n'));
