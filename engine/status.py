"""The words for how things stand, for front ends, which never import db. Light: a screen can be drawn with them before
the views, which are pydantic models, are loaded."""

from db.status import ImageStatus as ImageStatus
from db.status import JobKind as JobKind
from db.status import JobStatus as JobStatus
from db.status import LogLevel as LogLevel
from db.status import RetryState as RetryState
from db.status import Stage as Stage
from db.status import TaskState as TaskState
