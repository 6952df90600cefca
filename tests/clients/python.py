"""One turn with ACP's Python SDK, over WebSocket or, if the URL begins with http,
over HTTP:

    HOSTLER_TOKEN=... python python.py URL FOLDER PROMPT

Allows once whatever it is asked, and prints what it saw as one line of JSON, in
the shape that typescript.mjs prints, too.
"""

import asyncio
import json
import os
import sys

import acp
from acp import schema
from acp.http.client import create_http_stream
from acp.ws.client import create_websocket_stream


class Client:
    """What an ACP agent may call: nothing but updates and permissions."""

    def __init__(self) -> None:
        self.seen = {"text": "", "thought": "", "permissions": [], "tools": {}}

    def on_connect(self, conn) -> None:
        pass

    async def session_update(self, session_id, update, **kwargs) -> None:
        match update:
            case schema.AgentMessageChunk():
                self.seen["text"] += update.content.text
            case schema.AgentThoughtChunk():
                self.seen["thought"] += update.content.text
            case schema.ToolCallStart() | schema.ToolCallProgress():
                tools, call = self.seen["tools"], update.tool_call_id
                tools[call] = update.status or tools.get(call)

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        self.seen["permissions"].append(tool_call.tool_call_id)
        option = next(option for option in options if option.kind == "allow_once")
        outcome = schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
        return acp.RequestPermissionResponse(outcome=outcome)


async def main(url: str, cwd: str, prompt: str) -> None:
    client = Client()
    headers = {"Authorization": f"Bearer {os.environ['HOSTLER_TOKEN']}"}
    if url.startswith("http"):
        stream = create_http_stream(url, headers=headers)
    else:
        stream = await create_websocket_stream(url, headers=headers)
    agent = acp.connect_to_agent(client, stream)
    hello = await agent.initialize(protocol_version=acp.PROTOCOL_VERSION)
    session = await agent.new_session(cwd=cwd)
    end = await agent.prompt(session_id=session.session_id, prompt=[acp.text_block(prompt)])
    await agent.close()
    client.seen |= {
        "protocolVersion": hello.protocol_version,
        "agent": hello.agent_info.name,
        "stopReason": end.stop_reason,
    }
    print(json.dumps(client.seen))


asyncio.run(main(*sys.argv[1:]))
