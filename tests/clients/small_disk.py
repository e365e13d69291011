"""A disk that can be filled: a file system in memory, if the user has the right to mount one."""
import atexit
import os
import shutil
import subprocess
import tempfile

from millrace_server import Skipped


class SmallDisk:
    def __init__(self, megabytes):
        self.folder = tempfile.mkdtemp(prefix="millrace-cluster-disk-")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.folder], stderr=subprocess.DEVNULL,
                          check=False).returncode:
            os.rmdir(self.folder)
            raise Skipped("no right to mount a small file system")
        atexit.register(self.close)
        self.filler = os.path.join(self.folder, "filler")

    def fill(self, left_megabytes=16):
        """Fills the disk until less space is free than the server reserves."""
        room = os.statvfs(self.folder)
        with open(self.filler, "wb") as file:
            for _ in range((room.f_bavail * room.f_frsize >> 20) - left_megabytes):
                file.write(b"x" * (1 << 20))

    def close(self):
        subprocess.run(["umount", "-l", self.folder], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
