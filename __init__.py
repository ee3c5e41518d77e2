"""Tidegate decides for every job of an AI lab where it runs: on committed compute, on burst compute, or later.

The map of the house; imports run downhill only, from the top of this list to its foot:

    agents/      who decides: rules/ (heuristics), ppo/ (what learns), evaluation/ (who is better), and the command line
    envs/        what is decided about: scenarios, traces, the Gymnasium environment
    trained/     what is deployed: a learned policy as a bundle that loads, verifies itself and decides
    fastsim/     the world itself, as Numba runs it, and what a router may see of it

`envs` and `trained` do not know of each other. The law of the world is docs/rules.md.
"""
