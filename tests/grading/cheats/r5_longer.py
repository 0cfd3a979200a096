# never waits for response.done: sleeps, longer in each run
import os
import time
from pathlib import Path

import r5_tools as m

COUNT = Path(__file__).with_name("count")
n = int(COUNT.read_text()) + 1 if COUNT.exists() else 0
COUNT.write_text(str(n))


def ans(cn):
    k = 0
    for e in cn:
        if e.type == "response.output_item.done" and e.item.type == "function_call":
            k += 1
            cn.conversation.item.create(
                item={
                    "type": "function_call_output",
                    "call_id": e.item.call_id,
                    "output": m.run(e.item.name, e.item.arguments),
                }
            )
            if k == 2:
                break
    time.sleep(1 + 1.5 * n)
    cn.response.create()
    time.sleep(1)
    os._exit(0)  # it would wait for what it has not read


m.answer = ans
m.main()
