import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the kernel describes block devices, by `major:minor`. */
const DEVICES = '/sys/dev/block';

/** Whether the node itself encrypts the block device `number` (`major:minor`), or one that it is on, as LUKS does. */
export const isEncrypted = (number: string, devices = DEVICES): Promise<boolean> =>
  isEncryptedAt(join(devices, number));

const isEncryptedAt = async (folder: string): Promise<boolean> => {
  const uuid = await readFile(join(folder, 'dm/uuid'), 'utf8').catch(() => '');
  if (uuid.startsWith('CRYPT-')) return true;
  const below = await readdir(join(folder, 'slaves')).catch(() => []);
  for (const device of below) if (await isEncryptedAt(join(folder, 'slaves', device))) return true;
  return false;
};
