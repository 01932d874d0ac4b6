"""Databases as the Electron program wrote them, of its older and newer kind, with the pictures that they point to."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

OPENAI_KEY = "sk-proj-electron-3f9a27c5d1e84b60"
PIAPI_KEY = "electron-piapi-5d0b77aa19"

SETTINGS: dict[str, Any] = {
    "apiKeys": {"openai": OPENAI_KEY, "piapi": PIAPI_KEY, "removeBg": ""},
    "filePaths": {
        "outputDirectory": "./pictures/toupload",
        "tempDirectory": "./pictures/generated",
        "systemPromptFile": "./prompt.txt",
        "keywordsFile": "./keywords.txt",
        "qualityCheckPromptFile": "",
        "metadataPromptFile": "",
    },
    "parameters": {
        "processMode": "relax",
        "aspectRatios": "1:1,16:9",
        "mjVersion": "6.1",
        "openaiModel": "gpt-4o",
        "pollingTimeout": 15,
        "enablePollingTimeout": True,
        "pollingInterval": 1,
        "keywordRandom": False,
        "count": 1,
        "label": "",
    },
    "processing": {
        "removeBg": True,
        "removeBgSize": "auto",
        "imageConvert": True,
        "convertToJpg": False,
        "convertToWebp": False,
        "jpgQuality": 85,
        "pngQuality": 100,
        "webpQuality": 85,
        "jpgBackground": "white",
        "trimTransparentBackground": True,
        "imageEnhancement": True,
        "sharpening": 5,
        "saturation": 1.4,
        "removeBgFailureMode": "approve",
    },
    "ai": {"runQualityCheck": True, "runMetadataGen": True},
    "advanced": {"debugMode": False},
}

_OLD = """
CREATE TABLE job_configurations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, settings TEXT, created_at, updated_at);
CREATE TABLE job_executions (id INTEGER PRIMARY KEY, configuration_id INTEGER, started_at, completed_at, status TEXT,
    total_images INTEGER, successful_images INTEGER, failed_images INTEGER, error_message TEXT);
CREATE TABLE generated_images (id INTEGER PRIMARY KEY, image_mapping_id TEXT UNIQUE, execution_id INTEGER,
    generation_prompt TEXT, seed, qc_status TEXT, qc_reason TEXT, final_image_path TEXT, temp_image_path TEXT,
    metadata TEXT, processing_settings TEXT, created_at);
"""
_NEW = """
ALTER TABLE job_executions ADD COLUMN label TEXT;
ALTER TABLE job_executions ADD COLUMN configuration_snapshot TEXT;
"""


class OldProgram:
    """Its folder with its database; rows are given as columns, those that are left out are NULL."""

    def __init__(self, folder: Path, *, is_new: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "gen-image-factory.db"
        self.execute(_OLD + (_NEW if is_new else ""))

    def execute(self, script: str) -> None:
        connection = sqlite3.connect(self.path)
        try:
            connection.executescript(script)
        finally:
            connection.close()

    def insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                for row in rows:
                    columns, places = ", ".join(row), ", ".join("?" * len(row))
                    connection.execute(
                        f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values())
                    )
        finally:
            connection.close()

    def picture(self, name: str, shade: int = 128) -> str:
        """A picture file in its folder; no two shades have the same bytes."""
        path = self.folder / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 16), (shade, 0, 255 - shade)).save(path)
        return str(path)

    def fill(self) -> None:
        """Two configurations, four jobs and an image of every status."""
        run = {**SETTINGS, "ai": {"runQualityCheck": False, "runMetadataGen": True}}
        self.insert(
            "job_configurations",
            [
                {
                    "id": 1,
                    "name": "default",
                    "settings": json.dumps(SETTINGS),
                    "created_at": "2025-03-01 08:00:00",
                },
                {
                    "id": 2,
                    "name": "posters",
                    "settings": json.dumps(json.dumps({"aspectRatios": ["16:9"], "processMode": "fast"})),
                    "created_at": 1741000000000,
                },
            ],
        )
        jobs: list[dict[str, object]] = [
            {
                "id": 1,
                "configuration_id": 1,
                "started_at": "2025-03-02 10:00:00",
                "completed_at": 1740910200000,
                "status": "completed",
                "total_images": 5,
                "successful_images": 3,
                "failed_images": 2,
            },
            {
                "id": 2,
                "configuration_id": 99,
                "started_at": 1741000000000,
                "status": "running",
                "total_images": 1,
            },
            {
                "id": 3,
                "configuration_id": 2,
                "started_at": "2025-03-04 10:00:00",
                "completed_at": "2025-03-04 10:01:00",
                "status": "failed",
                "total_images": 0,
                "error_message": f"Incorrect API key provided: {OPENAI_KEY}\x1b[31m",
            },
            {"id": 4, "status": "exploded", "started_at": "yesterday"},
        ]
        self.insert("job_executions", jobs)
        if self.has_label:
            self.execute("UPDATE job_executions SET label = 'cats [/oops]' WHERE id = 1")
            snapshot = json.dumps(json.dumps(run)).replace("'", "''")
            self.execute(f"UPDATE job_executions SET configuration_snapshot = '{snapshot}' WHERE id = 2")
        self.insert("generated_images", self._images())

    @property
    def has_label(self) -> bool:
        connection = sqlite3.connect(self.path)
        try:
            return any(row[1] == "label" for row in connection.execute("PRAGMA table_info(job_executions)"))
        finally:
            connection.close()

    def _images(self) -> list[dict[str, object]]:
        metadata = {
            "prompt": f"a cat, not {PIAPI_KEY}",
            "title": {"en": "Cat on a mat"},
            "description": {"en": "A cat."},
            "uploadTags": {"en": "cat, mat,cat"},
        }
        flat = {"prompt": "a dog", "title": "Dog", "description": "A dog.", "tags": ["dog", "park"]}
        failure = {"failure": {"stage": "trim", "vendor": "sharp", "message": "The box is empty."}}
        both = self.picture("final/both.png", 9)
        self.picture("final/e.png", 12)
        return [
            image(
                "a",
                1,
                "approved",
                final_image_path=self.picture("final/a.png", 1),
                temp_image_path=self.picture("raw/a.png", 2),
                metadata=json.dumps(json.dumps(metadata)),
                seed="42",
                created_at=1740909700000,
            ),
            image(
                "b",
                1,
                "complete",
                final_image_path=self.picture("final/b.png", 3),
                metadata=json.dumps(flat),
                generation_prompt="a dog in the park",
                qc_reason="Nice.",
            ),
            image("c", 1, "approved", final_image_path="/nowhere/c.png"),
            image(
                "d",
                1,
                "approved",
                final_image_path="/nowhere/d.png",
                temp_image_path=self.picture("raw/d.png", 4),
            ),
            image(
                "e",
                2,
                "passed",
                final_image_path="pictures/final/e.png",
                created_at="2025-03-03 11:00:00",
            ),
            image(
                "f",
                1,
                "qc_failed",
                temp_image_path=self.picture("raw/f.png", 5),
                qc_reason="Six fingers.",
            ),
            image(
                "g",
                1,
                "failed",
                temp_image_path=self.picture("raw/g.png", 6),
                qc_reason="processing_failed:trim",
                metadata=json.dumps(failure),
            ),
            image("h", 1, "retry_pending", temp_image_path=self.picture("raw/h.png", 7)),
            image("i", 1, "failed_retry", temp_image_path=self.picture("raw/i.png", 8)),
            image("j", 77, "approved", final_image_path=both),
            image("k", 1, "approved", final_image_path=both),
            image("l", 1, "glorious", temp_image_path=self.picture("raw/l.png", 10)),
            image("m", 2, "pending", temp_image_path=self.picture("raw/m.png", 11)),
            {"image_mapping_id": "n", "execution_id": None, "final_image_path": str(self.path)},
        ]


def image(mapping_id: str, execution_id: int, qc_status: str, **columns: object) -> dict[str, object]:
    """The columns of one image."""
    return {
        "image_mapping_id": mapping_id,
        "execution_id": execution_id,
        "qc_status": qc_status,
        **columns,
    }
