import { formatTable } from '../../cli/output.ts';
import { printUser } from '../../cluster/images-in-use.ts';
import type { NeededImage } from '../../model/coverage.ts';
import { PLUGIN } from '../../model/names.ts';
import { plain } from '../../model/parse.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { firstOf, formatAge, formatBytes, plural } from '../../model/units.ts';

/** One preload for people; `now` in milliseconds. */
export const describePreload = (preload: PreloadSummary, now: number): string => {
  const { name, namespace, phase, reason, platform, skipped = [], exclude = [], nodes, set } = preload;
  const isReady = phase === 'Ready';
  const lines = [
    line('Name', name),
    line('Namespace', namespace),
    line('Ready', isReady ? 'True' : 'False'),
    line('Phase', isReady ? undefined : phase),
    line('Reason', reason),
    line('Snapshot ID', snapshotOf(preload)),
    line('Platform', platform),
    line('Images', imagesOf(preload)),
    line('Excluded', firstOf(exclude, MOST) || undefined),
    line(
      'Skipped',
      firstOf(
        skipped.map((image) => image.name),
        MOST,
      ) || undefined,
    ),
    line('Created', createdOf(preload, now)),
    line('Nodes', set && `${nodes ?? '<unknown>'} labelled ${PLUGIN}/set=${set}`),
    line('Coverage', coverageOf(preload)),
  ];
  return [...lines.flat(), ...driftOf(preload)].join('\n');
};

const WIDTH = 15;
const MOST = 10; // of a list; -o json has all

const line = (title: string, text: string | undefined): string[] =>
  text === undefined
    ? []
    : [
        `${title}:`.padEnd(WIDTH) +
          text
            .split('\n')
            .map(plain)
            .join(`\n${' '.repeat(WIDTH)}`),
      ];

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
    ...rowsOf('missing', missing, (image) => [image.name, usersOf(image)]),
    ...rowsOf('outdated', outdated, (image) => [
      image.name,
      `${usersOf(image)}, runs ${shortened(image.digest)}, not ${shortened(image.preloaded)}`,
    ]),
    ...rowsOf('unused', unused, ({ names, size }) => [names[0] ?? '', formatBytes(size)]),
  ];
  const [first, ...others] = rows;
  return first ? formatTable(first, others).split('\n') : [];
};

const GAP = 3; // between the columns of a table

/** Rows for the first images of a list, and for how many more there are. */
const rowsOf = <T>(title: string, images: readonly T[], cells: (image: T) => string[]): string[][] =>
  [
    ...images.slice(0, MOST).map(cells),
    ...(images.length > MOST ? [[`and ${images.length - MOST} more`, 'see -o json']] : []),
  ].map((row) => [`  ${title}`.padEnd(WIDTH - GAP), ...row]);

const SHORT = 'sha256:'.length + 12; // hex digits

const shortened = (digest = '<unknown>'): string => digest.slice(0, SHORT);

/** `deployment/shop/api and 2 more, 3 pods` */
const usersOf = ({ users, pods }: NeededImage): string => {
  const shown = firstOf(users.map(printUser), 1) || '<unknown>';
  return `${shown}${pods > 0 ? `, ${plural(pods, 'pod')}` : ''}`;
};
