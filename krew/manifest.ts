import { posix } from 'node:path';

const TAG_NAME = /\{\{ *\.TagName *\}\}/g;
const ADD_URI_AND_SHA = /\{\{ *addURIAndSha "([^"]+)" \.TagName *\}\}/;
const PLATFORM = /^(?= {2}- selector:)/m;

/**
 * What krew-release-bot makes of the template, for the platforms whose archive is in `checksums`
 * (file name to SHA-256 in hex); the template's other platforms are left out.
 */
export const renderManifest = (template: string, tag: string, checksums: ReadonlyMap<string, string>): string => {
  const [head = '', ...platforms] = template.replaceAll(TAG_NAME, tag).split(PLATFORM);
  return head + platforms.map((platform) => renderPlatform(platform, checksums)).join('');
};

const renderPlatform = (platform: string, checksums: ReadonlyMap<string, string>): string => {
  const uri = ADD_URI_AND_SHA.exec(platform)?.[1] ?? '';
  const sha256 = checksums.get(posix.basename(uri));
  return sha256 ? platform.replace(ADD_URI_AND_SHA, `uri: ${uri}\n    sha256: ${sha256}`) : '';
};
