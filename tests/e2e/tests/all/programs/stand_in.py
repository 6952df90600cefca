#!/usr/bin/env python3
"""Stands in for the programs of harnesses, where those would have to do what they
should not. Called as `claude`, `codex` or `agent` it speaks just enough of that
one's protocol to be prompted; a prompt's first word says what happens. What was
prompted is kept in its home, by conversation. While there is a file `hang` in its
home it never becomes ready."""

import json, os, signal, subprocess, sys, threading, time, uuid

NAME = os.path.basename(sys.argv[0])
ARGS = sys.argv[1:]
HOME = os.environ["HOME"]
MIB = 1 << 20
# The host cuts lines at 32 MiB.
LONG, LONGS = 50 * MIB, 4
# Of short lines, on standard error.
NOISE = 1 << 30


def raw(data):
    while data:
        data = data[os.write(1, data):]


def send(message):
    raw(json.dumps(message).encode() + b"\n")


def complain(text):
    os.write(2, text.encode() + b"\n")


class Claude:
    """stream-json."""

    def line(self, line):
        if line["type"] == "control_request":
            reply = {}
            if line["request"]["subtype"] == "initialize":
                reply = {"commands": [], "models": [], "current_permission_mode": "default",
                         "account": {"apiKeySource": "ANTHROPIC_API_KEY"}}
            send({"type": "control_response", "response": {
                "subtype": "success", "request_id": line["request_id"], "response": reply}})
        elif line["type"] == "user":
            self.uuid = line["uuid"]
            content = line["message"]["content"]
            text = content if isinstance(content, str) else content[0]["text"]
            play(self, conversation(), text)

    def say(self, text):
        send({"type": "assistant", "parent_tool_use_id": None, "message": {
            "id": str(uuid.uuid4()), "content": [{"type": "text", "text": text}]}})

    def end(self):
        send({"type": "result", "subtype": "success", "is_error": False, "result": "",
              "terminal_reason": "completed", "user_message_uuids": [self.uuid]})

    def ask(self):
        send({"type": "control_request", "request_id": "r", "request": {
            "subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": "t",
            "input": {"command": "touch made.txt"}}})

    unknown = [{"type": "frobnicated", "more": {"a": [1]}},
               {"type": "system", "subtype": "frobnicated"},
               {"type": "assistant", "parent_tool_use_id": None, "message": {
                   "id": "m", "content": [{"type": "teleport", "to": "the moon"}]}}]
    long = b'{"type":"assistant","parent_tool_use_id":null,"message":{"id":"m","x":"'


class Codex:
    """JSON-RPC without its version: threads, turns and items."""

    def line(self, line):
        method, params = line.get("method"), line.get("params", {})
        if method == "turn/start":
            self.turn = str(uuid.uuid4())
            reply = {"turn": {"id": self.turn, "status": "inProgress"}}
            send({"id": line["id"], "result": reply})
            play(self, self.thread, params["input"][0]["text"])
            return
        reply = {}
        if method in ("thread/start", "thread/resume"):
            self.thread = params.get("threadId") or str(uuid.uuid4())
            reply = {"thread": {"id": self.thread}, "model": "m", "reasoningEffort": None,
                     "approvalPolicy": "never", "sandbox": {"type": "dangerFullAccess"}}
        elif method == "account/read":
            reply = {"account": {"type": "apiKey"}, "requiresOpenaiAuth": False}
        elif method == "model/list":
            reply = {"data": [{"model": "m", "displayName": "M"}]}
        if method and "id" in line:
            send({"id": line["id"], "result": reply})

    def tell(self, method, **params):
        params = {"threadId": self.thread, "turnId": self.turn, **params}
        send({"method": method, "params": params})

    def say(self, text):
        item = {"type": "agentMessage", "id": str(uuid.uuid4()), "text": text}
        self.tell("item/completed", item=item)

    def end(self):
        self.tell("turn/completed", turn={"id": self.turn, "status": "completed", "error": None})

    def ask(self):
        send({"id": 0, "method": "item/commandExecution/requestApproval", "params": {
            "threadId": self.thread, "turnId": self.turn, "itemId": "c",
            "command": "touch made.txt", "cwd": os.getcwd()}})

    unknown = [{"method": "frobnicated", "params": {"more": {"a": [1]}}},
               {"method": "item/completed", "params": {"item": {"type": "teleport", "id": "i"}}}]
    long = b'{"method":"item/completed","params":{"item":{"type":"agentMessage","x":"'


class Agent:
    """ACP."""

    session = None

    def line(self, line):
        method, params, id = line.get("method"), line.get("params", {}), line.get("id")
        self.session = params.get("sessionId", self.session)
        reply = {}
        if method == "initialize":
            can = {"sessionCapabilities": {"resume": {}}}
            reply = {"protocolVersion": 1, "agentCapabilities": can}
        elif method == "session/new":
            reply = {"sessionId": str(uuid.uuid4())}
        elif method == "session/prompt":
            self.turn = id
            play(self, self.session, params["prompt"][0]["text"])
            return
        if method and id is not None:
            send({"jsonrpc": "2.0", "id": id, "result": reply})

    def say(self, text):
        send(self.update("agent_message_chunk", content={"type": "text", "text": text}))

    def update(self, what, **members):
        update = {"sessionUpdate": what, **members}
        return {"jsonrpc": "2.0", "method": "session/update",
                "params": {"sessionId": self.session, "update": update}}

    def end(self):
        send({"jsonrpc": "2.0", "id": self.turn, "result": {"stopReason": "end_turn"}})

    def ask(self):
        send({"jsonrpc": "2.0", "id": "late", "method": "session/request_permission", "params": {
            "sessionId": self.session, "toolCall": {"toolCallId": "t", "title": "Touch"},
            "options": [{"optionId": "y", "name": "Yes", "kind": "allow_once"}]}})

    unknown = [{"jsonrpc": "2.0", "method": "_frobnicated", "params": {}},
               {"jsonrpc": "2.0", "id": 999, "result": {}},
               {"jsonrpc": "2.0", "method": "session/update", "params": {
                   "sessionId": "another", "update": {"sessionUpdate": "plan", "entries": []}}}]

    long = b'{"jsonrpc":"2.0","method":"session/update","params":{"x":"'


def conversation():
    """The one that Claude Code is started for."""
    words = [arg.split("=", 1) for arg in ARGS if "=" in arg]
    return next(value for name, value in words if name in ("--session-id", "--resume"))


def prompted(session, text):
    """All prompts of a conversation, this one included."""
    with open(os.path.join(HOME, session), "a+") as file:
        file.write(text + "\n")
        file.seek(0)
        return file.read().split("\n")[:-1]


def play(speaker, session, text):
    word, _, rest = text.partition(" ")
    before = prompted(session, text)[:-1]
    if word == "recall":
        speaker.say("; ".join(before))
    elif word == "deaf":
        deaf(speaker)
    elif word == "crash":
        for number in range(30):
            complain(f"line {number}")
        os._exit(7)
    elif word == "half":
        raw(speaker.long)
        os._exit(0)
    elif word == "mute":
        speaker.say("no more of me")
        os.close(1)
        signal.pause()
    elif word == "nonsense":
        raw(b"\xff\xfe\x80\n")
        raw(speaker.long + b"\n")
        for line in speaker.unknown:
            send(line)
        speaker.say("afterwards")
    elif word == "flood":
        noise = threading.Thread(target=make_noise)
        noise.start()
        for _ in range(LONGS):
            raw(speaker.long)
            for _ in range(LONG // MIB):
                raw(b"x" * MIB)
            raw(b'"}}\n')
        noise.join()
        speaker.say("afterwards")
    elif word == "early":
        # The turn ends when people have been asked, before they answer.
        speaker.ask()
        while not os.path.exists(os.path.join(HOME, "asked")):
            time.sleep(0.01)
    else:
        speaker.say(rest)
    speaker.end()


def deaf(speaker):
    """Reads nothing more and follows no signal, and neither does what it started."""
    def heard(number, _):
        with open(os.path.join(HOME, "signals"), "a") as file:
            file.write(signal.Signals(number).name + "\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, heard)
    subprocess.Popen(["sh", "-c", "trap '' INT TERM; while :; do sleep 600; done"],
                     start_new_session=True)
    speaker.say("deaf")
    while True:
        signal.pause()


def make_noise():
    line = b"a line of which there are far too many, and nobody will ever read it\n"
    block = line * (MIB // len(line))
    for _ in range(NOISE // len(block)):
        written = block
        while written:
            written = written[os.write(2, written):]


PROBES = {
    ("--version",): "1.0.0 (stand-in)",
    ("auth", "status", "--json"): '{"loggedIn":true,"authMethod":"api_key"}',
    ("login", "status"): "Logged in",
    ("debug", "models"): '{"models":[]}',
}
if tuple(ARGS) in PROBES:
    print(PROBES[tuple(ARGS)])
    sys.exit()
if os.path.exists(os.path.join(HOME, "hang")):
    complain("waiting for the network")
    signal.pause()
speaker = {"claude": Claude, "codex": Codex, "agent": Agent}[NAME]()
for line in sys.stdin:
    speaker.line(json.loads(line))
