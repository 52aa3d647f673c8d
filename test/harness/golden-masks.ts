// Replaces what differs from run to run by placeholders that say what stood there, so that outputs can be compared as text.

const UNITS = '(?:\\d+(?:ms|s|m|h|d))+';

const MASKS: readonly (readonly [pattern: RegExp, placeholder: string])[] = [
  [/[A-Za-z0-9+/]{100,}=*/g, '<BASE64>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<UUID>'],
  [/\bsha256:[0-9a-f]{64}\b/g, '<DIGEST>'],
  [/\bsha256:[0-9a-f]{4,63}…/g, '<DIGEST>…'],
  [/\b[0-9a-f]{64}\b/g, '<SHA-256>'],
  [/\b[0-9a-f]{12}\b/g, '<SET>'],
  [/\bsnap-[0-9a-f]{8,}\b/g, '<SNAPSHOT-ID>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '<TIME>'],
  [/(?<=-)\d{8}-\d{6}\b/g, '<STAMP>'],
  [/\b(?:127\.0\.0\.1|\d+\.\d+\.\d+\.\d+):\d{2,5}\b/g, '<ADDRESS>'],
  [/\b\d+(?:\.\d+)?[KMGT]i(?:\/s)?(?!\w|\.\d)/g, '<SIZE>'],
  [/("(?:size|usedBytes|bytes|layerBytes|blobBytes|totalBytes|seconds|elapsed|timeout|left)": )[\d.]+/g, '$1<NUMBER>'],
  [/\b((?:size|usedBytes|bytes|layerBytes|blobBytes|totalBytes|seconds): )[\d.]+$/gm, '$1<NUMBER>'],
  [new RegExp(`\\b(in|after|for) ${UNITS}\\b`, 'g'), '$1 <DURATION>'],
  [new RegExp(`\\b${UNITS} (ago|left)\\b`, 'g'), '<DURATION> $1'],
  [new RegExp(`\\(${UNITS}\\)`, 'g'), '(<AGE>)'],
  // what a node has depends on what ran on it before
  [/(?<=^ ✓ \d+ images? captured in <DURATION>: ).*$/gm, '<LAYERS>'],
  [/^ ✓ Node \S+ has \d+ of \d+ images?\n/gm, ''],
];

/** Lines that only slow machines and storage print: counters every 10 s, and a wait that is shown if it is long. */
const SLOW =
  /^ • .* · (?:\d+s|\d+m\S*|\S+\/s)(?: ·.*)? \.\.\.\n|^ • Waiting for the storage to remove the volume \.\.\.\n|^ ✓ Volume removed\n/gm;

/** A row of a table ends with an age, under a head that ends with AGE. */
const maskAges = (text: string): string => {
  let isTable = false;
  return text
    .split('\n')
    .map((line) => {
      if (/\bAGE$/.test(line)) isTable = true;
      else if (line === '') isTable = false;
      return isTable ? line.replace(new RegExp(`(?<= )${UNITS}$`), '<AGE>') : line;
    })
    .join('\n');
};

/** Columns are as wide as their widest value, which may be one that is masked. */
const evenColumns = (text: string): string => text.replace(/(?<=\S) {3,}(?=\S)/g, '   ');

/** `text` with placeholders for ages, IDs, digests, times and sizes. */
export const masked = (text: string): string => {
  const plain = maskAges(text.replace(SLOW, ''));
  const replaced = MASKS.reduce((left, [pattern, placeholder]) => left.replace(pattern, placeholder), plain);
  return evenColumns(replaced);
};
