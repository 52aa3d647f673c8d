import { stripVTControlCharacters } from 'node:util';
import type { Measure, Progress } from './progress.ts';

const INTERVAL = 1000; // milliseconds between two reports of how far a step is

/** Reports as JSON lines, for programs: `time`, `type`, and what belongs to that type. */
export const createEvents = (write: (line: string) => void, now: () => number): Progress => {
  let current: string | undefined;
  let last = { text: '', time: 0 };
  const report = (type: string, fields: object): void =>
    write(JSON.stringify({ time: new Date(now()).toISOString(), type, ...fields }));
  const isDue = (text: string): boolean => text !== last.text || now() - last.time >= INTERVAL;
  return {
    start: (text) => {
      current = text;
      report('started', { text });
    },
    update: (text, { counter, ...measure }: Measure = {}) => {
      const isCount = measure.bytes !== undefined; // then the text changes all the time
      if (!isDue(isCount ? last.text : text)) return;
      current = text;
      last = { text, time: now() };
      report('progress', { text, ...measure });
    },
    done: (text) => {
      current = undefined;
      report('done', { text });
    },
    fail: (reason) => {
      if (current === undefined) return;
      report('failed', { text: current, reason });
      current = undefined;
    },
    report: (result, text) => report(result === 'ok' ? 'done' : result, { text }),
    warn: (text) => report('warning', { text }),
    note: (text) => report('note', { text: stripVTControlCharacters(text) }),
    error: (_, { message, hint }) => report('error', { message, ...(hint && { hint }) }),
  };
};
