import type { Context } from '../cli/context.ts';

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
