"""Text notebooks: read what may be changed in them, and execute them.

A notebook is a jupytext percent script in ``notebooks/``. Its cell tagged ``parameters`` declares
literal values; `execute` runs it by papermill with others.
"""

import ast
import io
import logging
import math
import os
import sys
import tempfile
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from memlib.base.errors import MemlibError
from memlib.base.files import write_atomically

PARAMETERS = "parameters"
FAILED_SUFFIX = ".failed"  # fig1.ipynb.failed: no pattern for notebooks matches it
SOURCE_DATE_EPOCH = "1767225600"  # 2026-01-01; every date that a tool would write into a file


class NotebookError(MemlibError):
    """A notebook is not written as agreed, failed when it ran, or may not be published."""


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Parameters
    ----------
    name : str
        The variable the notebook reads.
    default : object
        Its literal value.
    annotation : str or None
        The type as written, for example ``int | None``.
    comment : str
        Unit and reason: the comment behind the line or, failing that, the comment above it.
    source : str
        The value as written.
    """

    name: str
    default: object
    annotation: str | None = None
    comment: str = ""
    source: str = ""

    def line(self, source: str) -> str:
        """Write the declaration again with another value, naming the default it replaces."""
        notes = [self.comment] if self.comment else []
        if ast.literal_eval(source) != self.default:
            notes.append(f"(default {self.source})")
        declared = f"{self.name}: {self.annotation}" if self.annotation else self.name
        return f"{declared} = {source}" + (f"  # {' '.join(notes)}" if notes else "")


def read_source(path: str | Path) -> NotebookNode:
    """Read a percent script as a notebook for the kernel ``python3``.

    Parameters
    ----------
    path : str or Path
        A jupytext percent script.

    Returns
    -------
    NotebookNode
        Without outputs; the header's kernel, if any, is replaced.

    Raises
    ------
    NotebookError
        When the file does not exist.
    """
    path = Path(path)
    if not path.is_file():
        raise NotebookError(f"no notebook {path.name} in {path.parent.name or '.'}/")
    nb: NotebookNode = jupytext.read(path, fmt="py:percent")
    nb.metadata = NotebookNode(
        kernelspec=NotebookNode(name="python3", display_name="Python 3", language="python"),
        language_info=NotebookNode(name="python"),
    )
    return nb


def declared_parameters(path: str | Path) -> dict[str, Parameter]:
    """Read what a notebook declares in its one cell tagged ``parameters``.

    Parameters
    ----------
    path : str or Path
        A jupytext percent script.

    Returns
    -------
    dict of str to Parameter
        In the order of the cell.

    Raises
    ------
    NotebookError
        When there is not exactly one such cell, or a line is not ``name = literal``.
    """
    name = Path(path).name
    cells = [c for c in read_source(path).cells if PARAMETERS in cell_tags(c)]
    if len(cells) != 1:
        raise NotebookError(f"{name}: {len(cells)} cells are tagged 'parameters', one is needed")
    try:
        return parse_parameters(cells[0].source)
    except (ValueError, SyntaxError) as error:
        raise NotebookError(f"{name}: {error}") from None


def execute(
    source: str | Path,
    output: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    cwd: str | Path | None = None,
    kernel_env: Mapping[str, str] | None = None,
) -> Path:
    """Run a notebook in this interpreter and write it when, and only when, all cells succeed.

    Parameters
    ----------
    source : str or Path
        A jupytext percent script.
    output : str or Path
        The executed ``.ipynb``. An older one is removed first: a run that fails must not leave
        the outputs of another behind.
    parameters : mapping, optional
        Values that replace declared defaults. Every declared value is injected, so that the
        executed notebook shows the whole set.
    cwd : str or Path, optional
        Working directory of the kernel; default the current one.
    kernel_env : mapping of str to str, optional
        Environment variables for the kernel, over the inherited ones.

    Returns
    -------
    Path
        `output`.

    Raises
    ------
    NotebookError
        For an unknown parameter, or with one line naming notebook, cell and exception when a cell
        fails; the failed notebook then lies beside `output` as ``NAME.ipynb.failed``.
    """
    from papermill import execute_notebook  # seconds to import, needed by no other function
    from papermill.exceptions import PapermillExecutionError

    # It cannot read annotations such as "int | None" and takes their names for unknown.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    source, output = Path(source), Path(output).absolute()
    declared = declared_parameters(source)
    given = dict(parameters or {})
    if unknown := sorted(set(given) - set(declared)):
        raise NotebookError(
            f"{source.name}: unknown parameter {unknown[0]!r}; it declares {', '.join(declared)}"
        )
    values = {
        name: _plain(given.get(name, p.default), source.name, name) for name, p in declared.items()
    }
    failed = output.with_name(output.name + FAILED_SUFFIX)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="memlib-") as scratch:
        # Papermill saves after each cell; it does so here, out of reach of anything that globs.
        run = Path(scratch) / "run.ipynb"
        environment = _kernel_environment(kernel_env or {}, Path(scratch))
        try:
            execute_notebook(
                read_source(source),
                str(run),
                values,
                kernel_name="python3",
                progress_bar=False,
                kernel_manager_class=_own_kernel(environment, Path(cwd or Path.cwd())),
            )
        except MemlibError:
            raise
        except PapermillExecutionError as error:
            _publish(run, failed)
            first = next((s for s in error.source.splitlines() if s.strip()), "")
            last = next((s for s in reversed(error.evalue.splitlines()) if s.strip()), "")
            raise NotebookError(
                f"{source.name}: cell In [{error.exec_count}], which begins {first.strip()!r}, "
                f"failed: {error.ename}: {last.strip()} (see {failed.name})"
            ) from None
        except Exception as error:  # the kernel died or never started: no cell to name
            if run.exists():
                _publish(run, failed)
            text = " ".join(str(error).split()) or type(error).__name__
            raise NotebookError(f"{source.name}: the kernel stopped: {text}") from error
        return _publish(run, output)


def _plain(value: object, notebook: str, name: str) -> object:
    """Turn tuples into lists, and refuse what papermill would write as a string or not at all."""
    if isinstance(value, tuple | list):
        return [_plain(item, notebook, name) for item in value]
    if isinstance(value, dict):
        return {str(k): _plain(item, notebook, name) for k, item in value.items()}
    finite = not isinstance(value, float) or math.isfinite(value)
    if finite and (value is None or type(value) in (bool, int, float, str)):
        return value
    raise NotebookError(f"{notebook}: {name}={value!r} is not a plain literal")


def _publish(written: Path, target: Path) -> Path:
    """Move a file into place in one step, also from another file system."""
    content = written.read_bytes()

    def write(part: Path) -> None:
        part.write_bytes(content)

    write_atomically(target, write)
    return target


def cell_tags(cell: NotebookNode) -> list[str]:
    """List the tags of a cell; empty where it has none."""
    return list(cell.metadata.get("tags", []))


def parse_parameters(source: str) -> dict[str, Parameter]:
    """Parse ``name[: annotation] = literal  # comment`` lines; a value may span several lines."""
    comments = {
        t.start[0]: t.string.lstrip("# ").rstrip()
        for t in tokenize.generate_tokens(io.StringIO(source).readline)
        if t.type == tokenize.COMMENT
    }
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        single = not isinstance(node, ast.Assign) or len(node.targets) == 1
        if not (isinstance(target, ast.Name) and isinstance(value, ast.expr) and single):
            raise ValueError(f"parameters cell, line {node.lineno}: not of the form name = literal")
        if target.id in found:
            raise ValueError(f"parameters cell, line {node.lineno}: {target.id} is declared twice")
        try:
            default = ast.literal_eval(value)
        except ValueError:
            raise ValueError(f"parameters cell: {target.id} is not a literal") from None
        if isinstance(default, tuple):  # papermill has no tuples: the run would get another type
            raise ValueError(f"parameters cell: {target.id} is a tuple, write a list")
        own = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        comment = " ".join(comments[n] for n in own if n in comments)
        above = node.lineno - 1
        while not comment and above in comments and lines[above - 1].lstrip().startswith("#"):
            above -= 1
        comment = comment or " ".join(comments[n] for n in range(above + 1, node.lineno))
        annotation = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else None
        found[target.id] = Parameter(target.id, default, annotation, comment, ast.unparse(value))
    return found


def _kernel_environment(extra: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Build the kernel's environment: no progress bars, no inherited backend or IPython profile."""
    # An inherited MPLBACKEND=Agg would remove every figure from the notebook without a word.
    inherited = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    quiet = {
        "TQDM_DISABLE": "1",
        "IPYTHONDIR": str(scratch / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    epoch = {"SOURCE_DATE_EPOCH": inherited.get("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH)}
    return {**inherited, **quiet, **epoch, **extra}


def _own_kernel(environment: dict[str, str], cwd: Path) -> type[Any]:
    """Make a kernel manager that starts this interpreter, whatever kernels are installed."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # Without the log level it warns, on our terminal, that local sockets are not encrypted.
    launcher = [sys.executable, "-m", "ipykernel_launcher", "--log-level=CRITICAL"]

    class OwnKernel(AsyncKernelManager):
        # A kernelspec named python3 in the user's folder may belong to another Python.
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[*launcher, "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
            )

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            await super().start_kernel(**{**options, "env": dict(environment), "cwd": str(cwd)})

    return OwnKernel
