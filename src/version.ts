import manifest from '../package.json' with { type: 'json' };

/** Of this tool, from package.json. */
export const { version } = manifest;
