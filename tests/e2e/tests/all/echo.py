"""An MCP server over stdio with one tool, which says what it is told."""

import json
import sys

for line in sys.stdin:
    ask = json.loads(line)
    if "id" not in ask:
        continue
    params = ask.get("params", {})
    result = {
        "initialize": lambda: {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1"},
        },
        "tools/list": lambda: {
            "tools": [
                {
                    "name": "echo",
                    "description": "Say it again",
                    "inputSchema": {
                        "type": "object",
                        "properties": {"text": {"type": "string"}},
                    },
                }
            ]
        },
        "tools/call": lambda: {
            "content": [{"type": "text", "text": "echo: " + params["arguments"]["text"]}]
        },
    }.get(ask["method"], dict)()
    print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": result}), flush=True)
