import { RegistryFailure } from './failure.ts';
import type { Answer } from './transport.ts';

/** All that `server` answers, at most `limit` bytes. */
export const readBody = async ({ body }: Answer, server: string, limit: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) throw new RegistryFailure('corrupt', `${server} answers with more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
};
