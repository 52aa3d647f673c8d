import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rbacRecipe, VERBS } from '../../../src/manifests/recipes/rbac.ts';

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
  - apiGroups: ["snapshot.storage.k8s.io"]
    resources: [volumesnapshotcontents]
    verbs: [get]`,
  );
});

test('a verb that only needs rights in the cluster gets no empty role', () => {
  assert.doesNotMatch(rbacRecipe(['export'], 'images'), /kind: Role\n/);
  assert.ok(VERBS.includes('export'));
});
