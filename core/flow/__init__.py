"""Generative ODEs and nothing else: paths, fields, solvers, time grids, likelihood.

No audio and no networks. Time runs from noise x_0 at t = 0 to data x_1 at t = 1.
"""

from __future__ import annotations

from core.flow.conversions import (
    data_to_noise,
    data_to_velocity,
    noise_to_data,
    noise_to_velocity,
    velocity_to_data,
    velocity_to_noise,
)
from core.flow.fields import Field, guided
from core.flow.grids import GRIDS, check_grids, choose_grid, grid_text, make_grid
from core.flow.likelihood import (
    DIVERGENCES,
    LogLikelihood,
    Prior,
    gaussian_log_prob,
    log_likelihood,
    rademacher_probes,
)
from core.flow.noise import item_generator, seeded_noise
from core.flow.oracle import GaussianOracle
from core.flow.paths import (
    CosinePath,
    LinearPath,
    Path,
    VariancePreservingPath,
    expand_time,
    noise_level_scale,
    noise_level_to_time,
    time_to_noise_level,
)
from core.flow.schedules import (
    TIME_SCHEDULES,
    check_schedule_steps,
    check_time_schedule,
    draw_times,
    required_sampling,
    schedule_steps,
)
from core.flow.sde import sample, sde_strength, solve_sde, step_seeds
from core.flow.search import GridSearch, Trial, search_grid
from core.flow.solvers import SOLVERS, Solution, solve
from core.flow.straightness import bends, equal_straightness_grid, straightness
from core.flow.tableaus import DORMAND_PRINCE, METHODS, Tableau

__all__ = [
    "DIVERGENCES",
    "DORMAND_PRINCE",
    "GRIDS",
    "METHODS",
    "SOLVERS",
    "TIME_SCHEDULES",
    "CosinePath",
    "Field",
    "GaussianOracle",
    "GridSearch",
    "LinearPath",
    "LogLikelihood",
    "Path",
    "Prior",
    "Solution",
    "Tableau",
    "Trial",
    "VariancePreservingPath",
    "bends",
    "check_grids",
    "check_schedule_steps",
    "check_time_schedule",
    "choose_grid",
    "data_to_noise",
    "data_to_velocity",
    "draw_times",
    "equal_straightness_grid",
    "expand_time",
    "gaussian_log_prob",
    "grid_text",
    "guided",
    "item_generator",
    "log_likelihood",
    "make_grid",
    "noise_level_scale",
    "noise_level_to_time",
    "noise_to_data",
    "noise_to_velocity",
    "rademacher_probes",
    "required_sampling",
    "sample",
    "schedule_steps",
    "sde_strength",
    "search_grid",
    "seeded_noise",
    "solve",
    "solve_sde",
    "step_seeds",
    "straightness",
    "time_to_noise_level",
    "velocity_to_data",
    "velocity_to_noise",
]
