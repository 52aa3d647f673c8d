// Connects as every command does, and prints where to, and whom the API server takes us for.
import yargs from 'yargs';
import { connectionFlags } from '../../src/cli/flags.ts';
import { connect } from '../../src/cluster/connection.ts';
import { sendForJson } from '../../src/cluster/rest.ts';

const options = await connectionFlags(yargs(process.argv.slice(2)))
  .strict()
  .exitProcess(false)
  .parseAsync();
const cluster = await connect(options, process.env, console.error);
const review = await sendForJson(cluster, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
  method: 'POST',
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
});
console.log(JSON.stringify({ server: cluster.server, namespace: cluster.namespace, review }));
process.exit(); // the connection stays open
