import { type Progress, withCounter } from './progress.ts';

/** Shares `progress` between runs at the same time: each gets its own with its label, as in `linux/arm64: Planning`. */
export const shareProgress = (progress: Progress): ((label: string) => Progress) => {
  /** the step of each run, without and with its counter */
  const running = new Map<string, { step: string; shown: string }>();
  const show = (isFirst: boolean) => {
    const text = [...running].map(([label, { shown }]) => `${label}: ${shown}`).join(' | ');
    if (text) (isFirst ? progress.start : progress.update)(text);
  };
  return (label) => {
    /** Ends the step of this run: with `alone` if no other run is at work. */
    const end = (alone: () => void, result: 'ok' | 'failed', text: string) => {
      running.delete(label);
      if (running.size === 0) return alone();
      progress.report(result, `${label}: ${text}`);
      show(false);
    };
    return {
      start: (text) => {
        running.set(label, { step: text, shown: text });
        show(running.size === 1);
      },
      update: (text, measure) => {
        running.set(label, { step: text, shown: withCounter(text, measure) });
        show(false);
      },
      done: (text) => end(() => progress.done(`${label}: ${text}`), 'ok', text),
      fail: (reason) => {
        const current = running.get(label);
        if (current !== undefined) end(() => progress.fail(reason), 'failed', `${current.step}: ${reason}`);
      },
      report: (result, text) => progress.report(result, `${label}: ${text}`),
      warn: (text) => progress.warn(`${label}: ${text}`),
      note: (text) => progress.note(`${label}: ${text}`),
      error: (text, failure) => progress.error(`${label}: ${text}`, failure),
    };
  };
};
