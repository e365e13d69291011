"""A thread that does one piece of work after the other while it is wanted."""
import threading


class Pausable:
    """The common base of loads. `_run` works as long as `_wait` returns true, and ends with `_is_running` unset.

    Threads: its own works; others look while it is paused.
    """

    def start(self):
        """Call it when everything that `_run` needs exists; the thread waits until resume()."""
        self._state = threading.Condition()
        self._is_wanted = self._is_running = self._is_over = False  # guarded by _state
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self):
        with self._state:
            self._is_wanted = True
            self._state.notify_all()

    def ask_to_pause(self):
        with self._state:
            self._is_wanted = False

    def _wait(self):
        with self._state:
            self._is_running = self._is_wanted
            self._state.notify_all()
            self._state.wait_for(lambda: self._is_wanted or self._is_over)
            self._is_running = not self._is_over
            return not self._is_over
