import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../state.ts';

/** A kubelet sets these for the whole machine. */
const SET_BY_KUBELET = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

export const saveSysctls = async (folder: string): Promise<void> => {
  const values = await Promise.all(SET_BY_KUBELET.map((name) => readFile(path(name), 'utf8')));
  await writeAtomically(savedFile(folder), JSON.stringify(values));
};

/** Gives the machine back the settings it had, if they were saved. */
export const restoreSysctls = async (folder: string): Promise<void> => {
  const saved = await readFile(savedFile(folder), 'utf8').catch(() => undefined);
  if (saved === undefined) return;
  const values = JSON.parse(saved) as string[];
  await Promise.all(SET_BY_KUBELET.map((name, index) => writeFile(path(name), values[index] ?? '')));
};

const path = (name: string): string => join('/proc/sys', name);
const savedFile = (folder: string): string => join(folder, 'sysctls.json');
