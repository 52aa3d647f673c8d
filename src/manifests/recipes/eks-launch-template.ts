import type { NodeDisk } from '../../model/node-disk.ts';
import { EBS, FLAGS, instanceType, RATE } from './aws.ts';
import { bootScript } from './boot-script.ts';
import { architecture, heading, type Recipe } from './recipe.ts';

const root = { VolumeSize: 20, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true };

const request = ({ name, snapshotId }: NodeDisk) => ({
  LaunchTemplateName: `preload-${name}`,
  LaunchTemplateData: {
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: root },
      {
        DeviceName: '/dev/xvdb',
        Ebs: {
          SnapshotId: snapshotId,
          VolumeType: 'gp3',
          VolumeInitializationRate: 300,
          DeleteOnTermination: true,
        },
      },
    ],
    UserData: '$user_data',
  },
});

export const eksLaunchTemplate: Recipe = {
  target: 'eks-launch-template',
  describe: 'shell script that creates a launch template for node groups of EKS',
  ...EBS,
  text: (disk) => `#!/bin/sh
${heading(
  disk,
  ...RATE.map((line) => line.replace('volumeI', 'VolumeI')),
  'The template has no AMI and no instance type, so a managed node group chooses both:',
  `  aws eks create-nodegroup --launch-template name=preload-${disk.name} \\`,
  `    --ami-type AL2023_${architecture(disk) === 'arm64' ? 'ARM_64' : 'x86_64'}_STANDARD --instance-types ${instanceType(disk)} ...`,
  'To renew: create a new preload, run its script, and let a new node group use it.',
)}
set -eu
folder=$(mktemp -d)

cat >"$folder/user-data" <<'END'
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: text/x-shellscript; charset="us-ascii"

${bootScript(disk, FLAGS)}
--//--
END
user_data=$(base64 <"$folder/user-data" | tr -d '\\n')

cat >"$folder/template.json" <<END
${JSON.stringify(request(disk), null, 2)}
END
aws ec2 create-launch-template${disk.region ? ` --region ${disk.region}` : ''} --cli-input-json "file://$folder/template.json"
rm -r "$folder"`,
};
