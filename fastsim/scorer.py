"""The learned policy inside the kernel: the site scorer of network.py is an agent whose knobs are its weights."""

from .agent import chooser
from .network import best_action


@chooser
def choose(view, observation, mask, knobs, scratch):
    """The legal action with the highest score; −1, which counts as illegal, where no score is a number."""
    return best_action(observation, mask, knobs, scratch)
