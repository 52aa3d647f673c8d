/** Changes a file's content. */
export type Edit = (content: Buffer, random: () => number) => Buffer;

/** What a stranger may write where a word is expected; RAN is a path that nothing may create. */
const HOSTILE = [
  ...['--help', '-rf', '--root=/', '--', '-', '', ' ', '\t', '\r', '\0', '\n', '\n--all', '\u001b[31m', '\u00e9', '~'],
  ...[
    '$(touch RAN)',
    '`touch RAN`',
    ';touch RAN',
    '|touch RAN',
    '&touch RAN&',
    '>RAN',
    "'",
    '"',
    '\\',
    '$HOME',
    '%s%n',
  ],
  ...['*', '?', '[a-z]*', '{a,b}', '!', '#', '"||name~=".', 'x,name!=y', '../../../../../etc/passwd', '/etc/passwd'],
  ...[
    'sha256:',
    `sha256:${'../'.repeat(21)}x`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'0'.repeat(65)}`,
    `sha256:${'f'.repeat(64)}`,
  ],
  ...['0', '-1', '08', '1e3', '99999999999999999999', '$((1/0))', 'link', 'copy', 'x'.repeat(100_000)],
];

const below = (random: () => number, count: number): number => Math.floor(random() * count);
const oneOf = <T>(random: () => number, items: readonly T[]): T => items[below(random, items.length)] as T;

const splice =
  (removed: (random: () => number) => number, added: (random: () => number) => Buffer): Edit =>
  (content, random) => {
    const start = below(random, content.length + 1);
    return Buffer.concat([content.subarray(0, start), added(random), content.subarray(start + removed(random))]);
  };

const someBytes = (random: () => number) => Buffer.from([below(random, 256), below(random, 256)]);
const aFew = (random: () => number) => 1 + below(random, 80);

const flip: Edit = (content, random) => {
  const changed = Buffer.from(content);
  const position = below(random, content.length);
  changed[position] = (content[position] ?? 0) ^ (1 << below(random, 8));
  return changed;
};

const inLines =
  (change: (lines: string[], random: () => number) => void): Edit =>
  (content, random) => {
    const lines = content.toString('latin1').split('\n');
    change(lines, random);
    return Buffer.from(lines.join('\n'), 'latin1');
  };

const swapLines = inLines((lines, random) => {
  const [one, other] = [below(random, lines.length), below(random, lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
});
const repeatLine = inLines((lines, random) => lines.splice(below(random, lines.length), 0, oneOf(random, lines)));
const dropLine = inLines((lines, random) => lines.splice(below(random, lines.length), 1));

/** Replaces a word, or a part of it, by a hostile one. */
const hostileWord: Edit = (content, random) => {
  const text = content.toString('latin1');
  const words = [...text.matchAll(/[^\s"]+/g)];
  const { index, 0: word } = oneOf(random, words) ?? { index: 0, 0: '' };
  const keep = random() < 0.5 ? 0 : below(random, word.length);
  const hostile = Buffer.from(oneOf(random, HOSTILE)).toString('latin1');
  return Buffer.from(text.slice(0, index + keep) + hostile + text.slice(index + word.length), 'latin1');
};

/** Another value for a key of preload.json that restore.sh reads. */
export const hostileField: Edit = (content, random) => {
  const keys = [
    'format',
    'set',
    'version',
    'created',
    'platform',
    'snapshotter',
    'complete',
    'address',
    'namespace',
    'ctr',
  ];
  const line = `  "${oneOf(random, keys)}": "${oneOf(random, HOSTILE)}",\n`;
  const text = content.toString('latin1');
  const start = text.indexOf('\n') + 1;
  return Buffer.from(text.slice(0, start) + Buffer.from(line).toString('latin1') + text.slice(start), 'latin1');
};

/** Edits of any file; a word counts more, because the others seldom leave a list that looks right. */
export const EDITS: readonly Edit[] = [
  flip,
  splice(() => 0, someBytes),
  splice(aFew, () => Buffer.alloc(0)),
  splice(aFew, someBytes),
  swapLines,
  repeatLine,
  dropLine,
  hostileWord,
  hostileWord,
  hostileWord,
  (content, random) => content.subarray(0, below(random, content.length)),
];

export const edited = (content: Buffer, random: () => number, edits = EDITS): Buffer =>
  oneOf(random, edits)(content, random);
