#!/usr/bin/python3
"""member.py URL NAME ROOM -- says each line of standard input in a room, and prints each message of it
as a line of JSON; python3-websockets speaks. For test_together.mjs."""

import asyncio
import json
import sys

import websockets


async def talk(socket, room):
    loop = asyncio.get_running_loop()
    number = 0
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        number += 1
        await socket.send(json.dumps(
            {"type": "PUBLISH", "room": room, "msgid": str(number), "body": line.rstrip("\n")}))
    await socket.close()


async def main(url, name, room):
    async with websockets.connect(url, subprotocols=["uproar.v1.json"]) as socket:
        await socket.send(json.dumps({"type": "HELLO", "name": name}))
        await socket.send(json.dumps({"type": "JOIN", "flags": 0, "room": room}))
        talking = None
        async for text in socket:
            event = json.loads(text)
            if event["type"] == "JOINED":
                talking = asyncio.create_task(talk(socket, event["room"]))
            if event["type"] in ("JOINED", "MESSAGE"):
                print(text, flush=True)
        await talking


asyncio.run(main(*sys.argv[1:]))
