import { formatTable } from '../../cli/output.ts';
import { printUser } from '../../cluster/images-in-use.ts';
import type { NeededImage } from '../../model/coverage.ts';
import { plain } from '../../model/parse.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { formatAge, formatBytes, plural } from '../../model/units.ts';

/** One preload for people; `now` in milliseconds. */
export const describePreload = (preload: PreloadSummary, now: number): string => {
  const { name, namespace, phase, reason, platform, skipped, exclude, nodes, set } = preload;
  const isReady = phase === 'Ready';
  const lines: [title: string, text: string | undefined][] = [
    ['Name', name],
    ['Namespace', namespace],
    ['Ready', isReady ? 'True' : 'False'],
    ['Phase', isReady ? undefined : phase],
    ['Reason', reason],
    ['Snapshot ID', snapshotOf(preload)],
    ['Platform', platform],
    ['Images', imagesOf(preload)],
    ['Excluded', exclude?.join(', ')],
    [
      'Skipped',
      skipped &&
        `${skipped
          .map((image) => image.name)
          .slice(0, MOST)
          .join(', ')}${more(skipped)}`,
    ],
    ['Created', createdOf(preload, now)],
    ['Nodes', nodes === undefined ? set && '<unknown>' : `${nodes} with its label`],
    ['Coverage', coverageOf(preload)],
  ];
  const shown = lines.flatMap(([title, text]) =>
    text === undefined
      ? []
      : [
          `${`${title}:`.padEnd(WIDTH)}${text
            .split('\n')
            .map(plain)
            .join(`\n${' '.repeat(WIDTH)}`)}`,
        ],
  );
  return [...shown, ...driftOf(preload)].join('\n');
};

const WIDTH = 15;
const MOST = 10; // of a list; -o json has all
const SHORT = 19; // characters of a digest: sha256: and 12 digits

const more = (all: readonly unknown[]): string => (all.length > MOST ? ` and ${all.length - MOST} more` : '');

const snapshotOf = ({ phase, snapshotId, driver, deletionPolicy }: PreloadSummary): string => {
  if (!snapshotId) return phase === 'Ready' ? '<unknown>' : '<none>';
  const details = [driver, deletionPolicy].filter(Boolean).join(', ');
  return `${snapshotId}${details ? `  (${details})` : ''}`;
};

const imagesOf = ({ phase, images, incomplete, size, layers }: PreloadSummary): string => {
  if (!images) return phase === 'Ready' ? '<unknown>' : '<none>';
  const details = [
    ...(size === undefined ? [] : [formatBytes(size)]),
    ...(layers === undefined ? [] : [plural(layers, 'layer')]),
  ];
  return `${images.length}${incomplete ? '+' : ''}${details.length > 0 ? ` (${details.join(', ')})` : ''}`;
};

const createdOf = ({ created, node, version }: PreloadSummary, now: number): string =>
  `${formatAge(now - Date.parse(created))} ago${node ? ` on ${node}` : ''}${version ? `, kubectl-preload ${version}` : ''}`;

const coverageOf = ({ coverage, images }: PreloadSummary): string => {
  if (coverage) return `${coverage.present} of ${plural(coverage.inUse, 'image')} in use`;
  return images ? '<unknown>' : '<none>';
};

const driftOf = ({ coverage }: PreloadSummary): string[] => {
  const { missing = [], outdated = [], unused = [] } = coverage ?? {};
  const rows = [
    ...missing.slice(0, MOST).map((image) => ['  missing', image.name, usersOf(image)]),
    ...andMore('  missing', missing),
    ...outdated
      .slice(0, MOST)
      .map((image) => [
        '  outdated',
        image.name,
        `${usersOf(image)}, runs ${image.digest?.slice(0, SHORT)}, not ${image.preloaded.slice(0, SHORT)}`,
      ]),
    ...andMore('  outdated', outdated),
    ...unused.slice(0, MOST).map(({ names, size }) => ['  unused', names[0] ?? '', formatBytes(size)]),
    ...andMore('  unused', unused),
  ];
  return rows.length > 0 ? formatTable(rows[0] ?? [], rows.slice(1)).split('\n') : [];
};

const andMore = (title: string, all: readonly unknown[]): string[][] =>
  all.length > MOST ? [[title, `and ${all.length - MOST} more`, 'see -o json']] : [];

/** `deployment/shop/api and 2 more, 3 pods` */
const usersOf = ({ users, pods }: NeededImage): string => {
  const [first, ...others] = users;
  const shown = first ? printUser(first) : '<unknown>';
  return `${shown}${others.length > 0 ? ` and ${others.length} more` : ''}${pods > 0 ? `, ${plural(pods, 'pod')}` : ''}`;
};
