"""Puts new job rows into the database under ids of their own."""

import logging
import sqlite3
from dataclasses import replace

import aiosqlite

from db import jobs as job_rows
from db.records import JobRecord, NewJob
from engine.ids import new_job_id

logger = logging.getLogger(__name__)


async def insert_job(connection: aiosqlite.Connection, draft: NewJob, at: str) -> JobRecord:
    """Insert the draft, whose job_id is not looked at, under a new random one, at the end of the queue."""
    while True:
        job_id = new_job_id()
        try:
            return await job_rows.insert(connection, replace(draft, job_id=job_id), at)
        except sqlite3.IntegrityError:
            if await job_rows.get(connection, job_id) is None:
                raise  # it is not the id
            logger.info("the job id %s is taken", job_id)
