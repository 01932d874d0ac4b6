"""The protocol around a paid call that gives its result at once: language model calls and background removal.

Reserve, call, keep what came. Call and keeping are one piece that a leaving engine waits for. What a killed program
leaves reserved is found and announced at the next start. What came and finds no room, or a database that another
program holds, waits in memory until the work is tried again: it was paid for, so it is neither dropped nor bought anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from db.errors import DatabaseBusyError, DatabaseFullError
from engine.context import JobContext
from engine.errors import AnswerLostError, BadAnswerError, PauseRequired, ServiceError, StageError
from engine.providers.base import Charge
from engine.providers.chat import ModelRefusedError, UnreadableAnswerError
from engine.providers.language import Answer
from engine.spending import PaidCall

logger = logging.getLogger(__name__)


async def write_down[T](context: JobContext, name: str, write: Callable[[], Awaitable[T]]) -> T:
    """Carry out `write`, the commit of what came of the call `name`. Where that has to wait for room or for the
    database, raise what says so and leave `write` in `context.unkept`, for whoever tries the work again."""
    try:
        result = await write()
    except (DatabaseBusyError, DatabaseFullError, PauseRequired):
        context.unkept[name] = partial(write_down, context, name, write)
        raise
    except BaseException:  # it is written that the call failed
        context.unkept.pop(name, None)
        raise
    context.unkept.pop(name, None)
    return result


async def write_down_the_rest(context: JobContext) -> bool:
    """The job ends with answers that could not be written down: try once more; whether nothing is left."""
    for name, write in list(context.unkept.items()):
        try:
            await write()
        except (DatabaseBusyError, DatabaseFullError, PauseRequired) as error:
            logger.warning("what came of %s waits: %s", name, error)
        except (ServiceError, StageError) as error:  # what came was a failure, and it is written down now
            logger.info("%s: %s", name, error)
    return not context.unkept


async def paid_call[T](
    context: JobContext,
    call: PaidCall,
    send: Callable[[], Awaitable[T]],
    keep: Callable[[T], Awaitable[None]],
) -> T:
    """Reserve the price and send; `keep` stores the answer and settles its price in the same transaction.

    A refusal releases the reservation; an answer that was lost books it as unknown. Raises what `send` and `keep`
    raise, and PauseRequired for the budget.
    """
    unkept = context.unkept.get(call.name)
    if unkept is not None:
        answer: T = await context.see_through(asyncio.ensure_future(unkept()))
        return answer
    async with context.database.transaction() as connection:
        await context.spending.reserve(connection, call)
    return await context.see_through(asyncio.create_task(_send_and_keep(context, call, send, keep)))


async def _send_and_keep[T](
    context: JobContext,
    call: PaidCall,
    send: Callable[[], Awaitable[T]],
    keep: Callable[[T], Awaitable[None]],
) -> T:
    context.log.debug(f"{call.name}: asking {call.service} ({call.model}).")
    came: T | ServiceError
    try:
        came = await send()
    except ServiceError as error:
        came = error
    return await write_down(context, call.name, partial(_keep, context, call, came, keep))


async def _keep[T](
    context: JobContext, call: PaidCall, came: T | ServiceError, keep: Callable[[T], Awaitable[None]]
) -> T:
    """Store an answer, or book what its failure means for the money and raise it."""
    if isinstance(came, ServiceError):
        async with context.database.transaction() as connection:
            if isinstance(came, UnreadableAnswerError | ModelRefusedError):  # an answer, paid for, and no use
                charge = _token_charge(context, call.model, came.usage.input_tokens, came.usage.output_tokens)
                await context.spending.settle(connection, call, charge)
            elif isinstance(came, AnswerLostError | BadAnswerError):
                await context.spending.lose(connection, call, came.message)
            else:
                await context.spending.release(connection, call, came.message)
        raise came
    context.log.debug(f"{call.name}: {call.service} has answered.")
    await keep(came)
    return came


def language_charge(context: JobContext, model: str, answer: Answer[Any]) -> Charge | None:
    """The price of an answered language model call from its tokens; None where the model has no price."""
    return _token_charge(context, model, answer.input_tokens, answer.output_tokens)


def _token_charge(context: JobContext, model: str, input_tokens: int, output_tokens: int) -> Charge | None:
    micros = context.prices.language_cost_micros(model, input_tokens, output_tokens)
    return None if micros is None else Charge(micros, float(input_tokens + output_tokens), "tokens")
