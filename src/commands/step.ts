import type { Context } from '../cli/context.ts';
import { formatAge } from '../model/units.ts';

/** One step of a command. */
interface Step<T> {
  /** what happens: `Starting the loader` */
  title: string;
  do: () => Promise<T>;
  /** what has happened: `Loader running on node-1` */
  done: (result: T) => string;
}

/** Takes a step and shows it. If it fails, the run that it is part of reports why. */
export const step = async <T>(
  { progress }: Pick<Context, 'progress'>,
  { title, done, ...rest }: Step<T>,
): Promise<T> => {
  progress.start(title);
  const result = await rest.do();
  progress.done(done(result));
  return result;
};

export interface Wait {
  /** also shows what delays it */
  report: (problem: string) => void;
  /** also shows what is counted, such as `3 left` */
  count: (text: string) => void;
  stop: () => void;
}

const TICK = 1000; // milliseconds

/** Shows how long the step `title` has waited, and when --timeout ends it, until it is stopped. */
export const countWait = ({ progress, now, deadline }: WaitContext, title: string): Wait => {
  const began = now();
  let text = title;
  let counted: string[] = [];
  const show = () => {
    const [elapsed, timeout] = [now() - began, deadline === undefined ? undefined : deadline - now()];
    const end = timeout === undefined ? [] : [`times out in ${formatAge(timeout)}`];
    const seconds = { elapsed: inSeconds(elapsed), ...(timeout !== undefined && { timeout: inSeconds(timeout) }) };
    progress.update(text, { counter: [...counted, formatAge(elapsed), ...end].join(' · '), ...seconds });
  };
  const timer = setInterval(show, TICK);
  return {
    report: (problem) => {
      text = `${title}: ${problem}`;
      show();
    },
    count: (text) => {
      counted = [text];
      show();
    },
    stop: () => clearInterval(timer),
  };
};

type WaitContext = Pick<Context, 'progress' | 'now' | 'deadline'>;

const inSeconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));

/** A step that mostly waits, counted while it does. */
export const waitStep = <T>(
  context: WaitContext,
  { title, done, ...rest }: Omit<Step<T>, 'do'> & { do: (report: Wait['report']) => Promise<T> },
): Promise<T> =>
  step(context, {
    title,
    done,
    do: async () => {
      const wait = countWait(context, title);
      return rest.do(wait.report).finally(wait.stop);
    },
  });
