// Ask a running server what the GraphQL over HTTP specification wants of it: node audit.js http://127.0.0.1:8000/graphql

import { serverAudits } from "graphql-http";

const url = process.argv[2];
const audits = serverAudits({ url });
const results = [];
for (const audit of audits) {
  // One after the other: what fails is the audit, and not the server's load.
  results.push(await audit.fn());
}
const failed = results.filter((result) => result.status !== "ok");
for (const { id, name, status, reason } of failed) {
  console.log(`${status} ${id} ${name}: ${reason}`);
}
console.log(`${results.length - failed.length} of ${results.length} audits are ok.`);
process.exit(failed.length === 0 ? 0 : 1);
