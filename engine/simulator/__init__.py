"""A loopback stand-in for the paid services, for the demo and for tests. The product does not import it."""

from engine.simulator.actions import Action, Service
from engine.simulator.faults import Rule, ScriptError, parse_script
from engine.simulator.options import OverConcurrency, SimulatorOptions
from engine.simulator.server import Simulator, run_simulator

__all__ = [
    "Action",
    "OverConcurrency",
    "Rule",
    "ScriptError",
    "Service",
    "Simulator",
    "SimulatorOptions",
    "parse_script",
    "run_simulator",
]
