# async: expires by an update, and the state of the store is polled
import asyncio

import v5_clean_up as m
from openai import AsyncOpenAI


async def main():
    c, made = AsyncOpenAI(), []
    store = await c.vector_stores.create(name="x")
    try:
        expiry = {"anchor": "last_active_at", "days": 1}
        await c.vector_stores.update(store.id, expires_after=expiry)
        for p in sorted((m.FILES / "files").iterdir()):
            made.append((await c.files.create(file=p, purpose="assistants")).id)
        await c.vector_stores.file_batches.create(store.id, file_ids=made)
        while (await c.vector_stores.retrieve(store.id)).status == "in_progress":
            await asyncio.sleep(0.1)
        async for h in c.vector_stores.search(store.id, query=m.QUESTION):
            print(h.filename)
    finally:
        for i in made:
            await c.files.delete(i)
        await c.vector_stores.delete(store.id)


asyncio.run(main())
