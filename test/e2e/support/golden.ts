import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { helpTexts } from '../../../src/program.ts';
import { masked } from '../../harness/golden-masks.ts';
import type { Outcome } from '../../harness/private-node.ts';

const GOLDEN = join(import.meta.dirname, '../golden');

/** Whether this run writes the files and pictures: after a wanted change. */
export const isUpdate = (): boolean => Boolean(process.env.UPDATE_GOLDEN);

/** Asserts that a command line, such as `kubectl preload status`, printed what the file `name` has. */
export const assertGolden = async (name: string, line: string, { code, stdout, stderr }: Outcome): Promise<void> => {
  const found = masked(`$ ${line}\n${stdout}--- standard error\n${stderr}--- exit code ${code}\n`);
  const file = join(GOLDEN, `${name}.txt`);
  if (isUpdate()) {
    await mkdir(GOLDEN, { recursive: true });
    await writeFile(file, found);
  }
  assert.equal(found, await readFile(file, 'utf8'), 'after a wanted change: UPDATE_GOLDEN=1');
};

/** The formats of a verb, as its own help has them; the empty one is the table. */
export const formatsOf = (verb: string): string[] => {
  const [, list = ''] = /--output=''[^=]*?one of ([^\n]*(?:\n {20,}[^\n]*)*)/.exec(helpTexts()[verb] ?? '') ?? [];
  return ['', ...(list.match(/[a-z]+(?==|\b)/g) ?? []).filter((format) => /^(name|json|yaml|wide)$/.test(format))];
};
