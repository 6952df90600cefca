// One turn with ACP's TypeScript SDK, over WebSocket or, if the URL begins with
// http, over HTTP:
//   HOSTLER_TOKEN=… node typescript.mjs URL FOLDER PROMPT
// Allows once whatever it is asked, and prints what it saw as one line of JSON,
// in the shape that python.py prints, too.

import { createRequire } from "node:module";

// Packages are looked up beside the importing file; these are pinned elsewhere.
const require = createRequire(new URL("../tools/package.json", import.meta.url));
const { PROTOCOL_VERSION, client, methods } = require("@agentclientprotocol/sdk");
const { createHttpStream } = require("@agentclientprotocol/sdk/experimental/http-client");
const { createWebSocketStream } = require("@agentclientprotocol/sdk/experimental/ws-client");
const { WebSocket } = require("ws");

const [url, cwd, prompt] = process.argv.slice(2);
const seen = { text: "", thought: "", permissions: [], tools: {} };

const headers = { Authorization: `Bearer ${process.env.HOSTLER_TOKEN}` };
const stream = url.startsWith("http")
  ? createHttpStream(url, { headers })
  : createWebSocketStream(url, { WebSocket, headers });

await client({ name: "typescript" })
  .onRequest(methods.client.session.requestPermission, ({ params }) => {
    seen.permissions.push(params.toolCall.toolCallId);
    const { optionId } = params.options.find((option) => option.kind === "allow_once");
    return { outcome: { outcome: "selected", optionId } };
  })
  .connectWith(stream, async (agent) => {
    const { protocolVersion, agentInfo } = await agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: {},
    });
    Object.assign(seen, { protocolVersion, agent: agentInfo.name });
    await agent.buildSession(cwd).withSession(async (session) => {
      const turn = session.prompt(prompt);
      for (;;) {
        const message = await session.nextUpdate();
        if (message.kind === "stop") break;
        note(message.update);
      }
      seen.stopReason = (await turn).stopReason;
    });
  });
console.log(JSON.stringify(seen));
// The SDK leaves its socket to the process.
process.exit();

function note(update) {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      seen.text += update.content.text;
      break;
    case "agent_thought_chunk":
      seen.thought += update.content.text;
      break;
    case "tool_call":
    case "tool_call_update":
      seen.tools[update.toolCallId] = update.status ?? seen.tools[update.toolCallId];
      break;
  }
}
