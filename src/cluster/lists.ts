import * as v from 'valibot';
import { AnswerTooLarge } from '../model/errors.ts';
import { LINE, matches, object, parse } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pathOf, pluralOf } from './kinds.ts';
import { isGone, parseAnswer, type RequestOptions } from './objects.ts';
import { sendForJson } from './rest.ts';

interface Query extends RequestOptions {
  labelSelector?: string | undefined;
  fieldSelector?: string;
}

interface ListOptions extends Query {
  /** all namespaces if undefined */
  namespace?: string;
  /** how many to request at once */
  page?: number;
}

/** Where the objects of a kind are, and how messages call them. */
interface Collection {
  path: string;
  plural: string;
  /** in lower case */
  kind: string;
  /** how many to request at once */
  page: number;
}

const PAGE = 250;
const MAX_ANSWER = 16 * 1024 ** 2; // bytes of a page; most are below 5 MiB
const SMALLER = 8;

const PAGE_OF_LIST = object({
  items: v.nullish(v.array(v.unknown()), []),
  metadata: object({ continue: v.exactOptional(v.string()) }),
});

/** As `listIn`, for a kind that this tool knows. */
export const list = <S extends v.GenericSchema>(
  cluster: Cluster,
  kind: Kind,
  schema: S,
  { namespace, page = PAGE, ...query }: ListOptions = {},
): AsyncGenerator<v.InferOutput<S>> => {
  const collection = { path: pathOf(kind, namespace), plural: pluralOf(kind), kind: kind.toLowerCase(), page };
  return listIn(cluster, collection, schema, query);
};

/**
 * Yields what `schema` makes of all objects of a kind, each once, requested in pages; in smaller ones if the objects are
 * huge. Skips malformed ones with a warning. If the server forgets the list before its last page, reads all at once, as
 * kubectl does.
 */
export const listIn = async function* <S extends v.GenericSchema>(
  cluster: Cluster,
  { path, plural, kind, page: limit }: Collection,
  schema: S,
  { signal, ...query }: Query = {},
): AsyncGenerator<v.InferOutput<S>> {
  const seen = new Set<string>();
  let size = limit;
  const request = (next?: string): Promise<unknown> => {
    const paged = { ...query, limit: String(size), continue: next };
    return sendForJson(cluster, path, { query: paged, maxBytes: MAX_ANSWER, ...(signal && { signal }) }).catch(
      (error) => {
        if (next && isGone(error)) return restart();
        if (!(error instanceof AnswerTooLarge) || size === 1) throw error;
        size = Math.ceil(size / SMALLER);
        return request(next);
      },
    );
  };
  const restart = (): Promise<unknown> => {
    cluster.warn(`the list of ${plural} expired while it was read; reading it again`);
    return sendForJson(cluster, path, { query, ...(signal && { signal }) });
  };
  let coming: Promise<unknown> | undefined = request();
  while (coming) {
    const page: v.InferOutput<typeof PAGE_OF_LIST> = parseAnswer(PAGE_OF_LIST, await coming, plural);
    const next = page.metadata.continue;
    coming = next ? request(next) : undefined; // while the caller works on this page
    coming?.catch(() => {}); // until its turn
    for (const item of page.items) {
      const name = nameOf(kind, item);
      if (name && seen.has(name)) continue;
      if (name) seen.add(name);
      const found = parsed(schema, item);
      if (found.object !== undefined) yield found.object;
      else cluster.warn(`ignoring ${name ?? `one of the ${plural}`}: ${found.problem}`);
    }
  }
};

const parsed = <S extends v.GenericSchema>(
  schema: S,
  item: unknown,
): { object?: v.InferOutput<S>; problem?: string } => {
  try {
    return { object: parse(schema, item) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
};

const NAMED = object({ metadata: object({ name: LINE, namespace: v.exactOptional(LINE) }) });

const nameOf = (kind: string, item: unknown): string | undefined => {
  if (!matches(NAMED, item)) return undefined;
  const { name, namespace } = item.metadata;
  return `${kind}/${name}${namespace ? ` in namespace ${namespace}` : ''}`;
};
