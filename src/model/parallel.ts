/** Calls `work` for every item, at most `limit` at a time. After an error, finishes the running calls and throws it. */
export const forEachParallel = async <T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> => {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  const stop = (error: unknown): never => {
    queue.length = 0;
    throw error;
  };
  const results = await Promise.allSettled(Array.from({ length: limit }, () => worker().catch(stop)));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
};

/** Returns a function that runs tasks, at most `limit` at a time; others wait in order. */
export const limiter = (limit: number): (<T>(task: () => Promise<T>) => Promise<T>) => {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= limit) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};
