import { VOLUME_CONTENTS, type VolumeContents } from '../../model/contents.ts';
import type { PreloadError } from '../../model/errors.ts';
import { parse, parseJson } from '../../model/parse.ts';
import { CONTENTS_FILE } from '../format.ts';
import type { Problems } from './problems.ts';
import { readText } from './read.ts';

/** Reads preload.json; undefined if it is missing or invalid, which is added to `problems`. */
export const readContents = async (volume: string, problems: Problems): Promise<VolumeContents | undefined> => {
  const text = await readText(volume, CONTENTS_FILE);
  const wrong = (problem: string): undefined => void problems.add(CONTENTS_FILE, problem);
  if (text === undefined) return wrong('is missing: the capture did not finish');
  if (!text.endsWith(COMPLETE)) return wrong('is truncated or damaged');
  try {
    const json = parseJson(text);
    // restore.sh reads it line by line
    if (text !== `${JSON.stringify(json, null, 2)}\n`) wrong('is not formatted as restore.sh expects');
    return parse(VOLUME_CONTENTS, json);
  } catch (error) {
    return wrong((error as PreloadError).message);
  }
};

const COMPLETE = '"complete": true\n}\n';
