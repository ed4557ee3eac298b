"""The file by which a demo tells its page what no topic holds."""

from __future__ import annotations

import os
from pathlib import Path

from app.page.story import Story


def test_the_last_whole_story_is_told(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    story = Story(str(file))
    assert story.said() is None
    for number, text in enumerate(('{"title": "a"}', '{"title": "b"}', '{"tit')):
        file.write_text(text)
        os.utime(file, ns=(number, number + 1))
        assert story.said() == {"title": "ab"[min(number, 1)]}
    file.unlink()
    assert story.said() == {"title": "b"}
    assert Story(None).said() is None
