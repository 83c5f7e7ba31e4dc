"""Waiting for what cannot announce itself, always with a deadline."""
import time


def eventually(condition, what, deadline=60.0, interval=0.005):
    """Polls CONDITION until it is true and gives its value; fails after DEADLINE seconds."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(interval)
