const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Bytes of a Kubernetes quantity such as `10Gi`, or undefined if `text` is invalid or zero. */
export const parseQuantity = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE])?$/.exec(text);
  if (!match) return undefined;
  const unit = match[2] ?? '';
  const factor = unit.endsWith('i') ? 1024 ** BINARY.indexOf(unit) : 1000 ** DECIMAL.indexOf(unit);
  const bytes = Math.ceil(Number(match[1]) * factor);
  return bytes > 0 ? bytes : undefined;
};

/** `bytes` in binary units, rounded: `3.4Gi`. */
export const formatBytes = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(BINARY.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)}${BINARY[power]}`;
};

/** Kubernetes quantity of at least `bytes`, in whole mebibytes: `1344Mi`, `2Gi`. */
export const formatQuantity = (bytes: number): string => {
  const mebibytes = Math.ceil(bytes / 1024 ** 2);
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}Gi` : `${mebibytes}Mi`;
};

/** Kubernetes quantity of at least `bytes`. */
export const roundUpToGibibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 3)}Gi`;

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration such as `90s` or `1h30m`, or undefined if `text` is invalid or zero. */
export const parseDuration = (text: string): number | undefined => {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = text.matchAll(/([\d.]+)(ms|s|m|h)/g);
  const total = [...parts].reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit ?? ''] ?? 0), 0);
  return total > 0 ? total : undefined;
};

/** The longest time that a timer can wait, in milliseconds: 24 days. Node takes a longer one for no time at all. */
export const LONGEST = 2 ** 31 - 1;

/** Milliseconds as kubectl prints an AGE: `41s`, `5m12s`, `3h`, `12d`. */
export const formatAge = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
};

/** `1 image`, `2 images`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The first `most` of a list: `a, b and 3 more` */
export const firstOf = (names: readonly string[], most = 2): string => {
  const rest = names.length - most;
  const first = names.slice(0, most).join(', ');
  return rest > 0 ? `${first} and ${rest} more` : first;
};
