"""Debian's python3-socketio: another client than the official one. It prints lines as js/harness.mjs does."""

import asyncio
import json
import os
import sys
import threading
import time
import traceback

import socketio

URL = os.environ["URL"]
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}[os.environ["MODE"]]
checks = []


def check(fn):
    checks.append(fn)
    return fn


def connected(namespaces=("/",), **options):
    client = socketio.Client(reconnection=False)
    client.got = []
    client.woken = threading.Condition()
    for namespace in namespaces:
        for event in ("hello", "echo", "room", "auth", "connect_error", "seq"):
            client.on(event, keep(client, namespace, event), namespace=namespace)
    client.connect(URL, transports=TRANSPORTS, namespaces=list(namespaces), **{"wait_timeout": 20, **options})
    return client


def keep(client, namespace, event):
    def handler(*args):
        with client.woken:
            client.got.append((namespace, event, list(args)))
            client.woken.notify_all()
    return handler


def once(client, event, namespace="/", n=1):
    """Returns the arguments of the first n events, once they are there."""
    def found():
        return [a for (ns, e, a) in client.got if (ns, e) == (namespace, event)][:n]
    with client.woken:
        assert client.woken.wait_for(lambda: len(found()) == n, timeout=20), f"{len(found())} of {n} {event} came"
    return found() if n > 1 else found()[0]


@check
def connects_and_is_told_its_id(client):
    assert once(client, "hello")[0]["id"] == client.get_sid()
    assert client.transport() == TRANSPORTS[-1], client.transport()


@check
def events_there_and_back(client):
    client.emit("echo", ({"a": [1, None, "ü🌬"]}, "two"))
    assert once(client, "echo") == [{"a": [1, None, "ü🌬"]}, "two"]


@check
def a_burst_of_events(client):
    client.emit("burst", 10)  # this client takes 16 packets in one payload, and handles each in a thread of its own
    assert sorted(once(client, "seq", n=10)) == [[i] for i in range(10)]


@check
def binary_there_and_back(client):
    client.emit("echo", {"blob": bytes(range(256)), "n": 1})
    assert once(client, "echo") == [{"blob": bytes(range(256)), "n": 1}]


@check
def the_server_acknowledges(client):
    assert list(client.call("ack", ("x", b"\x00\xff"), timeout=20)) == ["x", b"\x00\xff"]


@check
def the_client_acknowledges(client):
    client.on("question", lambda x: ("answer", x))
    assert list(client.call("ask", (5000, "question", 7), timeout=20)) == ["reply", "answer", 7]


@check
def rooms(client):
    other = connected()
    try:
        client.call("join", ["python"], timeout=20)
        other.emit("room", ("python", "hi", b"\x07"))
        assert once(client, "room") == ["hi", b"\x07"]
        assert not [e for (_, e, _) in other.got if e == "room"]
    finally:
        other.disconnect()


@check
def two_namespaces_with_auth(client):
    both = connected(("/", "/custom"), auth={"token": "t"})
    try:
        assert once(both, "auth", "/custom") == [{"token": "t"}]
        both.emit("echo", b"\x01", namespace="/custom")
        assert once(both, "echo", "/custom") == [b"\x01"]
    finally:
        both.disconnect()


@check
def a_namespace_refuses(client):
    refused = connected(("/admin",), auth={"token": "wrong"}, wait=False)
    try:
        assert once(refused, "connect_error", "/admin") == [{"message": "not authorized", "data": {"code": 401, "retry": False}}]
    finally:
        refused.disconnect()


@check
def survives_its_heartbeats(client):
    time.sleep(3)  # of a server that pings each second
    assert client.connected
    assert client.call("ack", "alive", timeout=20) == "alive"


def run_async():
    """The same package's client for asyncio."""
    async def talk():
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(URL, transports=TRANSPORTS, wait_timeout=20)
        try:
            got = await client.call("ack", ("async", b"\xff"), timeout=20)
            assert list(got) == ["async", b"\xff"], got
        finally:
            await client.disconnect()
    asyncio.run(talk())


def report(name, fn):
    began, error = time.monotonic(), None
    try:
        fn()
    except Exception:  # whatever it is, it is what the check says
        error = traceback.format_exc()
    print(json.dumps({"check": name, "ok": not error, "ms": int((time.monotonic() - began) * 1000), "error": error}), flush=True)
    return error is None


def with_client(fn):
    def run():
        client = connected()
        try:
            fn(client)
        finally:
            client.disconnect()
    return run


results = [report(fn.__name__.replace("_", " "), with_client(fn)) for fn in checks]
results.append(report("the client for asyncio", run_async))
sys.stdout.flush()
os._exit(0 if all(results) else 1)  # without waiting for threads of clients that were refused
