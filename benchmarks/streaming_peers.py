"""What one would write without epochal for a table that memory does not hold: chunk by chunk.

    PEERS_PYTHON benchmarks/streaming_peers.py sklearn train TABLE --model FILE --epochs 3
    PEERS_PYTHON benchmarks/streaming_peers.py sklearn predict TABLE --model FILE --out FILE.csv
    PEERS_PYTHON benchmarks/streaming_peers.py sklearn evaluate TABLE --model FILE

Two methods: `sklearn`, MLPClassifier's partial_fit, and `torch`, the same network
behind an IterableDataset. Both have numbers standardised and names one-hot, by what
the first chunk says. It runs with a Python of its own, that has pandas, scikit-learn
and, for `torch`, PyTorch; nothing of epochal is loaded. Events are JSON lines, as
`epochal train --json` writes them.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow.parquet
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from big_table_columns import CLASSES, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK_ROWS = 50_000
UNITS = 100
CATEGORIES = 64
RATE = 1e-3
LEAST = 1e-15


def chunks(table: Path) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield the rows of a table and the numbers of their classes, so many at a time."""
    for frame in _frames(table):
        classes = np.searchsorted(CLASSES, frame.pop(TARGET).to_numpy(object).astype(str))
        for name, column in frame.items():
            if column.dtype.kind == "M":
                days = (column - pd.Timestamp("2015-01-01")).dt.total_seconds() / 86_400
                frame[name] = days.astype(np.float32)
            elif not _is_text(str(name)):
                frame[name] = column.astype(np.float32)
        yield frame, classes


def _frames(table: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of a table as pandas reads them."""
    if table.suffix == ".csv":
        names = pd.read_csv(table, nrows=0).columns
        dates = [name for name in names if name.startswith("date")]
        yield from pd.read_csv(table, chunksize=CHUNK_ROWS, parse_dates=dates)
        return
    for part in sorted(table.glob("*.parquet")):
        for batch in pyarrow.parquet.ParquetFile(part).iter_batches(CHUNK_ROWS):
            yield batch.to_pandas(date_as_object=False)


def _is_text(name: str) -> bool:
    """Whether a column has names in it, as its user would know."""
    return "category" in name or name.startswith("id")


def columns_fitted(frame: pd.DataFrame) -> ColumnTransformer:
    """Return the usual columns: numbers standardised, names one-hot, by the first chunk."""
    text = [name for name in frame if _is_text(name)]
    numbers = [name for name in frame if not _is_text(name)]
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", max_categories=CATEGORIES, dtype=np.float32)
    return ColumnTransformer([("numbers", scaled, numbers), ("text", one_hot, text)]).fit(frame)


class Network(Protocol):
    """A network that learns chunk by chunk; rows are sparse or dense, as the columns give them."""

    def epoch(self, columns: ColumnTransformer, table: Path) -> int:
        """Learn from all rows once; return how many they are."""

    def probabilities(self, rows: Any) -> np.ndarray:
        """Return the probabilities of the classes for rows."""


class OfSklearn:
    """MLPClassifier, one partial_fit for each chunk."""

    def __init__(self, _features: int, batch_size: int) -> None:
        """Make the network; the features it finds out itself."""
        self.network = MLPClassifier(
            hidden_layer_sizes=(UNITS,),
            batch_size=batch_size,
            learning_rate_init=RATE,
            alpha=0.0,
            random_state=0,
        )

    def epoch(self, columns: ColumnTransformer, table: Path) -> int:
        """Learn from all rows once; return how many they are."""
        count = 0
        for frame, classes in chunks(table):
            self.network.partial_fit(
                columns.transform(frame), classes, classes=np.arange(len(CLASSES))
            )
            count += len(classes)
        return count

    def probabilities(self, rows: Any) -> np.ndarray:
        """Return the probabilities of the classes for rows."""
        return np.asarray(self.network.predict_proba(rows))


class OfTorch:
    """The same network in PyTorch, behind an IterableDataset that shuffles within chunks."""

    def __init__(self, features: int, batch_size: int) -> None:
        """Make the network."""
        self.torch: Any = import_module("torch")
        self.torch.manual_seed(0)
        nn = self.torch.nn
        self.network = nn.Sequential(
            nn.Linear(features, UNITS), nn.ReLU(), nn.Linear(UNITS, len(CLASSES))
        )
        self.optimizer = self.torch.optim.Adam(self.network.parameters(), lr=RATE)
        self.batch_size = batch_size

    def __getstate__(self) -> dict[str, Any]:
        """Return what a file keeps of it: all but the library."""
        return {**vars(self), "torch": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a file has kept."""
        vars(self).update(state, torch=import_module("torch"))

    def epoch(self, columns: ColumnTransformer, table: Path) -> int:
        """Learn from all rows once; return how many they are."""
        rows = _stream(self.torch, columns, table, self.batch_size)
        count = 0
        for features, classes in self.torch.utils.data.DataLoader(rows, batch_size=None):
            self.optimizer.zero_grad()
            self.torch.nn.functional.cross_entropy(self.network(features), classes).backward()
            self.optimizer.step()
            count += len(classes)
        return count

    def probabilities(self, rows: Any) -> np.ndarray:
        """Return the probabilities of the classes for rows."""
        with self.torch.no_grad():
            logits = self.network(self.torch.from_numpy(_dense(rows)))
            return np.asarray(logits.softmax(dim=1))


def _stream(torch: Any, columns: ColumnTransformer, table: Path, batch_size: int) -> Any:
    """Return a data set of PyTorch's that goes through the table, batch by batch."""

    class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc]
        """The batches of every chunk in turn, in an order of their own."""

        def __iter__(self) -> Iterator[tuple[Any, Any]]:
            for frame, classes in chunks(table):
                rows, order = columns.transform(frame), torch.randperm(len(classes)).numpy()
                for begin in range(0, len(classes), batch_size):
                    which = order[begin : begin + batch_size]
                    yield _dense(rows[which]), classes[which]

    return Batches()


def _dense(rows: Any) -> np.ndarray:
    """Return rows as an array of float32, also if most of them are zeros left out."""
    dense = rows.toarray() if hasattr(rows, "toarray") else rows
    return np.ascontiguousarray(dense, np.float32)


METHODS: dict[str, Callable[[int, int], Network]] = {"sklearn": OfSklearn, "torch": OfTorch}


def train(arguments: argparse.Namespace) -> None:
    """Fit the columns by the first chunk, then the network by all, and keep both."""
    first, _ = next(chunks(arguments.table))
    columns = columns_fitted(first)
    features = columns.transform(first[:1]).shape[1]
    network = METHODS[arguments.method](features, arguments.batch_size)
    del first
    began = time.perf_counter()
    for epoch in range(1, arguments.epochs + 1):
        event = {"event": "epoch", "epoch": epoch, "rows": network.epoch(columns, arguments.table)}
        if arguments.valid:
            event |= {"validation": measured(network, columns, arguments.valid)}
        print(json.dumps({**event, "seconds": time.perf_counter() - began}), flush=True)
    with arguments.model.open("wb") as file:
        pickle.dump((columns, network), file)


def measured(network: Network, columns: ColumnTransformer, table: Path) -> dict[str, float]:
    """Return how good the probabilities are for the rows of a table."""
    rows, right, nats = 0, 0, 0.0
    for frame, classes in chunks(table):
        shares = network.probabilities(columns.transform(frame))
        rows += len(classes)
        right += int(np.sum(shares.argmax(axis=1) == classes))
        of_truth = shares[np.arange(len(classes)), classes]
        nats -= float(np.log(np.maximum(of_truth, LEAST)).sum())
    return {"rows": rows, "accuracy": right / rows, "log_loss": nats / rows}


def predict(network: Network, columns: ColumnTransformer, table: Path, out: Path) -> None:
    """Write labels and probabilities as CSV."""
    names = [f"p_{name}" for name in CLASSES]
    for number, (frame, _) in enumerate(chunks(table)):
        shares = network.probabilities(columns.transform(frame))
        found = pd.DataFrame(shares, columns=names)
        found.insert(0, TARGET, np.array(CLASSES)[shares.argmax(axis=1)])
        found.to_csv(out, mode="a" if number else "w", header=not number, index=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Do one phase of one method; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("phase", choices=("train", "predict", "evaluate"))
    parser.add_argument("table", type=Path, help="a .csv, or a folder of Parquet files")
    parser.add_argument("--model", type=Path, required=True, help="written, or read")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--valid", type=Path, help="a table to measure on after each epoch")
    parser.add_argument("--out", type=Path, help="where predictions go")
    arguments = parser.parse_args(argv)
    if arguments.phase == "train":
        train(arguments)
        return 0
    with arguments.model.open("rb") as file:
        columns, network = pickle.load(file)
    if arguments.phase == "predict":
        predict(network, columns, arguments.table, arguments.out)
    else:
        print(json.dumps(measured(network, columns, arguments.table)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
