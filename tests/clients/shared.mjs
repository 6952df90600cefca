// A session that others use too, with ACP's TypeScript SDK over WebSocket:
//   HOSTLER_TOKEN=… node shared.mjs URL FOLDER SESSION
// Loads it and prints a line of JSON for everything that it sees: {"update"},
// {"permission": TOOL_CALL}, {"takenBack": TOOL_CALL}, {"loaded": true},
// {"end": STOP_REASON} or {"failed": CODE} of its own turns. Takes lines, too:
// {"prompt": TEXT} and {"answer": KIND}, which answers what it was asked last.
// Ends with its standard input. shared.py does the same.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// Packages are looked up beside the importing file; these are pinned elsewhere.
const require = createRequire(new URL("../tools/package.json", import.meta.url));
const { PROTOCOL_VERSION, client, methods } = require("@agentclientprotocol/sdk");
const { createWebSocketStream } = require("@agentclientprotocol/sdk/experimental/ws-client");
const { WebSocket } = require("ws");

const [url, cwd, sessionId] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));
let answer;

const stream = createWebSocketStream(url, {
  WebSocket,
  headers: { Authorization: `Bearer ${process.env.HOSTLER_TOKEN}` },
});

await client({ name: "typescript" })
  .onNotification(methods.client.session.update, ({ params }) => print({ update: params.update }))
  .onRequest(methods.client.session.requestPermission, ({ params, signal }) => {
    const permission = params.toolCall.toolCallId;
    return new Promise((resolve) => {
      answer = (kind) => {
        const { optionId } = params.options.find((option) => option.kind === kind);
        resolve({ outcome: { outcome: "selected", optionId } });
      };
      signal.addEventListener("abort", () => {
        print({ takenBack: permission });
        resolve({ outcome: { outcome: "cancelled" } });
      });
      print({ permission });
    });
  })
  .connectWith(stream, async (agent) => {
    const hello = { protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} };
    await agent.request(methods.agent.initialize, hello);
    await agent.request(methods.agent.session.load, { sessionId, cwd, mcpServers: [] });
    print({ loaded: true });
    for await (const line of createInterface({ input: process.stdin })) {
      const { prompt, answer: kind } = JSON.parse(line);
      if (kind) answer(kind);
      if (prompt) {
        agent
          .request(methods.agent.session.prompt, {
            sessionId,
            prompt: [{ type: "text", text: prompt }],
          })
          .then(({ stopReason }) => print({ end: stopReason }))
          .catch((error) => print({ failed: error.data?.code ?? String(error) }));
      }
    }
  });
// The SDK leaves its socket to the process.
process.exit();
