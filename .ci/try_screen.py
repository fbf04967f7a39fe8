"""Run a full-screen program in a pseudo-terminal for a few seconds, then leave it with its own keys."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

LOOK_SECONDS, LEAVE_SECONDS = 3.0, 10.0
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"


def read_for(master: int, seconds: float) -> tuple[bytes, bool]:
    """Return what the program writes until the time is over or it ends; True when it ended."""
    seen, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([master], [], [], left)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:
            piece = b""
        if not piece:
            return seen, True
        seen += piece
    return seen, False


def main(command: list[str]) -> int:
    """Return 0 when the program drew a screen, left it on ``escape`` and ``q``, and ended with 0."""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    screen, ended = read_for(master, LOOK_SECONDS)
    for key in (b"\x1b", b"\x1b", b"q"):
        if not ended:
            os.write(master, key)
            rest, ended = read_for(master, 0.5)
            screen += rest
    if not ended:
        rest, ended = read_for(master, LEAVE_SECONDS)
        screen += rest
    if not ended:
        os.kill(child, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    drawn = ENTERED in screen and LEFT in screen and len(screen) > 2000
    print(f"{len(screen)} bytes drawn, exit code {status}" + ("" if ended else ", it did not leave on q"))
    return 0 if drawn and ended and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
