"""A cart-pole that misbehaves on some candidates: what the tests of faults set as `task.trap`."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
from evoneuro_tasks.cartpole import CartPole

EPISODES = 4  # lanes of one candidate
PATTERNS = {(1, 0, 1, 1), (0, 1, 0, 0), (1, 1, 0, 1)}


class Trap(CartPole):
    """Cart-pole with a trap in its second step."""

    max_steps: int = 40
    trap: str = ""
    mark: str = ""  # a file that is there once the trap has been sprung, for those that spring once

    def reset(self, keys):
        self.calls = 0
        return super().reset(keys)

    def step(self, state, action):
        self.calls += 1
        found = super().step(state, action)
        lanes = np.asarray(action).tolist()
        chunks = [tuple(lanes[i : i + EPISODES]) for i in range(0, len(lanes), EPISODES)]
        if self.calls != 2 or not PATTERNS.intersection(chunks):
            return found
        return getattr(self, f"spring_{self.trap}", lambda found: found)(found)

    # What ends the process

    def spring_exit(self, found):
        os._exit(13)

    def spring_leave(self, found):
        sys.exit(3)

    def spring_segfault(self, found):
        ctypes.string_at(0)

    def spring_kill(self, found):
        os.kill(os.getpid(), signal.SIGKILL)

    def spring_abort(self, found):
        os.abort()

    # What never answers

    def spring_hang(self, found):
        while True:
            pass

    def spring_sleep(self, found):
        time.sleep(10**6)

    # What raises

    def spring_raise(self, found):
        raise ValueError("no\nsuch thing")

    def spring_interrupt(self, found):
        raise KeyboardInterrupt

    def spring_recurse(self, found):
        return self.spring_recurse(found)

    def spring_mute(self, found):
        class MuteError(Exception):
            def __str__(self):
                raise RuntimeError

        raise MuteError

    def spring_allocate(self, found):
        held = []
        while True:
            held.append(np.ones(2**21))

    # What returns nonsense

    def _with(self, found, place, value):
        return (*found[:place], value, *found[place + 1 :])

    def spring_nan(self, found):
        return self._with(found, 1, found[1] * np.nan)

    def spring_infinite(self, found):
        return self._with(found, 2, np.full(len(found[2]), np.inf))

    def spring_narrow(self, found):
        return self._with(found, 1, found[1][:, :1])

    def spring_text(self, found):
        return self._with(found, 2, "high")

    def spring_complex(self, found):
        return self._with(found, 2, found[2] * 1j)

    def spring_huge(self, found):
        return self._with(found, 2, [10**400] * len(found[2]))

    def spring_generator(self, found):
        return (part for part in found[:3])

    def spring_nothing(self, found):
        return None

    def spring_few(self, found):
        return found[:4]

    # What does its work, and something to the process besides

    def spring_print(self, found):
        print("from the plugin", flush=True)
        os.write(1, b"from its C code\n")
        return found

    def spring_fork(self, found):
        os.fork()
        return found

    def spring_spawn(self, found):
        subprocess.Popen(["sleep", "0.5"])
        return found

    def spring_bomb(self, found):
        for _ in range(50):
            threading.Thread(target=time.sleep, args=(10**4,), daemon=True).start()
        for _ in range(5):
            subprocess.Popen(["sleep", "600"])
        return found

    def spring_chdir(self, found):
        os.chdir("/")
        return found

    def spring_close(self, found):
        os.close(1)
        os.close(2)
        return found

    def spring_clear(self, found):
        os.environ.clear()
        return found

    def spring_deaf(self, found):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return found

    def spring_sometimes(self, found):
        """Raises in every second call, the first among them."""
        try:
            os.remove(self.mark)
        except FileNotFoundError:
            open(self.mark, "w").close()
            raise ConnectionError("no route") from None
        return found
