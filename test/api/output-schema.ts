import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

const FILE = join(import.meta.dirname, '../../src/cli/kubectl-preload-v1.schema.json');

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(JSON.parse(await readFile(FILE, 'utf8')));

/** Asserts that a document is as the schema in the repository says. */
export const matchesSchema = (document: unknown): void => {
  assert.ok(validate(document), JSON.stringify(validate.errors, null, 2));
};
