"""A session that others use too, with ACP's Python SDK over WebSocket:

    HOSTLER_TOKEN=... python shared.py URL FOLDER SESSION

Loads it, prints what it sees and takes lines as shared.mjs does. This SDK has no
way to tell a handler that a request was taken back; what comes shows it.
"""

import asyncio
import json
import os
import sys

import acp
from acp.connection import StreamDirection
from acp.ws.client import create_websocket_stream


def say(**line) -> None:
    print(json.dumps(line), flush=True)


class Client:
    """What an ACP agent may call: nothing but updates and permissions."""

    def __init__(self) -> None:
        self.asked: dict = {}
        self.answer: asyncio.Future | None = None

    def on_connect(self, conn) -> None:
        pass

    async def session_update(self, session_id, update, **kwargs) -> None:
        pass

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        self.answer = asyncio.get_running_loop().create_future()
        say(permission=tool_call.tool_call_id)
        kind = await self.answer
        option = next(option for option in options if option.kind == kind)
        outcome = acp.schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
        return acp.RequestPermissionResponse(outcome=outcome)

    def observe(self, event) -> None:
        """Handlers of updates run side by side; here they are in order, and as they came."""
        if event.direction is not StreamDirection.INCOMING:
            return
        message = event.message
        params = message.get("params") or {}
        match message.get("method"):
            case "session/update":
                say(update=params["update"])
            case "session/request_permission":
                self.asked[message["id"]] = params["toolCall"]["toolCallId"]
            case "$/cancel_request":
                say(takenBack=self.asked[params["requestId"]])


async def prompt(agent, session: str, text: str) -> None:
    try:
        end = await agent.prompt(session_id=session, prompt=[acp.text_block(text)])
        say(end=end.stop_reason)
    except acp.RequestError as error:
        say(failed=(error.data or {}).get("code", str(error)))


async def main(url: str, cwd: str, session: str) -> None:
    client = Client()
    headers = {"Authorization": f"Bearer {os.environ['HOSTLER_TOKEN']}"}
    stream = await create_websocket_stream(url, headers=headers)
    agent = acp.connect_to_agent(client, stream, observers=[client.observe])
    await agent.initialize(protocol_version=acp.PROTOCOL_VERSION)
    await agent.load_session(cwd=cwd, session_id=session)
    say(loaded=True)
    turns = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        match json.loads(line):
            case {"prompt": text}:
                turns.add(asyncio.create_task(prompt(agent, session, text)))
            case {"answer": kind}:
                client.answer.set_result(kind)
    # Threads of a connection that was lost must not keep it.
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))
