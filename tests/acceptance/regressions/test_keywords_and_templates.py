"""Keywords and templates: the Electron program took the names of these files and never opened them. Here they are read
for every job anew, a job that waits keeps what it was given, and a file that is gone stops its job before anything is
paid.

How files are read, and what a wrong one says: tests/engine/test_keywords.py, test_keywords_csv.py, test_templates.py.
That the examples of the documentation reach the model: tests/acceptance/test_stories.py.
"""

from pathlib import Path

import pytest

from engine.api import JobRequest
from engine.errors import SettingsError
from tests.acceptance.support import QUIET
from tests.support.engine import EngineHome, settings

pytestmark = pytest.mark.acceptance


async def test_each_run_reads_the_files_as_they_are_then(home: EngineHome, tmp_path: Path) -> None:
    keywords, template = tmp_path / "keywords.csv", tmp_path / "template.txt"
    keywords.write_text('Subject,Place\n"cat, asleep",Málaga\n', encoding="utf-8")
    template.write_text("A ${{Subject}} in ${{Place}}.", encoding="utf-8")
    files = {"keywords_file": str(keywords), "system_prompt_file": str(template)}
    async with home.open(is_working=False) as engine:
        first = await engine.start_job(JobRequest(settings(files=files, ai=QUIET), label="first"))
        keywords.write_text("Subject,Place\ndog,Oslo\n", encoding="utf-8")
        template.write_text("${{Place}}: ${{Subject}}!", encoding="utf-8")
        second = await engine.start_job(JobRequest(settings(files=files, ai=QUIET), label="second"))
    keywords.unlink()
    template.unlink()
    async with home.open() as engine:
        for job in (first, second):
            assert (await engine.wait_for_job(job.job_id)).images.approved == 1
        with pytest.raises(SettingsError, match="keywords_file"):
            await engine.rerun_jobs([second.job_id], is_as_run=True)
    sent = [record.body["messages"][-1]["content"] for record in home.requests("openai", "chat.prompt")]
    assert sent == ["A cat, asleep in Málaga.", "Oslo: dog!"]
    assert len(home.payments("piapi", "submit")) == 2
