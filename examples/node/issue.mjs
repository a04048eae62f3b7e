// SPDX-License-Identifier: Apache-2.0
// Prints a token made by the key named on the command line.  Refused: prints the problem's code to stderr and exits with 1.
import { request } from 'node:http';

const call = request({
  socketPath: process.env.SIGNER_SOCKET ?? '/run/signer/signer.sock',
  method: 'POST',
  path: `/v1/keys/${process.argv[2]}/tokens`,
  headers: { 'Content-Type': 'application/json' },
  timeout: 10_000,
}, async (response) => {
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  const reply = JSON.parse(text);
  if (response.statusCode === 200) return console.log(reply.token);
  console.error(reply.code);
  process.exitCode = 1;
});
call.on('timeout', () => call.destroy(new Error('no answer within 10 s')));
call.end(JSON.stringify({ claims: { sub: 'client-1' } }));
