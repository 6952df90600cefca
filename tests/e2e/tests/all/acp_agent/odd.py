"""An agent that can, and does, what the scripted one does not. Its arguments are
what it can: load, resume, late, login, models, fork, image, two, stay. A conversation
is kept as a file in its home. A prompt's first word says what happens."""

import json, os, sys, time, uuid

CAN = sys.argv[1:]
MEMORY = os.environ["HOME"]
OUT = sys.stdout.buffer
modes = {"currentModeId": "ask", "availableModes": [
    {"id": "ask", "name": "Ask"}, {"id": "plan", "name": "Plan"}]}
models = {"currentModelId": "small", "availableModels": [
    {"modelId": "small", "name": "Small"}, {"modelId": "large", "name": "Large"}]}
login = os.path.join(MEMORY, "login")
waiting = {}
told = []
starts = os.path.join(MEMORY, "-".join(["starts", *CAN]))
with open(starts, "a") as file:
    file.write("once\n")


def raw(data):
    OUT.write(data + b"\n")
    OUT.flush()


def send(**message):
    raw(json.dumps({"jsonrpc": "2.0", **message}).encode())


def update(session, what, **members):
    update = {"sessionUpdate": what, **members}
    send(method="session/update", params={"sessionId": session, "update": update})


def say(session, text, kind="agent_message_chunk"):
    update(session, kind, content={"type": "text", "text": text})


def path(session):
    return os.path.join(MEMORY, session + ".json")


def history(session):
    with open(path(session)) as file:
        return json.load(file)


def keep(session, turns):
    with open(path(session), "w") as file:
        json.dump(turns, file)


def began(session):
    result = {"sessionId": session, "modes": modes}
    if "models" in CAN:
        result["models"] = models
    return result


def refuse(id, code, message):
    send(id=id, error={"code": code, "message": message})


def replay(session):
    for prompt, answer in history(session):
        say(session, prompt, "user_message_chunk")
        say(session, answer)


def prompt(id, session, text):
    word, _, rest = text.partition(" ")
    turns = history(session)
    end = lambda reason="end_turn": send(id=id, result={"stopReason": reason})
    answer = rest
    if word == "recall":
        answer = "; ".join(prompt for prompt, _ in turns)
    elif word == "state":
        answer = f"{modes['currentModeId']} {models['currentModelId']}"
    elif word == "told":
        answer = json.dumps(told)
    elif word == "starts":
        with open(starts) as file:
            answer = str(len(file.readlines()))
    turns.append([text, answer])
    keep(session, turns)
    if word == "crash":
        update(session, "tool_call", toolCallId="t", title="Work", status="in_progress")
        print("the last words", file=sys.stderr, flush=True)
        os._exit(7)
    elif word == "half":
        OUT.write(b'{"jsonrpc":"2.0","id":%d,"resu' % id)
        OUT.flush()
        os._exit(0)
    elif word == "long":
        raw(b'{"jsonrpc":"2.0","method":"session/update","params":"' + b"x" * (50 << 20) + b'"}')
    elif word == "longend":
        raw(b'{"jsonrpc":"2.0","id":%d,"result":{"x":"' % id + b"x" * (50 << 20) + b'"}}')
        return
    elif word == "bytes":
        raw(b"\xff\xfe\x80")
    elif word == "truncated":
        raw(b'{"jsonrpc":"2.0","method":"session/update","params":{"sess')
    elif word == "unknown":
        update(session, "frobnicated", more={"a": [1]})
        update(session, "tool_call", toolCallId="u", title="Strange", kind="teleport")
        update(session, "tool_call_update", toolCallId="u", status="completed")
        send(method="_odd/told", params={"sessionId": session})
    elif word == "other":
        send(id=999, result={"stopReason": "end_turn"})
    elif word == "twice":
        end()
    elif word == "hang":
        say(session, rest)
        return
    elif word == "ask":
        waiting["question"] = (id, session)
        send(id="question", method="elicitation/create", params={
            "sessionId": session, "mode": "form", "message": "Which size?",
            "requestedSchema": {"type": "object", "properties": {
                "size": {"type": "string", "enum": ["S", "L"]}}}})
        return
    elif word in ("words", "wonder"):
        waiting[word] = (id, session)
        if word == "wonder":
            scope = {"sessionId": session} if rest == "here" else {}
            send(id=word, method="_odd/wonder", params={**scope, "about": rest})
        else:
            send(id=word, method="elicitation/create", params={
                "sessionId": session, "mode": "form", "message": "Your name?",
                "requestedSchema": {"type": "object", "required": ["name"], "properties": {
                    "name": {"type": "string", "title": "Name"}}}})
        return
    elif word == "tell":
        send(method="_odd/told", params={"sessionId": session, "n": 1})
        send(method="_odd/told", params={"n": 2})
        send(method="_hostler/permission", params={"sessionId": session, "state": "open"})
    elif word == "early":
        # The turn ends before its question is answered.
        send(id="late", method="session/request_permission", params={
            "sessionId": session, "toolCall": {"toolCallId": "e", "title": "Late"},
            "options": [{"optionId": "y", "name": "Yes", "kind": "allow_once"}]})
        waiting["late"] = None
    if answer:
        say(session, answer)
    end()


for line in sys.stdin:
    message = json.loads(line)
    id, method, params = message.get("id"), message.get("method"), message.get("params", {})
    session = params.get("sessionId")
    if method == "initialize":
        send(id=id, result={
            "protocolVersion": 2 if "two" in CAN else 1,
            "agentInfo": {"name": "odd", "version": "1"},
            "agentCapabilities": {
                "loadSession": "load" in CAN,
                "promptCapabilities": {"image": "image" in CAN},
                "sessionCapabilities": {name: {} for name in CAN if name in ("resume", "fork")}},
            "authMethods": [{"id": "file", "name": "A file"}] if "login" in CAN else []})
    elif method == "authenticate":
        open(login, "w").close()
        send(id=id, result={})
    elif method == "session/new":
        if "login" in CAN and not os.path.exists(login):
            refuse(id, -32000, "nobody is logged in")
            continue
        session = str(uuid.uuid4())
        keep(session, [])
        send(id=id, result=began(session))
    elif method in ("session/load", "session/resume"):
        if not os.path.exists(path(session)):
            refuse(id, -32002, "no such session")
            continue
        result = began(session)
        del result["sessionId"]
        if method == "session/load" and "late" not in CAN:
            replay(session)
        send(id=id, result=result)
        if "late" in CAN:
            replay(session)
    elif method == "session/set_mode":
        modes["currentModeId"] = params["modeId"]
        send(id=id, result=None)
    elif method == "session/set_model":
        models["currentModelId"] = params["modelId"]
        send(id=id, result={})
    elif method == "_odd/echo":
        send(id=id, result={"echo": params})
    elif method == "session/prompt":
        prompt(id, session, params["prompt"][0]["text"])
    elif method == "session/cancel":
        pass
    elif method == "_odd/tell":
        told.append(params)
    elif method is None and id in waiting:
        asked = waiting.pop(id)
        if asked:
            turn, session = asked
            say(session, json.dumps(message.get("result", message.get("error"))))
            send(id=turn, result={"stopReason": "end_turn"})
    elif id is not None:
        refuse(id, -32601, f"no {method}")

if "stay" in CAN:
    # The end of its input is no reason to end.
    while True:
        time.sleep(60)
