"""The protocol around a paid call that gives its result at once: language model calls and background removal.

Reserve, call, keep what came. Call and keeping are one piece that a leaving engine waits for. What a killed program
leaves reserved is found and announced at the next start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from engine.context import JobContext
from engine.errors import AnswerLostError, BadAnswerError, ServiceError
from engine.providers.base import Charge
from engine.providers.chat import ModelRefusedError, UnreadableAnswerError
from engine.providers.language import Answer
from engine.spending import PaidCall


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
    try:
        answer = await send()
    except (UnreadableAnswerError, ModelRefusedError) as error:  # an answer, paid for, and no use
        charge = _token_charge(context, call.model, error.usage.input_tokens, error.usage.output_tokens)
        async with context.database.transaction() as connection:
            await context.spending.settle(connection, call, charge)
        raise
    except (AnswerLostError, BadAnswerError) as error:
        async with context.database.transaction() as connection:
            await context.spending.lose(connection, call, error.message)
        raise
    except ServiceError as error:
        async with context.database.transaction() as connection:
            await context.spending.release(connection, call, error.message)
        raise
    context.log.debug(f"{call.name}: {call.service} has answered.")
    await keep(answer)
    return answer


def language_charge(context: JobContext, model: str, answer: Answer[Any]) -> Charge | None:
    """The price of an answered language model call from its tokens; None where the model has no price."""
    return _token_charge(context, model, answer.input_tokens, answer.output_tokens)


def _token_charge(context: JobContext, model: str, input_tokens: int, output_tokens: int) -> Charge | None:
    micros = context.prices.language_cost_micros(model, input_tokens, output_tokens)
    return None if micros is None else Charge(micros, float(input_tokens + output_tokens), "tokens")
