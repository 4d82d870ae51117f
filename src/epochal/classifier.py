"""The scikit-learn contract over fit and predict; no logic of its own."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from epochal._fitted import FittedAttributes
from epochal.config.constraints import Choice
from epochal.config.csv_options import PLAIN
from epochal.config.presets import from_preset
from epochal.config.settings import AUTO, SETTINGS
from epochal.errors import SettingError
from epochal.fit_types import CheckpointPlan, Fitted, RunConfig, check_timestamps, print_epoch
from epochal.inference.accuracy import accuracy, accuracy_at
from epochal.inference.predict import predict_proba, predict_proba_at, without_target
from epochal.interrupted_fits import warn_if_interrupted
from epochal.io.columns import Roles
from epochal.io.frames import concrete
from epochal.loader.memory import Memory, size_of
from epochal.model.persistence import save as save_model
from epochal.threads import limited
from epochal.training.checkpoint_files import remove_checkpoints
from epochal.validation import checked_classes, checked_rows, parameters_of, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.config.settings import Settings
    from epochal.records import EpochEvent

Auto = Literal["auto"]


class EpochalClassifier(FittedAttributes, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An ensemble of multi-layer perceptrons for tables and arrays.

    Columns are standardised and encoded inside: numbers with missing values,
    strings, booleans, categories and dates may come as they are. Members are
    trained together by mini-batch stochastic gradient descent on the softmax
    cross-entropy, with early stopping; each member's copy at its lowest
    validation loss is kept, and the members' probabilities are averaged.

    Every setting defaults to "auto", which leaves it to the preset. The defaults
    below are those of the preset "default"; docs/SETTINGS.md has those of the
    other presets, and the reasons.

    Parameters
    ----------
    preset : {"default", "fast", "best", "classic"}
        Where settings begin. "classic" is the textbook recipe and nothing else.
    n_estimators : int in [1, inf), default=16
        Members of the ensemble.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Units of each hidden layer. "auto" is (128, 128), and (512, 512) with more than 512
        columns.
    activation : {"relu", "tanh", "logistic", "identity", "selu", "silu", "auto"}, default="auto"
        Activation function of the hidden layers. "auto" is "relu", and "silu" with more than 512
        columns.
    loss : {"cross_entropy", "squared_error"}, default="cross_entropy"
        Loss function of the softmax outputs.
    solver : {"adam", "sgd"}, default="adam"
        Update rule of the weights. "sgd" uses momentum.
    learning_rate_init : float in (0, inf) or "auto", default="auto"
        Learning rate at the start. "auto" is 0.003, and 0.0015 with more than 512 columns.
    learning_rate : {"constant", "cooldown", "adaptive", "cosine"}, default="cooldown"
        Schedule of the learning rate. "constant" keeps it. "cooldown" keeps it until a member has
        not improved for n_iter_no_change epochs, and restores the best checkpoint of the member;
        then the rate falls linearly to 0, in half as many epochs as the training took to that
        checkpoint (at least 4), and the member stops. "adaptive" multiplies the rate by 0.3 when a
        member has not improved for n_iter_no_change epochs, and restores the best checkpoint;
        after two such reductions the member stops. "cosine" falls to 0 over max_iter epochs.
    momentum : float in [0, 1), default=0.9
        Momentum of solver="sgd". 0 is plain gradient descent.
    batch_size : int in [1, inf) or "auto", default="auto"
        Rows per step. "auto" is about twice the square root of the number of rows: a power of two
        from 32 to 1,024. No batch is larger than the training set.
    l2 : float in [0, inf), default=0.025
        Weight decay, the L2 penalty of the weights without the biases. Each step multiplies the
        weights by 1 - 2 r l2, where r is the learning rate of the step. The batch size has no
        influence.
    dropout : float in [0, 0.99] or "auto", default="auto"
        Probability that a hidden unit is dropped in a training step. "auto" is 0.15, and 0.3 with
        more than 512 columns.
    input_dropout : float in [0, 0.99] or "auto", default="auto"
        Probability that an input of the first layer is dropped in a training step. "auto" is 0.0,
        and 0.1 with more than 512 columns.
    max_iter : int in [1, inf), default=200
        Largest number of epochs.
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch.
    tol : float in [0, inf), default=0.0001
        Decrease of the validation loss above which an epoch is an improvement.
    early_stopping : bool, default=True
        Stop each member by its loss on validation rows. A member stops after n_iter_no_change
        epochs without an improvement. If False, and without X_val, no row is held out and the
        weights of the last epoch are returned.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows held out for early stopping if bagging leaves none out.
    n_iter_no_change : int in [1, inf), default=10
        Patience, in epochs without an improvement. A member stops, or its learning rate is
        reduced, after exactly this many in a row.
    bagging : {"folds", "bootstrap"} or None, default="folds"
        How the training rows of the members differ. "folds": each member leaves out one fold.
        "bootstrap": each member draws rows with replacement. None: members differ by their initial
        weights only.
    n_folds : int in [2, inf), default=8
        Number of folds for bagging="folds". Member k leaves out fold k modulo n_folds.
    max_samples : int in [1, inf) or float in (0, 1], default=1.0
        Rows that each member draws for bagging="bootstrap", as a number or a share.
    max_features : int in [1, inf) or float in (0, 1], default=1.0
        Columns that each member sees, as a number or a share. They are a random subset.
    patch : (int, int) or None, default=None
        Height and width of the random crop that each member sees of images.
    receptive_field : (int, int), "auto" or None, default="auto"
        Height and width of the part of an image that each unit of the first layer sees. The place
        of the part is random. "auto" is a third of each side and at least 4 pixels; it is None for
        sides of less than 8 pixels, with patch, and without a hidden layer. None: units see whole
        images.
    variance_epsilon : float in [0, inf), default=1e-08
        Added to the variance in standardising, as a share of the variance. Numbers become (x -
        mean) / sqrt(variance + variance_epsilon * variance), so that the unit of a column does not
        matter.
    clip : float in (0, inf) or None, default=3.0
        Soft bound of standardised numbers. They become x / sqrt(1 + (x / clip)^2). None: they stay
        as they are.
    sqrt_transform : bool or "auto", default="auto"
        Replace numbers that are never negative by their square roots. The training rows decide
        which columns these are; standardising comes after it. "auto" is False, and True with more
        than 512 columns.
    max_categories : int in [1, inf), default=64
        Categories of a column with a feature, or a vector, of their own; the others share one.
    target_encoding : bool, default=True
        Use target statistics of columns with more than max_categories categories. Inputs are the
        log-odds of the classes, and the frequency, of each category, word and pair of categories
        that is informative, from the labels of other rows; not with embedding_size=None.
    embedding_size : int in [0, inf), "auto" or None, default="auto"
        Length of the vectors that columns become before the first layer. The vector of a number is
        piecewise linear in it; each category has a vector. "auto" is 8 up to 128 columns, 1,024 /
        columns up to 512, and 0 beyond. 0: features are scaled, but not embedded. None: neither.
    n_bins : int in [1, inf), (int, int) or "auto", default="auto"
        Bins of the piecewise linear vectors; a second number is for fine members. Fine members are
        those of every second round of folds. They also learn a vector for each edge of a bin.
        "auto" is one bin for 60 rows, from 8 to 64, and 512 for fine members.
    ema_decay : float in [0, 1), default=0.8
        Decay per epoch of the exponential moving average of the weights. Early stopping and
        predictions use the average. 0: the weights themselves.
    calibrate : bool, default=True
        Fit temperatures, for validation losses and for predicted probabilities.
    time_limit : float in (0, inf) or None, default=None
        Seconds after which training ends with the best checkpoints so far.
    oob_score : bool
        Whether to raise an error if no member leaves rows out, so that there is no `oob_score_`.
    categorical_features : sequence of str or int, or None
        Columns of names, by name or by number from 0: numbers that are no amounts, such
        as postal codes, and texts whose words say nothing. Others need not be named.
    text_features : sequence of str or int, or None
        Columns of texts, by name or by number from 0. Their words are used too, if they
        are informative. Unless named, texts are columns of many values of several words.
    class_weight : dict, "balanced" or None
        Weights of the classes, multiplied with `sample_weight`.
    warm_start : bool
        Whether `fit` continues from where the last one ended (weights, optimiser
        state, order of rows), with the same preprocessing.
    random_state : int, RandomState instance or None
        An int makes the result the same bit for bit on the same machine.
    verbose : bool
        Whether to print a line after each epoch.
    device : {"auto", "cpu", "gpu", "tpu"}
        Where to train.
    memory_limit : int, str or None
        Bytes that a fit may need beside what is there before, such as "2GB". Files
        are then read as they are needed, and encoded rows that do not fit are
        on disk. None: everything is in memory.
    cache_dir : str or None
        The folder for parsed text and for these, which are kept for the next fit on the
        same file; None: the system's for temporary files, and nothing is kept.
    checkpoint_dir : str or None
        A folder in which a fit writes its whole state every minute. A later `fit` of the
        same data with the same parameters goes on from there, to the same bits; one of
        others is refused. After a fit the checkpoints are removed. None: nothing is written.
    n_jobs : int or None
        Threads of a fit or a prediction: -1 is all cores, -2 all but one. None: all, but a
        worker of joblib uses its share. Results are the same (docs/SETTINGS.md has more).
    callbacks : sequence of callables, or None
        Each is called with an `epochal.records.EpochEvent` after each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    settings_ : Settings
        The settings of the fit, "auto" resolved to values.
    estimators_ : list of Member
        Each with its own `coefs_`, `intercepts_`, curves and `predict_proba`.
    history_ : History
        Training and validation curves, best epochs and outcomes, per member.
    out_of_bag_ : OutOfBag or None
        Scores on out-of-bag rows. Each row is predicted by checkpoints that it
        did not help to select.
    oob_score_ : float
        Accuracy on those rows.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of each row by the members that did not train on it, NaN
        for rows that all members trained on.
    coefs_, intercepts_ : list of ndarray
        Of the one network, if n_estimators is 1.
    loss_curve_, validation_loss_curve_ : list of float
        Means over the members still training.
    n_iter_ : int
        Epochs done.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If X had column names.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = EpochalClassifier(preset="fast", random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:1]).shape
    (1, 3)
    """

    def __init__(  # noqa: PLR0913  (scikit-learn's contract: a parameter per setting)
        self,
        *,
        preset: str = "default",
        n_estimators: int | Auto = AUTO,
        hidden_layer_sizes: tuple[int, ...] | Auto = AUTO,
        activation: str = AUTO,
        loss: str = AUTO,
        solver: str = AUTO,
        learning_rate_init: float | Auto = AUTO,
        learning_rate: str = AUTO,
        momentum: float | Auto = AUTO,
        batch_size: int | Auto = AUTO,
        l2: float | Auto = AUTO,
        dropout: float | Auto = AUTO,
        input_dropout: float | Auto = AUTO,
        max_iter: int | Auto = AUTO,
        shuffle: bool | Auto = AUTO,
        tol: float | Auto = AUTO,
        early_stopping: bool | Auto = AUTO,
        validation_fraction: float | Auto = AUTO,
        n_iter_no_change: int | Auto = AUTO,
        bagging: str | None = AUTO,
        n_folds: int | Auto = AUTO,
        max_samples: float | Auto = AUTO,
        max_features: float | Auto = AUTO,
        patch: tuple[int, int] | Auto | None = AUTO,
        receptive_field: tuple[int, int] | Auto | None = AUTO,
        variance_epsilon: float | Auto = AUTO,
        clip: float | Auto | None = AUTO,
        sqrt_transform: bool | Auto = AUTO,
        max_categories: int | Auto = AUTO,
        target_encoding: bool | Auto = AUTO,
        embedding_size: int | Auto | None = AUTO,
        n_bins: int | tuple[int, int] | Auto = AUTO,
        ema_decay: float | Auto = AUTO,
        calibrate: bool | Auto = AUTO,
        time_limit: float | Auto | None = AUTO,
        oob_score: bool = False,
        categorical_features: Sequence[str | int] | None = None,
        text_features: Sequence[str | int] | None = None,
        class_weight: dict[Any, float] | str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        device: str = "auto",
        memory_limit: int | str | None = None,
        cache_dir: str | None = None,
        checkpoint_dir: str | None = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Callable[[EpochEvent], Any]] | None = None,
    ) -> None:
        self.preset, self.n_estimators = preset, n_estimators
        self.hidden_layer_sizes, self.activation = hidden_layer_sizes, activation
        self.loss, self.solver = loss, solver
        self.learning_rate_init, self.learning_rate = learning_rate_init, learning_rate
        self.momentum, self.batch_size, self.l2 = momentum, batch_size, l2
        self.dropout, self.input_dropout = dropout, input_dropout
        self.max_iter, self.shuffle = max_iter, shuffle
        self.tol, self.early_stopping, self.n_iter_no_change = tol, early_stopping, n_iter_no_change
        self.validation_fraction, self.bagging, self.n_folds = validation_fraction, bagging, n_folds
        self.max_samples, self.max_features = max_samples, max_features
        self.patch, self.receptive_field = patch, receptive_field
        self.variance_epsilon, self.clip = variance_epsilon, clip
        self.sqrt_transform, self.max_categories = sqrt_transform, max_categories
        self.target_encoding, self.embedding_size = target_encoding, embedding_size
        self.n_bins, self.ema_decay, self.calibrate = n_bins, ema_decay, calibrate
        self.time_limit, self.oob_score, self.class_weight = time_limit, oob_score, class_weight
        self.warm_start, self.random_state = warm_start, random_state
        self.verbose, self.device = verbose, device
        self.memory_limit, self.cache_dir = memory_limit, cache_dir
        self.checkpoint_dir, self.n_jobs = checkpoint_dir, n_jobs
        self.categorical_features, self.text_features = categorical_features, text_features
        self.callbacks = callbacks

    def fit(  # noqa: PLR0913  (what may be known of rows, by the names that scikit-learn uses)
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        timestamps: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> EpochalClassifier:
        """Train on labelled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Or images of shape (n_samples, height, width[, channels]). Or the path of a
            file or of a folder of parts: then y and the other arguments, but
            X_val, are names of its columns. With a data frame they may be
            names of its columns, too.
        y : array-like of shape (n_samples,)
            Class labels. Where y is the name of a column, rows without a label are left out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each row counts; 0 is as if the row were not there.
        groups : array-like of shape (n_samples,), optional
            Rows of one group, such as the visits of a patient, are never on both
            sides of a split: members leave out, or validate on, whole groups.
        timestamps : array-like of shape (n_samples,), optional
            Numbers, dates or texts that sort. The latest rows validate, a
            `validation_fraction` of all, and members do not leave out folds:
            what is to come is predicted from what was.
        X_val, y_val, sample_weight_val : optional
            Rows that choose the stopping epoch, instead of rows of X.

        Returns
        -------
        self
        """
        # Here and not above: predicting with a loaded model needs no JAX.
        from epochal.fit import fit

        settings = self._settings()
        earlier = getattr(self, "_fitted", None) if self.warm_start else None
        roles = Roles(y, sample_weight, groups, timestamps)
        if (X_val is None) != (y_val is None):
            given, lacking = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise SettingError(f"{given} was given without {lacking}", "both or neither")
        with limited(self.n_jobs), self.restored_on_error(), warn_if_interrupted() as request:
            csv = PLAIN if earlier is None else earlier.model.preprocessor.schema.csv
            data = read_rows(self, X, roles, reset=earlier is None, csv=csv)
            check_timestamps(data, settings, validated=X_val is not None)
            validation = None
            if X_val is not None:
                roles = Roles(y_val, sample_weight_val)
                validation = read_rows(self, X_val, roles, reset=False, ending="_val", csv=csv)
            run = self._run_config(earlier)
            fitted = fit(data, settings, run, validation=validation, earlier=earlier)
            if run.checkpoints is not None and not request.made:
                remove_checkpoints(run.checkpoints.folder)
            return self._keep(fitted, y)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> EpochalClassifier:
        """Train one epoch on these rows, continuing from the current model.

        All members train on all rows, without a holdout. The means, variances
        and categories of the first call's rows stay in use.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like, optional
            All classes there will be; needed in the first call if its rows
            lack some.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
        """
        from epochal.fit import fit

        earlier = getattr(self, "_fitted", None)
        known = checked_classes(classes, earlier.model.classes if earlier else None)
        settings = replace(self._settings(), max_iter=1, early_stopping=False, bagging=None)
        with limited(self.n_jobs), self.restored_on_error(), warn_if_interrupted():
            csv = PLAIN if earlier is None else earlier.model.preprocessor.schema.csv
            data = read_rows(self, X, Roles(y, sample_weight), reset=earlier is None, csv=csv)
            run = replace(self._run_config(earlier), checkpoints=None)
            return self._keep(fit(data, settings, run, classes=known, earlier=earlier), y)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, shape (n_samples, n_classes).

        X may be the path of a file or of a folder of parts, as for `fit`. The target
        column, if X still has it, is ignored.
        """
        check_is_fitted(self, "model_")
        with limited(self.n_jobs):
            if isinstance(X, (str, PathLike)):
                return predict_proba_at(self.model_, str(X))
            shape = self.model_.preprocessor.schema.shape
            rows = checked_rows(self, concrete(X), reset=False, row_shape=shape)
            return predict_proba(self.model_, without_target(rows, self.model_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, shape (n_samples,)."""
        probabilities = self.predict_proba(X)
        labels: np.ndarray = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the weighted share of rows whose most probable class is right.

        Labels are compared by what they say: 1, 1.0 and "1" are one. X may be a path, and y
        and sample_weight names of columns, as for `fit`.
        """
        check_is_fitted(self, "model_")
        roles = Roles(y, sample_weight)
        with limited(self.n_jobs):
            if isinstance(X, (str, PathLike)):
                return accuracy_at(self.model_, str(X), roles)
            return accuracy(self.model_, [read_rows(self, X, roles, reset=False)])

    def save(self, path: str | PathLike[str], *, target: str | None = None) -> None:
        """Write the model to a `.epochal` file, whole or not at all.

        Parameters
        ----------
        path : path of the file
        target : str, optional
            Name of the target column, for `epochal evaluate`.
        """
        check_is_fitted(self, "model_")
        model = replace(self.model_, parameters=parameters_of(self, self.model_.seed))
        save_model(model if target is None else replace(model, target=target), path)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a model."""
        return hasattr(self, "_fitted")

    def __sklearn_tags__(self) -> Any:
        """Return what kinds of data the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _settings(self) -> Settings:
        """Return the preset's settings with the user's own in their places."""
        settings = from_preset(self.preset, {name: getattr(self, name) for name in SETTINGS})
        if self.oob_score and settings.bagging is None:
            raise SettingError(
                "oob_score=True with bagging=None", 'bagging="folds" or bagging="bootstrap"'
            )
        return settings

    def _run_config(self, earlier: Fitted | None) -> RunConfig:
        """Return how to train, apart from the settings."""
        devices = Choice((AUTO, "cpu", "gpu", "tpu"))
        if not devices.allows(self.device):
            raise SettingError.from_value("device", self.device, devices.sentence)
        observers = [*(self.callbacks or ()), *([print_epoch] if self.verbose else ())]
        limit = None if self.memory_limit is None else size_of(self.memory_limit, "memory_limit")
        memory, seed = Memory(limit, self.cache_dir), self._seed(earlier)
        parameters = parameters_of(self, seed)
        plan = None if self.checkpoint_dir is None else CheckpointPlan(str(self.checkpoint_dir))
        return RunConfig(seed, self.class_weight, observers, self.device, memory, plan, parameters)

    def _seed(self, earlier: Fitted | None) -> int:
        """Return the seed: random_state if it is an int, else the earlier fit's, else a new one."""
        if isinstance(self.random_state, (int, np.integer)) and self.random_state >= 0:
            return int(self.random_state)
        if earlier is not None:
            return earlier.model.seed
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _keep(self, fitted: Fitted, target: Any = None) -> EpochalClassifier:
        """Return the estimator with what a fit gave; a target may be the name of a column."""
        if isinstance(target, str):
            fitted = fitted._replace(model=replace(fitted.model, target=target))
        self._fitted = fitted
        return self
