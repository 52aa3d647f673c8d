import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRANTS, rbacRecipe, VERBS } from '../../../src/manifests/recipes/rbac.ts';

test('the roles for one verb', () => {
  assert.equal(
    rbacRecipe(['recipe'], 'images'),
    `# Lets a user run: kubectl preload recipe
# To grant it to the user NAME:
#   kubectl create rolebinding kubectl-preload -n images --role=kubectl-preload --user=NAME
#   kubectl create clusterrolebinding kubectl-preload --clusterrole=kubectl-preload --user=NAME
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: kubectl-preload
  namespace: images
rules:
  - apiGroups: [""]
    resources: [configmaps]
    verbs: [get, list]
  - apiGroups: [""]
    resources: [pods]
    verbs: [list]
  - apiGroups: ["snapshot.storage.k8s.io"]
    resources: [volumesnapshots]
    verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kubectl-preload
rules:
  # optional; without it, the recipe leaves the region to you:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [get, list]
  - apiGroups: ["storage.k8s.io"]
    resources: [storageclasses]
    verbs: [list]
  - apiGroups: ["snapshot.storage.k8s.io"]
    resources: [volumesnapshotcontents]
    verbs: [get]`,
  );
});

test('a verb that only needs rights in the cluster gets no empty role', () => {
  assert.doesNotMatch(rbacRecipe(['export'], 'images'), /kind: Role\n/);
  assert.ok(VERBS.includes('export'));
});

test('flags that delete or change what belongs to others are allowed only if they are chosen', () => {
  const snapshotsOf = (...grants: string[]) =>
    /resources: \[volumesnapshots\]\n {4}verbs: \[(.*)\]/.exec(rbacRecipe(grants, 'images'))?.[1];
  assert.equal(snapshotsOf('create'), 'create, get, list, watch');
  assert.equal(snapshotsOf('create', 'create --keep-last'), 'create, delete, get, list, watch');
  const contents = /resources: \[volumesnapshotcontents\]\n {4}verbs: \[get, patch\]/;
  assert.doesNotMatch(rbacRecipe(VERBS, 'images').replace(/list, /g, ''), contents);
  assert.match(rbacRecipe(['create --retain'], 'images'), contents);
  assert.ok(GRANTS.includes('create --base'));
});

test('rights that let a user read or run everything are comments', () => {
  const rights = /^ {2}# - apiGroups: \[""\]\n {2}# {3}resources: \[(.*)\]$/gm;
  assert.deepEqual(
    [...rbacRecipe(VERBS, 'images').matchAll(rights)].map(([, resource]) => resource),
    ['nodes/proxy', 'secrets'],
  );
});
