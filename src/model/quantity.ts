const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Bytes of a Kubernetes quantity such as `10Gi`, or undefined when `text` is none or not above zero. */
export const parseQuantity = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE])?$/.exec(text);
  if (!match) return undefined;
  const unit = match[2] ?? '';
  const factor = unit.endsWith('i') ? 1024 ** BINARY.indexOf(unit) : 1000 ** DECIMAL.indexOf(unit);
  const bytes = Math.ceil(Number(match[1]) * factor);
  return bytes > 0 ? bytes : undefined;
};

/** `bytes` for people, in binary units: `3.4Gi`. */
export const formatBytes = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(BINARY.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)}${BINARY[power]}`;
};

/** `bytes` as a Kubernetes quantity for a volume that has at least so many. */
export const roundUpToGibibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 3)}Gi`;
