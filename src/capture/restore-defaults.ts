import type { NodeTools } from '../model/request.ts';
import type { RestoreDefaults } from '../volume/format.ts';

/** What is unusual about the node of the capture is taken to be so on new nodes too. */
export const restoreDefaults = ({ ctrPath, ctrFlags }: NodeTools): RestoreDefaults => {
  const address = /(?:^|\s)(?:-a|--address)[\s=]+(\S+)/.exec(ctrFlags)?.[1]?.replace(/^unix:\/\//, '');
  return { ...(ctrPath !== 'ctr' && { ctr: ctrPath }), ...(address && { address }) };
};
