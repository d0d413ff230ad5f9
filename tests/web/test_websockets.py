#!/usr/bin/python3
"""test_websockets.py -- Debian's python3-websockets, which nobody here wrote, against the server."""

import asyncio
import json
import os
import re
import subprocess
import unittest

import websockets

JSON = "uproar.v1.json"
BIN = "uproar.v1.bin"
WAIT_S = 20  # no wait takes so long when all is well
ECHO_MAX = 65536


class Server:
    """A real uproard on a port of the kernel's choice; stop is as much an assertion as an end."""

    def __init__(self, *flags):
        added = os.environ.get("UPROAR_TEST_FLAGS", "").split()
        words = [os.environ["UPROARD"], "--listen", "127.0.0.1:0", "--workers", "4", "--stats-file", "none",
                 "--drain-timeout", "5000", *added, *flags]
        # The kernel ends it when this process is gone.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *words],
                                        stderr=subprocess.PIPE, text=True)
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if " msg=listening " in line:
                break
        port = re.search(r" port=(\d+)", self.log[-1])
        self.host = f"127.0.0.1:{port[1]}"

    def url(self, path="/ws"):
        return f"ws://{self.host}{path}"

    def stop(self):
        self.process.terminate()
        self.log.extend(self.process.stderr)
        status = self.process.wait(WAIT_S)
        self.process.stderr.close()
        log = "".join(self.log)
        assert status == 0, f"uproard ended with {status}:\n{log}"
        assert " level=error " not in log, log


class Person:
    """One who speaks JSON."""

    def __init__(self, socket):
        self.socket = socket

    async def say(self, **command):
        await self.socket.send(json.dumps(command))

    async def hear(self, kind):
        async def search():
            while True:
                event = json.loads(await self.socket.recv())
                if event["type"] == kind:
                    return event
        return await asyncio.wait_for(search(), WAIT_S)


class Websockets(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest's default, which takes ten times as long
        self.server = Server("--enable-echo", "on", "--heartbeat", "200")

    async def asyncTearDown(self):
        await asyncio.to_thread(self.server.stop)

    def connect(self, path="/ws", **options):
        return websockets.connect(self.server.url(path), open_timeout=WAIT_S, close_timeout=WAIT_S, **options)

    async def arrive(self, socket, name, **more):
        person = Person(socket)
        await person.say(type="HELLO", name=name, **more)
        person.welcome = await person.hear("WELCOME")
        return person

    async def refused(self, status, path="/ws", **options):
        with self.assertRaises(websockets.InvalidStatusCode) as caught:
            async with self.connect(path, **options):
                pass
        self.assertEqual(caught.exception.status_code, status)

    async def test_handshake(self):
        for offered, taken in ((None, None), ([JSON], JSON), ([BIN], BIN), ([BIN, JSON], BIN), (["x", JSON], JSON)):
            async with self.connect(subprotocols=offered) as socket:
                self.assertEqual(socket.subprotocol, taken)
                self.assertEqual(socket.extensions, [], "permessage-deflate is offered, and declined")
        await self.refused(400, subprotocols=["chat"])
        await self.refused(403, origin="https://evil.example")
        await self.refused(404, path="/nowhere")
        async with self.connect(origin=f"http://{self.server.host}"):
            pass

    async def test_echo(self):
        async with self.connect("/echo", max_size=None) as socket:
            for length in (0, 1, 125, 126, 65535, ECHO_MAX):
                for message in ("x" * length, b"\xa5" * length):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)
            await socket.send(["Zo", "", "ë 😀"])
            self.assertEqual(await socket.recv(), "Zoë 😀")

            async def parts():
                for i in range(64):
                    yield bytes([i]) * 1024
                    await socket.ping()  # between two parts of a message

            await socket.send(parts())
            self.assertEqual(await socket.recv(), b"".join(bytes([i]) * 1024 for i in range(64)))
            await socket.send(bytes(ECHO_MAX + 1))
            with self.assertRaises(websockets.ConnectionClosedError):
                await asyncio.wait_for(socket.recv(), WAIT_S)
            self.assertEqual((socket.close_code, socket.close_reason), (1009, "frame-too-long"))

    async def test_pings_both_ways(self):
        async with self.connect() as socket:
            for payload in (b"", b"12345678", b"x" * 125):
                await asyncio.wait_for(await socket.ping(payload), WAIT_S)
            # It answers pings by itself, and says nothing else meanwhile.
            pong, asked = socket.pong, asyncio.Queue()

            async def answer(payload):
                asked.put_nowait(payload)
                await pong(payload)

            socket.pong = answer
            anna = await self.arrive(socket, "anna")
            for _ in range(5):
                self.assertEqual(len(await asyncio.wait_for(asked.get(), WAIT_S)), 8)
            await anna.say(type="PING", token="7")
            self.assertEqual((await anna.hear("PONG"))["token"], "7")

    async def test_binary(self):
        async with self.connect(subprotocols=[BIN]) as socket:
            await socket.send(bytes.fromhex("C5010100 00000000 04") + b"anna" + b"\0")
            welcome = await asyncio.wait_for(socket.recv(), WAIT_S)
            self.assertEqual(welcome[:4], bytes.fromhex("C5010200"))
            await socket.send(bytes.fromhex("C6010100"))
            with self.assertRaises(websockets.ConnectionClosedError):
                await asyncio.wait_for(socket.recv(), WAIT_S)
            self.assertEqual((socket.close_code, socket.close_reason), (4500, "bad-magic"))

    async def test_closes(self):
        token = ""
        for code, resumed in ((1001, False), (3999, True), (1000, True), (1000, False)):
            socket = await self.connect(subprotocols=[JSON])
            person = await self.arrive(socket, "anna", token=token)
            self.assertEqual(bool(person.welcome["features"] & 1), resumed, f"before {code}")
            token = person.welcome["token"]
            await socket.close(code, "bye")
            self.assertEqual(socket.close_code, code)

    async def test_crowd(self):
        people = 20

        async def member(i):
            async with self.connect(subprotocols=[JSON]) as socket:
                person = await self.arrive(socket, f"p{i}")
                await person.say(type="JOIN", flags=4, room="lobby")
                room = (await person.hear("JOINED"))["room"]
                arrived.append(i)
                if len(arrived) == people:
                    all_here.set()
                await asyncio.wait_for(all_here.wait(), WAIT_S)
                for n in range(10):
                    await person.say(type="PUBLISH", room=room, msgid=str(n), body=f"{i}.{n}")
                return [(await person.hear("MESSAGE"))["body"] for _ in range(10 * people)]

        arrived, all_here = [], asyncio.Event()
        heard = await asyncio.gather(*(member(i) for i in range(people)))
        self.assertEqual(len(set(heard[0])), 10 * people)
        for bodies in heard:
            self.assertEqual(bodies, heard[0])

    async def test_stop(self):
        async with self.connect(subprotocols=[JSON]) as socket:
            anna = await self.arrive(socket, "anna")
            self.server.process.terminate()
            self.assertEqual((await anna.hear("GOAWAY"))["reason_name"], "shutdown")
            await asyncio.wait_for(socket.wait_closed(), WAIT_S)
            self.assertEqual((socket.close_code, socket.close_reason), (4002, "shutdown"))


if __name__ == "__main__":
    unittest.main()
