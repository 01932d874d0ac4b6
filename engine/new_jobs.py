"""Puts new job rows into the database under ids of their own."""

import logging
import secrets
import sqlite3
from dataclasses import replace

import aiosqlite

from db import jobs as job_rows
from db.records import JobRecord, NewJob

logger = logging.getLogger(__name__)

ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter that is mistaken for another."""
ID_LENGTH = 8


async def insert_job(connection: aiosqlite.Connection, draft: NewJob, at: str) -> JobRecord:
    """Insert the draft, whose job_id is not looked at, under a new random one, at the end of the queue."""
    while True:
        job_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        try:
            return await job_rows.insert(connection, replace(draft, job_id=job_id), at)
        except sqlite3.IntegrityError:
            if await job_rows.get(connection, job_id) is None:
                raise  # it is not the id
            logger.info("the job id %s is taken", job_id)
