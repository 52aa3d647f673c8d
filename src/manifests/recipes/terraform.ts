import { EBS, FLAGS, RATE } from './aws.ts';
import { bootScript } from './boot-script.ts';
import { heading, indent, type Recipe } from './recipe.ts';

export const terraform: Recipe = {
  target: 'terraform',
  describe: 'launch template in Terraform or OpenTofu, for node groups of EKS',
  ...EBS,
  text: (disk) => `${heading(
    disk,
    ...RATE.map((line) => line.replace('volumeInitializationRate', 'volume_initialization_rate')),
    'To use it, in an aws_eks_node_group whose ami_type is of AL2023:',
    '  launch_template {',
    '    id      = aws_launch_template.preload.id',
    '    version = aws_launch_template.preload.latest_version',
    '  }',
    'A new version replaces the nodes of the group, one after the other.',
  )}
resource "aws_launch_template" "preload" {
  name_prefix = "preload-"
  description = "Preload ${disk.name}, ${disk.platform}"

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 20
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  block_device_mappings {
    device_name = "/dev/xvdb"
    ebs {
      snapshot_id                = "${disk.snapshotId}"
      volume_type                = "gp3"
      volume_initialization_rate = 300
      delete_on_termination      = true
    }
  }

  user_data = base64encode(<<-END
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="//"

    --//
    Content-Type: text/x-shellscript; charset="us-ascii"

${indent(4, bootScript(disk, FLAGS))}
    --//--
  END
  )
}`,
};
