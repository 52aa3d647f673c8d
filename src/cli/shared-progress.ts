import type { Progress } from './progress.ts';

/** Shares `progress` between runs at the same time: each gets its own with its label, as in `linux/arm64: Planning`. */
export const shareProgress = (progress: Progress): ((label: string) => Progress) => {
  const running = new Map<string, string>();
  const show = (isFirst: boolean) => {
    const text = [...running].map(([label, step]) => `${label}: ${step}`).join(' | ');
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
        running.set(label, text);
        show(running.size === 1);
      },
      update: (text) => {
        running.set(label, text);
        show(false);
      },
      done: (text) => end(() => progress.done(`${label}: ${text}`), 'ok', text),
      fail: (reason) => {
        const current = running.get(label);
        if (current !== undefined) end(() => progress.fail(reason), 'failed', `${current}: ${reason}`);
      },
      report: (result, text) => progress.report(result, `${label}: ${text}`),
      warn: (text) => progress.warn(`${label}: ${text}`),
      note: (text) => progress.note(`${label}: ${text}`),
    };
  };
};
