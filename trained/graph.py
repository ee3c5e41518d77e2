"""The site scorer as an ONNX graph: how it is written, and how one that comes from outside is checked.

The graph follows from the layout and the width alone; only the weights differ. So a graph from outside is trusted only
when it equals the one that its own weights would give: no other operator, no file beside it, no surprise.

Inputs: `observation` float32 (batch, size), `mask` bool (batch, actions). Outputs: `logits` float32 (batch, actions),
an illegal action's being `MASKED`; `action` int64 (batch,), the largest logit, the lowest index among equals. Any
number of sites fits.
"""

from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from ..fastsim.errors import InputError
from ..fastsim.layout import Layout
from ..fastsim.network import FAVOUR, HOLDING, LEAST, LIMIT, PATIENCE, weight_shapes
from ..fastsim.weighing import MAKES_WAY, PARTS, STARTING, WAITING

OPSET, IR_VERSION = 18, 8
MASKED = -1e8  # as in training: sb3-contrib gives illegal actions this logit
REMEDY = "export the policy again, or ask whoever made the bundle"


def build(weights: dict[str, np.ndarray], layout: Layout) -> onnx.ModelProto:
    """The graph with these weights inside."""
    common = layout.job + layout.clock
    constants = {
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "common_end": np.array([common], np.int64),
        "end": np.array([2**31 - 1], np.int64),
        "by_site": np.array([0, -1, layout.site], np.int64),
        "masked": np.array(MASKED, np.float32),
        "parts_at": np.array([-PARTS], np.int64),
        "hour_at": np.array([-1], np.int64),
        "flag_at": np.array([MAKES_WAY - PARTS], np.int64),
        "money_end": np.array([WAITING], np.int64),
        "flag": np.array([MAKES_WAY], np.int64),
        "holding_at": np.array([HOLDING], np.int64),
        "favour_at": np.array([FAVOUR], np.int64),
        "patient": np.array([WAITING, STARTING], np.int64),
        "patience": np.array(PATIENCE, np.float32),
        "least": np.array(LEAST, np.float32),
        "low": np.array(-LIMIT, np.float32),
        "high": np.array(LIMIT, np.float32),
        "unless_made_way": np.array([1.0 if part == WAITING else 0.0 for part in range(MAKES_WAY)], np.float32),
        "all_of_it": np.array(1.0, np.float32),
    }
    names = weight_shapes(layout.job, layout.clock, layout.site, 1)
    arrays = {**{name: weights[name] for name in names}, **constants}
    graph = helper.make_graph(
        _nodes(),
        "site_scorer",
        [_value("observation", TensorProto.FLOAT, "size"), _value("mask", TensorProto.BOOL, "actions")],
        [_value("logits", TensorProto.FLOAT, "actions"), _value("action", TensorProto.INT64)],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset], producer_name="tidegate")


def _value(name: str, kind: int, *columns: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["batch", *columns])


def _nodes() -> list[onnx.NodeProto]:
    """One node a line: operator, inputs, output."""
    rows = [
        ("Slice", ["observation", "zero", "common_end", "one"], "common"),
        ("Slice", ["observation", "common_end", "end", "one"], "rest"),
        ("Reshape", ["rest", "by_site"], "sites"),
        ("MatMul", ["common", "embed_common"], "common_part"),
        ("Add", ["common_part", "embed_bias"], "shared"),
        ("Unsqueeze", ["shared", "one"], "shared_by_site"),
        ("MatMul", ["sites", "embed_site"], "site_part"),
        ("Add", ["shared_by_site", "site_part"], "embedding"),
        ("Relu", ["embedding"], "embedded"),
        ("ReduceMean", ["embedded", "one"], "mean"),
        ("ReduceMax", ["embedded", "one"], "largest"),
        ("Concat", ["mean", "largest"], "context"),
        ("MatMul", ["context", "score_context"], "score_context_part"),
        ("Add", ["score_context_part", "score_bias"], "score_shared"),
        ("Unsqueeze", ["score_shared", "one"], "score_shared_by_site"),
        ("MatMul", ["embedded", "score_site"], "score_site_part"),
        ("Add", ["score_site_part", "score_shared_by_site"], "score_sum"),
        ("Relu", ["score_sum"], "score_hidden"),
        ("MatMul", ["score_hidden", "score_out"], "score_column"),
        ("Squeeze", ["score_column", "two"], "score"),
        ("MatMul", ["context", "hold_context"], "hold_context_part"),
        ("MatMul", ["common", "hold_common"], "hold_common_part"),
        ("Add", ["hold_context_part", "hold_common_part"], "hold_parts"),
        ("Add", ["hold_parts", "hold_bias"], "hold_sum"),
        ("Relu", ["hold_sum"], "hold_hidden"),
        ("MatMul", ["hold_hidden", "hold_out"], "hold_column"),
        ("Add", ["hold_column", "hold_out_bias"], "hold"),
        ("MatMul", ["common", "weigh_common"], "weigh_common_part"),
        ("Add", ["weigh_common_part", "weigh_bias"], "weigh_shared"),
        ("Unsqueeze", ["weigh_shared", "one"], "weigh_shared_by_site"),
        ("MatMul", ["sites", "weigh_site"], "weigh_site_part"),
        ("Add", ["weigh_shared_by_site", "weigh_site_part"], "heads_unbounded"),
        ("Clip", ["heads_unbounded", "low", "high"], "heads"),
        ("Exp", ["heads"], "all_weights"),
        ("Slice", ["sites", "parts_at", "end", "two"], "signed_parts"),
        ("Relu", ["signed_parts"], "parts"),
        ("Slice", ["parts", "flag_at", "hour_at", "two"], "makes_way"),
        ("Slice", ["parts", "zero", "flag", "two"], "costs"),
        ("Slice", ["all_weights", "zero", "flag", "two"], "weights"),
        ("Mul", ["weights", "costs"], "weighed"),
        ("Mul", ["makes_way", "unless_made_way"], "absent"),
        ("Sub", ["all_of_it", "absent"], "present"),
        ("Mul", ["weighed", "present"], "weighed_now"),
        ("ReduceSum", ["weighed_now", "two"], "cost"),
        ("Slice", ["weighed", "zero", "money_end", "two"], "money_parts"),
        ("ReduceSum", ["money_parts", "two"], "money"),
        ("Gather", ["parts", "patient"], "patient_parts"),
        ("ReduceSum", ["patient_parts", "two"], "wait"),
        ("Slice", ["parts", "hour_at", "end", "two"], "hour_column"),
        ("Squeeze", ["hour_column", "two"], "hour"),
        ("Mul", ["hour", "patience"], "patient_hour"),
        ("Add", ["wait", "patient_hour"], "whole_wait"),
        ("Gather", ["all_weights", "holding_at"], "holding_column"),
        ("Squeeze", ["holding_column", "two"], "holding"),
        ("Mul", ["holding", "whole_wait"], "held_wait"),
        ("Add", ["money", "held_wait"], "calm"),
        ("ReduceMin", ["calm", "one"], "least_calm"),
        ("Add", ["cost", "least"], "cost_above_0"),
        ("Log", ["cost_above_0"], "log_cost"),
        ("Gather", ["heads", "favour_at"], "favour_column"),
        ("Squeeze", ["favour_column", "two"], "favour"),
        ("Sub", ["favour", "log_cost"], "preference"),
        ("Mul", ["preference", "sharpness"], "sharp"),
        ("Add", ["score", "sharp"], "site_scores"),
        ("Add", ["least_calm", "least"], "calm_above_0"),
        ("Log", ["calm_above_0"], "log_calm"),
        ("Mul", ["log_calm", "sharpness"], "sharp_calm"),
        ("Sub", ["hold", "sharp_calm"], "hold_score"),
        ("Concat", ["site_scores", "hold_score"], "scores"),
        ("Where", ["mask", "scores", "masked"], "logits"),
        ("ArgMax", ["logits"], "action"),
    ]
    attributes: dict[str, dict[str, Any]] = {
        "ReduceMean": {"keepdims": 0},
        "ReduceMax": {"keepdims": 0},
        "ReduceSum": {"keepdims": 0},
        "ReduceMin": {"keepdims": 1},
        "Gather": {"axis": 2},
        "Concat": {"axis": 1},
        "ArgMax": {"axis": 1, "keepdims": 0, "select_last_index": 0},
    }
    return [helper.make_node(kind, inputs, [out], name=out, **attributes.get(kind, {})) for kind, inputs, out in rows]


def check(content: bytes, layout: Layout, width: int, where: str) -> dict[str, np.ndarray]:
    """The weights of a graph from outside, once it is proved to be the site scorer and nothing else.

    Raises InputError.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise InputError(where, "graph", f"{len(content)} bytes", "are not an ONNX model", REMEDY) from error
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
            raise InputError(where, "weight", tensor.name, "lies in another file", REMEDY)
    allowed = {node.op_type for node in _nodes()}
    for node in model.graph.node:
        if node.domain or node.op_type not in allowed:
            name = f"{node.domain}:{node.op_type}"[:80]
            raise InputError(where, "operator", name, "is not one of the site scorer's", REMEDY)
    weights = _weights(model, layout, width, where)
    if model != build(weights, layout):
        raise InputError(where, "graph", model.graph.name, "is not the site scorer of this layout", REMEDY)
    return weights


def _weights(model: onnx.ModelProto, layout: Layout, width: int, where: str) -> dict[str, np.ndarray]:
    """The weights by name: all there, float32, of the right shape, finite."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    weights = {}
    for name, shape in weight_shapes(layout.job, layout.clock, layout.site, width).items():
        tensor = stored.get(name)
        if tensor is None or tensor.data_type != TensorProto.FLOAT or tuple(tensor.dims) != shape:
            raise InputError(where, "weight", name, f"is not there as float32 of shape {shape}", REMEDY)
        if len(tensor.raw_data) != 4 * int(np.prod(shape)):
            raise InputError(where, "weight", name, f"does not hold the {shape} values it announces", REMEDY)
        weights[name] = numpy_helper.to_array(tensor)
        if not np.isfinite(weights[name]).all():
            raise InputError(where, "weight", name, "holds NaN or infinity", REMEDY)
    return weights
