"""An MCP server over stdio whose one tool asks for a name, and says what it heard."""

import json
import sys

FORM = {
    "mode": "form",
    "message": "Your name?",
    "requestedSchema": {
        "type": "object",
        "properties": {"name": {"type": "string", "title": "Name"}},
        "required": ["name"],
    },
}


def tell(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


call = None
for line in sys.stdin:
    ask = json.loads(line)
    method = ask.get("method")
    if method is None:
        text = json.dumps(ask.get("result", ask.get("error")), sort_keys=True)
        tell({"id": call, "result": {"content": [{"type": "text", "text": text}]}})
    elif method == "tools/call":
        call = ask["id"]
        tell({"id": "form", "method": "elicitation/create", "params": FORM})
    elif "id" in ask:
        result = {
            "initialize": {
                "protocolVersion": ask.get("params", {}).get("protocolVersion"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "asks", "version": "1"},
            },
            "tools/list": {
                "tools": [{"name": "meet", "description": "Meet", "inputSchema": {"type": "object"}}]
            },
        }.get(method, {})
        tell({"id": ask["id"], "result": result})
