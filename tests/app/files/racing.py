"""Many writers of one file: the same check for every kind of folder."""

import threading

from app.files import FileThere, Folder


def require_one_winner(folder: Folder, writers: int) -> None:
    """Of so many writers of a new file one wins, and the file is whole."""
    won, start = list[int](), threading.Barrier(writers)

    def write(number: int) -> None:
        start.wait()
        try:
            folder.write("a", b"%d" % number * 10_000)
        except FileThere:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(won) == 1
    assert folder.read("a") == b"%d" % won[0] * 10_000
