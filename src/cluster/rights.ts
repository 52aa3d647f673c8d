import * as v from 'valibot';
import { FLAG, object } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { parseAnswer } from './objects.ts';
import { sendForJson } from './rest.ts';

/** What a user may be allowed to do. */
export interface Access {
  verb: string;
  /** empty for core resources */
  group: string;
  /** `pods`, `pods/log` */
  resource: string;
  /** all namespaces if undefined */
  namespace?: string;
}

const REVIEW = object({ status: object({ allowed: v.optional(FLAG, false) }) });

/** Whether this user is allowed to do that. */
export const isAllowed = async (cluster: Cluster, access: Access, signal: AbortSignal): Promise<boolean> => {
  const { verb, group, namespace = '' } = access;
  const [resource, subresource = ''] = access.resource.split('/');
  const answer = await sendForJson(cluster, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    ...{ method: 'POST', isRepeatable: true, signal },
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
  });
  return parseAnswer(REVIEW, answer, 'the access review').status.allowed;
};
