from .base.errors import InputError as InputError
from .base.seeds import stream as stream
from .base.version import __version__ as __version__
from .base.words import duration as duration
from .base.words import strength_label as strength_label
from .method.data import Data as Data
from .method.fast.smoothers import NeighboursSmoother as NeighboursSmoother
from .method.fast.smoothers import RidgeSmoother as RidgeSmoother
from .method.features import extract_learned_features as extract_learned_features
from .method.null import chance_accuracy as chance_accuracy
from .method.null import compute_null as compute_null
from .method.perturb import make_s_validation_set as make_s_validation_set
from .method.test import shared_structure_test as shared_structure_test
from .method.verdicts import VERDICTS as VERDICTS
from .papers.chaibub_neto_2018.claims import check_claims as check_claims
from .papers.chaibub_neto_2018.closed_form import expected_null_accuracy as expected_null_accuracy
from .papers.chaibub_neto_2018.closed_form import (
    expected_null_accuracy_neighbours as expected_null_accuracy_neighbours,
)
from .papers.chaibub_neto_2018.closed_form import margin_moments as margin_moments
from .papers.chaibub_neto_2018.pictures import show_figure as show_figure
from .papers.chaibub_neto_2018.plots import plot_figure as plot_figure
from .results.schema import panels_of as panels_of
from .runs.costs import describe_plan as describe_plan
from .runs.costs import figure_seconds as figure_seconds
from .runs.figure import read_result as read_result
from .runs.figure import run_figure as run_figure
from .runs.figure import stored_siblings as stored_siblings
from .runs.plan import plan as plan
from .runs.shipped import describe_shipped as describe_shipped
from .runs.shipped import read_shipped as read_shipped
from .runs.shipped import shipped_results as shipped_results
from .runs.study import resolve as resolve
from .training.factory import make_step as make_step
from .training.images import load_data as load_data
from .training.loop import train_network as train_network
from .training.networks import build_network as build_network
