"""A bundle: a folder with a learned policy that can be checked and asked, and that executes nothing.

    policy.onnx      the network, weights inside (graph.py)
    CARD.md          the same for people: recipe, results, limits
    manifest.json    what it is, where it comes from, hashes, golden vectors (manifest.py)
    envelope.json    what it saw in training (envelope.py); older bundles have none

`load` opens each file once, without following links, checks the hash of the bytes it read, and gives those same bytes
to onnxruntime; then the golden vectors must come out as they did at export. All else is refused with an InputError.
(Hard links are let in: some installers make them, and bytes with the right hash are right wherever they lie.)
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..fastsim.errors import InputError
from ..fastsim.layout import Layout
from ..fastsim.network import pack
from .envelope import ENVELOPE, Envelope
from .envelope import parse as parse_envelope
from .graph import check
from .manifest import REMEDY, Manifest, parse

MANIFEST, POLICY, CARD = "manifest.json", "policy.onnx", "CARD.md"
LIMIT = 16 * 2**20  # bytes of a file: 30 times the largest policy in use
TOLERANCE = 1e-5  # of a logit, relative where logits exceed 1


@dataclass(frozen=True)
class Bundle:
    """A policy that has passed every check."""

    manifest: Manifest
    weights: dict[str, np.ndarray]
    session: Any  # onnxruntime.InferenceSession
    envelope: Envelope | None = None

    @property
    def layout(self) -> Layout:
        """Lengths of the blocks of an observation, with the number of sites it was trained on."""
        return self.manifest.observation.layout

    def logits(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Masked logits (batch, actions) of observations (batch, size)."""
        return self.session.run(["logits"], {"observation": observations, "mask": masks})[0]

    def decide(self, observation: np.ndarray, mask: np.ndarray) -> Any:
        """The action for one observation (int), or for a batch of them (int64 array). Any number of sites fits.

        Raises InputError when a shape does not fit, a number is not finite, or nothing is legal (onnxruntime would
        answer site 0).
        """
        observations = np.atleast_2d(np.asarray(observation, np.float32))
        masks = np.atleast_2d(np.asarray(mask, np.bool_))
        self._require_sound(observations, masks)
        logits, actions = self.session.run(["logits", "action"], {"observation": observations, "mask": masks})
        if not np.isfinite(logits).all():
            raise self._refusal("logits", "not finite", "the observation is far outside what the policy was trained on")
        return int(actions[0]) if np.ndim(observation) == 1 else actions

    def knobs(self) -> np.ndarray:
        """The network as the kernel's forward pass reads it (fastsim/network.py), float64[:]."""
        layout = self.layout
        return pack(self.weights, layout.job, layout.clock, layout.site, self.manifest.network.width)

    def _require_sound(self, observations: np.ndarray, masks: np.ndarray) -> None:
        layout = self.layout
        sites = masks.shape[1] - 1
        expected = (len(masks), layout.job + layout.clock + sites * layout.site)
        if sites < 1 or observations.shape != expected:
            reason = f"does not fit a mask of shape {masks.shape}"
            raise self._refusal("observation", f"shape {observations.shape}", reason)
        if not np.isfinite(observations).all():
            row = int(np.argmin(np.isfinite(observations).all(1)))
            raise self._refusal("observation", f"row {row}", "holds NaN or infinity")
        if not masks.any(1).all():
            raise self._refusal("mask", f"row {int(np.argmin(masks.any(1)))}", "makes every action illegal")

    def _refusal(self, what: str, value: str, reason: str) -> InputError:
        remedy = f"use the rule {self.manifest.fallback} for this decision"
        return InputError(f"bundle {self.manifest.name}", what, value, reason, remedy)


def load(path: str | Path) -> Bundle:
    """Read, verify and test the bundle in the folder `path`.

    Raises InputError with the reason for any bundle that is not exactly what its manifest says.
    """
    where = f"bundle {path}"
    folder = _open_folder(Path(path), where)
    try:
        manifest = parse(_read(folder, MANIFEST, where), where)
        listed = {MANIFEST, *manifest.files}
        for name in sorted(listed ^ set(os.listdir(folder))):
            reason = "is listed and not there" if name in listed else "is there and not listed"
            raise InputError(where, "file", ascii(name[:80]), reason, REMEDY)
        files = {name: _verified(folder, name, manifest, where) for name in manifest.files}
    finally:
        os.close(folder)
    if POLICY not in files:
        raise InputError(where, "file", POLICY, "is not listed", REMEDY)
    layout = manifest.observation.layout
    weights = check(files[POLICY], layout, manifest.network.width, where)
    envelope = parse_envelope(files[ENVELOPE], layout, where) if ENVELOPE in files else None
    bundle = Bundle(manifest, weights, session(files[POLICY]), envelope)
    _repeat_golden(bundle, where)
    return bundle


def session(content: bytes) -> Any:
    """An onnxruntime session over a graph in memory, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def agree(logits: np.ndarray, expected: np.ndarray) -> bool:
    """Whether logits are equal within `TOLERANCE`."""
    return bool((np.abs(logits - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))).all())


def _open_folder(path: Path, where: str) -> int:
    """A descriptor of the folder; the name itself may be a link, so that a bundle can be replaced at once."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InputError(where, "folder", path, reason, "name the folder that holds manifest.json") from error


def _read(folder: int, name: str, where: str) -> bytes:
    """A regular file of the folder, whole, once, following no link."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InputError(where, "file", name, reason, "a bundle holds plain files, no links") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(where, "file", name, "is not a plain file", REMEDY)
    with open(descriptor, "rb") as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise InputError(where, "file", name, f"is larger than {LIMIT} bytes", REMEDY)
    return content


def _verified(folder: int, name: str, manifest: Manifest, where: str) -> bytes:
    """The bytes of a listed file, if they are the ones that the manifest means."""
    content, entry = _read(folder, name, where), manifest.files[name]
    if len(content) != entry.bytes:
        raise InputError(where, name, f"{len(content)} bytes", f"should be {entry.bytes}", REMEDY)
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise InputError(where, name, f"sha256 {found[:16]}…", f"should be {entry.sha256[:16]}…", REMEDY)
    return content


def _repeat_golden(bundle: Bundle, where: str) -> None:
    """The policy must answer as it did when it was exported."""
    golden = bundle.manifest.golden
    observations, masks = np.array(golden.observations, np.float32), np.array(golden.masks, np.bool_)
    if not agree(bundle.logits(observations, masks), np.array(golden.logits, np.float32)):
        raise InputError(where, "golden vectors", f"{len(masks)} logits", f"differ by more than {TOLERANCE}", REMEDY)
    if bundle.decide(observations, masks).tolist() != list(golden.actions):
        raise InputError(where, "golden vectors", f"{len(masks)} actions", "differ", REMEDY)
