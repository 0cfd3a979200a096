"""The clocks of a call: real time, faster time, and one that skips what nobody needs."""

import asyncio

from audio.call_clock import CallClock, VirtualClock

import pytest


class World:
    """The world's time: it passes while somebody sleeps, and not otherwise."""

    def __init__(self):
        self.now = 50.0

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def clock(world):
    return VirtualClock(lambda: world.now, world.sleep)


async def test_faster_clock_sleeps_for_less(world):
    clock = CallClock(4.0, lambda: world.now, world.sleep)

    await clock.wait_until(clock.now() + 2)

    assert (world.now, clock.now()) == (50.5, 202.0)


async def test_past_moment_lets_other_tasks_run(world, clock):
    order = []

    async def other():
        order.append("other")

    task = asyncio.create_task(other())
    await clock.wait_until(clock.now() - 1)
    order.append("back")

    await task
    assert (order, world.now) == (["other", "back"], 50.0)


async def test_wait_is_skipped_while_the_server_owes_nothing(world, clock):
    await clock.wait_until(clock.now() + 3600)

    assert (world.now, clock.now()) == (50.0, 3650.0)


async def test_world_goes_on_while_the_server_is_busy(world, clock):
    clock.is_server_busy = lambda: world.now < 51.0

    await clock.wait_until(clock.now() + 10)

    assert world.now == pytest.approx(51.0, abs=VirtualClock.STEP_S)
    assert clock.now() == pytest.approx(60.0)


async def test_busy_wait_ends_at_its_moment(world, clock):
    clock.is_server_busy = lambda: True

    await clock.wait_until(clock.now() + 0.13)

    assert world.now == pytest.approx(50.13)


async def test_moments_come_in_their_order(clock):
    came = []

    async def wait(seconds):
        await clock.wait_until(50.0 + seconds)
        came.append((seconds, clock.now() - 50.0))

    await asyncio.gather(*map(wait, [7, 3, 5, 3]))

    assert came == [(3, 3.0), (3, 3.0), (5, 5.0), (7, 7.0)]


async def test_moment_that_is_given_up_holds_nobody(clock):
    sooner = asyncio.create_task(clock.wait_until(clock.now() + 1))
    later = asyncio.create_task(clock.wait_until(clock.now() + 9))
    await asyncio.sleep(0)
    sooner.cancel()

    async with asyncio.timeout(5):
        await later

    assert clock.now() == 59.0
    assert sooner.cancelled()


async def test_time_that_passes_by_itself_counts(world, clock):
    await clock.wait_until(clock.now() + 10)
    world.now += 2

    assert clock.now() == 62.0
