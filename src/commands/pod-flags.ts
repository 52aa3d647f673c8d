import type { Argv } from 'yargs';
import { invalidArgument, text } from '../cli/flags.ts';
import { GROUPS } from '../cli/help.ts';
import type { PodSettings, Resources, Toleration } from '../model/saved-run.ts';

export const NODE_IMAGE = 'docker.io/library/node:26-slim';

/** Flags of the commands that run a pod. */
export const podFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('image', {
      ...text('Image of the pod; any with Node.js 22 or newer and GNU tar'),
      default: NODE_IMAGE,
    })
    .option('image-pull-secret', {
      ...text('Secret with a login for this image, and for the images given to create; can be repeated'),
      array: true,
      default: [],
    })
    .option('toleration', {
      ...text('Taint that the pod tolerates, such as dedicated=ci:NoSchedule; can be repeated'),
      array: true,
      default: [],
      coerce: (texts: string[]) => texts.map(toleration),
    })
    .option('priority-class', text('PriorityClass of the pod'))
    .option('requests', {
      ...text('Resources that the pod requests, such as cpu=100m,memory=256Mi'),
      coerce: resources('requests'),
    })
    .option('limits', {
      ...text('Limits of the pod, if the namespace requires them, such as cpu=1,memory=1Gi'),
      coerce: resources('limits'),
    })
    .group(['image', 'image-pull-secret', 'toleration', 'priority-class', 'requests', 'limits'], GROUPS.pod);

type PodFlags = Awaited<ReturnType<typeof podFlags>['argv']>;

export const podSettings = ({ image, imagePullSecret, toleration, priorityClass, ...rest }: PodFlags): PodSettings => ({
  image,
  imagePullSecrets: imagePullSecret,
  tolerations: toleration,
  ...(priorityClass && { priorityClass }),
  requests: rest.requests ?? {},
  limits: rest.limits ?? {},
});

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** A taint as `kubectl taint` takes it; without an effect, all effects are tolerated. */
const toleration = (taint: string): Toleration => {
  const [, key, value, effect] = /^([^=:\s]+)(?:=([^=:\s]*))?(?::(\w+))?$/.exec(taint) ?? [];
  if (!key || (effect && !EFFECTS.includes(effect)))
    throw invalidArgument('toleration', taint, 'must be a taint such as dedicated=ci:NoSchedule');
  return {
    key,
    ...(value === undefined ? { operator: 'Exists' } : { operator: 'Equal', value }),
    ...(effect && { effect }),
  };
};

const resources =
  (flag: string) =>
  (list: string | undefined): Resources | undefined =>
    list === undefined
      ? undefined
      : Object.fromEntries(
          list.split(',').map((item) => {
            const [, name, quantity] = /^([a-z][-a-z0-9./]*)=(\d[\w.]*)$/.exec(item) ?? [];
            if (!name || !quantity) throw invalidArgument(flag, list, 'must be a list such as cpu=1,memory=1Gi');
            return [name, quantity];
          }),
        );
