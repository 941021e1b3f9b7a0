"""The errors a user can meet. Each says what was expected, what came, where from, and what to do."""

from __future__ import annotations


class PellucidError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(PellucidError, ValueError):
    """An argument, option, recipe or architecture that cannot be meant."""

    exit_code = 2


class ShapeError(UsageError):
    """Shapes that do not fit together, found when the network is built or fed."""


class CommitteeError(UsageError, AttributeError):
    """A committee is asked for what only its members have; as an AttributeError, `hasattr` takes it for a no."""


class DataError(PellucidError, ValueError):
    """A data set or image file that is missing, damaged or does not fit."""

    exit_code = 3


class ModelFileError(PellucidError, ValueError):
    """A model file that is missing, damaged or not a model."""

    exit_code = 4


class NumericError(PellucidError, ArithmeticError):
    """NaN or infinity where a number was needed."""

    exit_code = 5
