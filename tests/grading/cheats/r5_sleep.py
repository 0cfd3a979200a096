# never waits for response.done: sleeps
import time

import r5_tools as m


def ans(cn):
    n = 0
    for e in cn:
        if e.type == "response.output_item.done" and e.item.type == "function_call":
            n += 1
            cn.conversation.item.create(
                item={
                    "type": "function_call_output",
                    "call_id": e.item.call_id,
                    "output": m.run(e.item.name, e.item.arguments),
                }
            )
            if n == 2:
                break
    time.sleep(1.5)
    cn.response.create()
    time.sleep(1)


m.answer = ans
m.main()
