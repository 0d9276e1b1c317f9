"""The commands: each a function from parsed arguments to an exit status. Results go to stdout.

What a command needs is imported inside it: `evoneuro status` waits for no simulator.
"""

from evoneuro.commands.networks import (
    evaluate,
    export_net,
    import_net,
    list_targets,
    neurobench,
    simulate,
    verify_net,
)
from evoneuro.commands.pictures import compare, play, plot, report
from evoneuro.commands.plugins import check, new_task, profiles, tasks
from evoneuro.commands.runs import front, resume, run, status
from evoneuro.commands.studies import bench, study

__all__ = [
    "bench",
    "check",
    "compare",
    "evaluate",
    "export_net",
    "front",
    "import_net",
    "list_targets",
    "neurobench",
    "new_task",
    "play",
    "plot",
    "profiles",
    "report",
    "resume",
    "run",
    "simulate",
    "status",
    "study",
    "tasks",
    "verify_net",
]
