# What memlib offers, by where it is: read by type checkers, editors and memlib itself.
from .base.errors import InputError as InputError
from .base.version import __version__ as __version__
from .method.data import Data as Data
from .method.features import extract_learned_features as extract_learned_features
from .method.null import compute_null as compute_null
from .method.perturb import make_s_validation_set as make_s_validation_set
from .method.test import shared_structure_test as shared_structure_test
from .method.verdicts import VERDICTS as VERDICTS
from .papers.chaibub_neto_2018.claims import check_claims as check_claims
from .papers.chaibub_neto_2018.pictures import show_figure as show_figure
from .papers.chaibub_neto_2018.plots import plot_figure as plot_figure
from .runs.figure import read_result as read_result
from .runs.figure import run_figure as run_figure
from .training.factory import make_step as make_step
from .training.images import load_data as load_data
from .training.loop import train_network as train_network
