import { preloadName } from '../../cli/flags.ts';
import { UsageError } from '../../model/errors.ts';
import { type ImageReference, imageName, parseImage } from '../../model/image-reference.ts';
import { nameProblem } from '../../model/names.ts';

interface Arguments {
  /** the first argument */
  NAME: string | undefined;
  /** the others */
  IMAGE: ImageReference[];
  generateName?: string | undefined;
  resume: boolean;
}

/** What the arguments name: a preload and images, or only images if the name is generated. */
export const readArguments = ({ NAME, IMAGE, generateName, resume }: Arguments): Pick<Arguments, 'NAME' | 'IMAGE'> => {
  if (generateName === undefined || resume) {
    if (NAME === undefined) throw new UsageError(resume ? 'specify NAME' : 'specify NAME or --generate-name');
    return { NAME: preloadName(NAME), IMAGE };
  }
  if (NAME === undefined) return { NAME, IMAGE };
  if (!nameProblem(NAME))
    throw new UsageError(`specify NAME or --generate-name, not both; if "${NAME}" is an image, write ${NAME}:latest`);
  return { NAME: undefined, IMAGE: distinct([...images([NAME]), ...IMAGE]) };
};

const distinct = (found: readonly ImageReference[]): ImageReference[] => [
  ...new Map(found.map((image) => [imageName(image), image])).values(),
];

/** Images on the command line, each once. */
export const images = (texts: string[]): ImageReference[] =>
  distinct(
    texts.map((text) => {
      const image = parseImage(text);
      if (image) return image;
      throw new UsageError(
        `invalid image "${text}": expected a reference such as nginx:1.27 or registry.example.com/team/app@sha256:…`,
      );
    }),
  );
