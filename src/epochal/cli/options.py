"""Settings as options: every setting of `settings.CONSTRAINTS` as --kebab-case, checked as typed.

What a setting may be and its default are said once, in `epochal.settings`; here
stands only the line that `--help` shows for it.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from epochal.constraints import Choice, Constraint, Either, Flag, Integer, Nothing, Number, Sizes
from epochal.errors import SettingError
from epochal.settings import CONSTRAINTS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLAINED = {
    "n_estimators": "members of the ensemble",
    "hidden_layer_sizes": "units of each hidden layer",
    "activation": "what a hidden unit computes from its sum",
    "loss": "what training makes small",
    "solver": "how weights follow the gradient",
    "learning_rate_init": "the size of a step",
    "learning_rate": "how the step size changes over the epochs",
    "momentum": "share of the last step in the next (sgd)",
    "batch_size": "rows per step",
    "l2": "r in the penalty r wᵀw, biases excluded",
    "dropout": "probability that a hidden unit is dropped",
    "input_dropout": "probability that an input of the first layer is dropped",
    "max_iter": "epochs at the most",
    "shuffle": "a new order of rows in every epoch",
    "tol": "an improvement must be greater than this",
    "early_stopping": "stop by the loss on rows kept apart",
    "validation_fraction": "rows kept apart, where no fold or bag leaves rows out",
    "n_iter_no_change": "epochs without an improvement before stopping",
    "bagging": "how members differ in their rows",
    "n_folds": "folds; member k leaves out fold k",
    "max_samples": "rows drawn per member, as a fraction or a number",
    "max_features": "columns each member sees, as a fraction or a number",
    "patch": "height,width of the crop each member sees of an image",
    "receptive_field": "height,width of what each unit of the first layer sees of an image",
    "variance_epsilon": "added to the variance in standardising, as a share of it",
    "clip": "soft bound on standardised values",
    "sqrt_transform": "take roots of numbers that are never negative",
    "max_categories": "categories of a column with a feature of their own",
    "embedding_size": "length of the vectors that columns become first",
    "n_bins": "bins between the knots at which an embedding bends (of fine members: a second number)",
    "ema_decay": "share of the old weights that the judged copy keeps per epoch",
    "calibrate": "judge and predict after the best temperature",
    "time_limit": "seconds of training at the most",
}


class StoreSetting(argparse.Action):
    """Stores the typed text as the value that the setting's constraint allows."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Put the value into the namespace; refuse what the setting cannot be."""
        del parser, option_string
        setattr(namespace, self.dest, setting_value(self.dest, str(values)))


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option per setting; what is not typed is absent from the result."""
    group = parser.add_argument_group("settings", "where not given, the preset's value holds")
    for name, constraint in CONSTRAINTS.items():
        default = spelled(asdict(Settings())[name])
        text = f"{EXPLAINED[name]} (default: {default})"
        option = "--" + name.replace("_", "-")
        if isinstance(constraint, Flag):
            group.add_argument(
                option,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
            )
        else:
            group.add_argument(
                option,
                action=StoreSetting,
                default=argparse.SUPPRESS,
                metavar=placeholder(constraint),
                help=text,
            )


def chosen_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were typed, as keyword arguments of the classifier."""
    return {name: getattr(arguments, name) for name in CONSTRAINTS if hasattr(arguments, name)}


def setting_value(name: str, text: str) -> Any:
    """Return the first reading of the text that the setting allows.

    >>> setting_value("hidden_layer_sizes", "256,128")
    (256, 128)
    >>> setting_value("max_samples", "0.5"), setting_value("max_samples", "100")
    (0.5, 100)
    >>> print(setting_value("bagging", "none"))
    None
    """
    constraint = CONSTRAINTS[name]
    for value in _readings(text.strip()):
        if constraint.allows(value):
            return value
    option = "--" + name.replace("_", "-")
    typed = constraint.sentence.replace("None", "none").replace("a bool", "yes or no")
    raise SettingError(f"{option} is {text!r}", typed)


def spelled(value: Any) -> str:
    """Return a setting's value as one would type it.

    >>> spelled((256, 256)), spelled(None), spelled(1e-3), spelled(True)
    ('256,256', 'none', '0.001', 'yes')
    """
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return str(value)
    return {None: "none", True: "yes", False: "no"}[value] if _is_word(value) else str(value)


def placeholder(constraint: Constraint) -> str:
    """Return what stands for the value in the help.

    >>> placeholder(CONSTRAINTS["batch_size"])
    'N|auto'
    """
    match constraint:
        case Either(options):
            return "|".join(placeholder(option) for option in options)
        case Choice(words):
            return "|".join(words)
        case Integer():
            return "N"
        case Number():
            return "X"
        case Sizes():
            return "N,N"
        case Flag():
            return "yes|no"
        case Nothing():
            return "none"
        case _:
            return "VALUE"


def _readings(text: str) -> Iterator[object]:
    """Yield what the text may mean, the plainest first."""
    words = {"none": None, "yes": True, "no": False}
    if text.lower() in words:
        yield words[text.lower()]
    for kind in (int, float):
        try:
            yield kind(text)
        except ValueError:
            continue
    if re.fullmatch(r"\d+([,x]\d+)*,?", text):
        yield tuple(int(size) for size in re.split("[,x]", text) if size)
    yield text


def _is_word(value: Any) -> bool:
    """Whether a value is None, True or False, which have a spelling of their own."""
    return value is None or isinstance(value, bool)
