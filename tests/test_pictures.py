"""Pictures: every neuron, synapse, member and spike is there, and the files are images of the size they should have."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.patches import Circle, PathPatch

from evoneuro.errors import EvoNeuroError
from evoneuro.network import NO_LEAK, Network
from evoneuro.report.canvas import EXCITATORY, INHIBITORY, RESOLUTION
from evoneuro.report.pictures import (
    draw_front,
    draw_network,
    draw_raster,
    front_figure,
    network_figure,
    raster_figure,
)

FLIP_FLOP = {"kind": "flip-flop", "low": [-2.4, -0.2], "high": [2.4, 0.2]}


def build(thresholds, edges, inputs, outputs, **fields):
    neurons = len(thresholds)
    pre, post, weight, delay = np.array(edges, int).reshape(-1, 4).T
    fields = {"ids": np.arange(neurons), "leak": [NO_LEAK] * neurons, "refractory": [0] * neurons} | fields
    return Network(
        threshold=thresholds, pre=pre, post=post, weight=weight, delay=delay, inputs=inputs, outputs=outputs, **fields
    )


def controller(**fields):
    """Seven neurons and six synapses that balance a pole: two same-column synapses, one back, one idle output."""
    edges = [(0, 3, -5, 2), (1, 3, 5, 3), (2, 5, 1, 13), (3, 6, 1, 5), (5, 6, 2, 12), (6, 0, 1, 1)]
    return build([0, 0, 0, 7, 0, 0, 2], edges, [0, 1, 2, 3], [4, 5, 6], encoder=FLIP_FLOP, **fields)


def thicket(inputs, hidden, outputs, synapses, seed=0):
    rng = np.random.default_rng(seed)
    neurons = inputs + hidden + outputs
    edges = np.column_stack(
        [rng.integers(0, neurons, synapses), rng.integers(0, neurons, synapses), rng.integers(-127, 128, synapses)]
    )
    edges = np.column_stack([edges, rng.integers(1, 16, synapses)])
    return build(rng.integers(1, 127, neurons), edges, range(inputs), range(inputs, inputs + outputs))


def artists(figure, prefix):
    """Artists of the first axes by gid, those that start with `prefix`."""
    found = {artist.get_gid(): artist for artist in figure.axes[0].get_children() if artist.get_gid()}
    return {name: artist for name, artist in found.items() if name.startswith(prefix)}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def members(count, **changes):
    rng = np.random.default_rng(count)
    result = []
    for i in range(count):
        synapses = int(rng.integers(4, 60))
        score = float(500 * (1 - np.exp(-synapses / 10)) * rng.uniform(0.8, 1))
        result.append(
            {
                "id": str(i),
                "score": score + 1,
                "validation_score": score,
                "interval": [score - 9, score + 4],
                "neurons": 10 + synapses // 9,
                "hidden": synapses // 9,
                "synapses": synapses,
                "latency": float(rng.uniform(3, 24)),
                "energy": 1.5 * synapses,
            }
            | changes
        )
    return result


# Networks


def test_every_neuron_and_synapse_is_drawn_once():
    network = controller()
    figure = network_figure(network)
    assert set(artists(figure, "neuron-")) == {f"neuron-{i}" for i in range(7)}
    assert set(artists(figure, "synapse-")) == {f"synapse-{i}" for i in range(6)}
    assert all(isinstance(artist, Circle) for artist in artists(figure, "neuron-").values())
    assert all(isinstance(artist, PathPatch) for artist in artists(figure, "synapse-").values())


def test_colour_and_width_say_the_weight():
    figure = network_figure(controller())
    lines = artists(figure, "synapse-")
    colours = [to_hex(lines[f"synapse-{i}"].get_edgecolor()).upper() for i in range(6)]
    assert colours == [INHIBITORY] + [EXCITATORY] * 5
    widths = [lines[f"synapse-{i}"].get_linewidth() for i in range(6)]
    assert widths[0] == widths[1] > widths[4] > widths[2] == widths[3] == widths[5]


def test_inputs_stand_left_and_outputs_right_of_hidden_neurons():
    network = build([1] * 5, [(0, 3, 1, 1), (3, 4, 1, 1), (4, 2, 1, 1), (0, 2, 1, 1)], [0, 1], [2])
    circles = artists(network_figure(network), "neuron-")
    x = [circles[f"neuron-{i}"].center[0] for i in range(5)]
    assert x[0] == x[1] < x[3] < x[4] < x[2]


def test_neurons_do_not_overlap_and_stay_inside_the_picture():
    for network in (controller(), thicket(8, 48, 4, 200), thicket(64, 12, 10, 100)):
        figure = network_figure(network)
        axes = figure.axes[0]
        circles = list(artists(figure, "neuron-").values())
        assert len(circles) == network.neurons
        centre = np.array([circle.center for circle in circles])
        radius = np.array([circle.radius for circle in circles])
        apart = np.hypot(*(centre[:, None] - centre[None]).transpose(2, 0, 1)) - radius[:, None] - radius[None]
        np.fill_diagonal(apart, 1)
        assert apart.min() > 0
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < (centre[:, 0] - radius).min() < (centre[:, 0] + radius).max() < right
        assert bottom < (centre[:, 1] - radius).min() < (centre[:, 1] + radius).max() < top


def test_a_data_unit_is_an_inch():
    figure = network_figure(controller())
    axes = figure.axes[0]
    assert figure.get_size_inches() == pytest.approx([np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())])


def test_synapses_run_from_rim_to_rim():
    network = thicket(8, 10, 2, 60)
    figure = network_figure(network)
    circles, lines = artists(figure, "neuron-"), artists(figure, "synapse-")
    for i, (pre, post) in enumerate(zip(network.pre.tolist(), network.post.tolist(), strict=True)):
        points = lines[f"synapse-{i}"].get_path().vertices
        for point, neuron, slack in ((points[0], pre, 0.03), (points[-1], post, 0.2)):
            circle = circles[f"neuron-{neuron}"]
            assert circle.radius - 0.01 < np.hypot(*(point - circle.center)) < circle.radius + slack


def test_loops_back_synapses_and_twins_are_curved_and_apart():
    edges = [(0, 1, 1, 1), (0, 1, -1, 2), (1, 0, 1, 1), (1, 1, 1, 3)]
    lines = artists(network_figure(build([1, 1], edges, [0], [1])), "synapse-")
    curves = [lines[f"synapse-{i}"].get_path().vertices for i in range(4)]
    middle = [curve[len(curve) // 2] for curve in curves]
    for i in range(4):
        for k in range(i):
            assert np.hypot(*(middle[i] - middle[k])) > 0.08
    back = curves[2]
    chord = back[-1] - back[0]
    offset = np.abs(np.cross(np.append(chord, 0), np.column_stack([back - back[0], np.zeros(len(back))]))[:, 2])
    assert offset.max() / np.hypot(*chord) > 0.1
    loop = curves[3]
    assert np.ptp(loop, axis=0).min() > 0.15


def test_neighbours_in_a_column_are_joined_by_a_bow():
    line = artists(network_figure(build([1] * 3, [(1, 2, 1, 1)], [0], [1, 2])), "synapse-")["synapse-0"]
    x = line.get_path().vertices[:, 0]
    assert np.ptp(x) > 0.06


def test_synapses_reach_a_neuron_at_places_apart():
    edges = [(i, 8, -1, 1) for i in range(8)] + [(8, 9, 1, 1)]  # the line of an inhibitory synapse ends at its bar
    figure = network_figure(build([1] * 10, edges, range(8), [8, 9]))
    tips = np.array([line.get_path().vertices[-1] for line in artists(figure, "synapse-").values()])[:8]
    apart = np.hypot(*(tips[:, None] - tips[None]).transpose(2, 0, 1))
    assert apart[~np.eye(8, dtype=bool)].min() > 0.09


def test_neurons_carry_thresholds_and_channels_carry_names():
    found = texts(network_figure(controller()))
    for name in (
        "$x_{0}$ \N{MINUS SIGN}",
        "$x_{0}$ +",
        "$x_{1}$ \N{MINUS SIGN}",
        "$x_{1}$ +",
        "out 0",
        "out 1",
        "out 2",
    ):
        assert found.count(name) == 1
    assert sorted(text for text in found if text in "0727") == ["0"] * 5 + ["2", "7"]


@pytest.mark.parametrize(
    ("encoder", "names"),
    [
        ({"kind": "count", "low": [0] * 4, "high": [1] * 4}, ["$x_{0}$", "$x_{3}$"]),
        ({"kind": "argyle", "low": [0], "high": [1]}, ["$x_{0}$ [0]", "$x_{0}$ [3]"]),
        ({"kind": "of a plugin"}, ["in 0", "in 3"]),
        ({"kind": "count", "low": [0], "high": [1]}, ["in 0", "in 3"]),  # another number of inputs
        (None, ["in 0", "in 3"]),
    ],
)
def test_names_of_inputs_follow_the_encoder(encoder, names):
    network = build([1] * 5, [(0, 4, 1, 1)], [0, 1, 2, 3], [4], encoder=encoder)
    assert set(names) <= set(texts(network_figure(network)))


def test_a_neuron_that_is_input_and_output_says_both():
    assert "in 0 = out 0" in texts(network_figure(build([1, 1], [(0, 1, 1, 1), (1, 0, 1, 1)], [0], [0])))


def test_neurons_without_synapses_are_faint():
    circles = artists(network_figure(controller()), "neuron-")
    assert [circles[f"neuron-{i}"].get_alpha() for i in range(7)] == [1, 1, 1, 1, 0.35, 1, 1]


def test_leaky_neurons_have_a_dashed_rim():
    figure = network_figure(controller(leak=[3] + [NO_LEAK] * 6))
    circles = artists(figure, "neuron-")
    styles = [circles[f"neuron-{i}"].get_linestyle() for i in range(7)]
    assert styles[0] != styles[1] == styles[6]
    assert "leaky neuron" in legend(figure)
    assert "leaky neuron" not in legend(network_figure(controller()))


@pytest.mark.parametrize(("synapses", "label"), [(20, r"^[+\N{MINUS SIGN}]\d+ · \d+$"), (40, r"^\d+$"), (41, None)])
def test_labels_say_weight_and_delay_then_delay_then_nothing(synapses, label):
    edges = [(i % 4, 4 + i % 3, 10 * (-1) ** i + i, 1 + i % 15) for i in range(synapses)]
    network = build([1] * 7, edges, [0, 1, 2, 3], [4, 5, 6])
    labels = artists(network_figure(network), "label-")
    assert len(labels) == (synapses if label else 0)
    assert all(
        re.match(label.replace(r"\N{MINUS SIGN}", "\N{MINUS SIGN}"), text.get_text()) for text in labels.values()
    )
    delays = [int(labels[f"label-{i}"].get_text().split()[-1]) for i in range(len(labels))]
    assert delays == network.delay.tolist()[: len(delays)]


def test_the_legend_names_what_is_shown_and_nothing_else():
    assert legend(network_figure(controller())) == ["excitatory", "inhibitory", "weight · delay (steps)", "threshold"]
    plain = build([1, 1], [(0, 1, 1, 4)], [0], [1])
    assert legend(network_figure(plain)) == ["excitatory", "every weight", "delay (steps)", "threshold"]
    assert legend(network_figure(build([1, 1], [], [0], [1]))) == ["threshold"]
    assert "weight 0" in legend(network_figure(build([0, 0], [(0, 1, 0, 1)], [0], [1])))


def test_a_network_without_neurons_is_refused():
    with pytest.raises(EvoNeuroError, match="at least one neuron"):
        network_figure(build([], [], [], []))


# Files


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_chooses_the_format_and_the_file_is_the_same_again(tmp_path, suffix, start):
    path = tmp_path / f"net{suffix}"
    assert draw_network(controller(), path, "A controller") == path
    first = path.read_bytes()
    assert first.startswith(start)
    assert len(first) > 5000
    draw_network(controller(), path, "A controller")
    assert path.read_bytes() == first


def test_a_png_has_the_figures_size_a_white_ground_and_both_colours(tmp_path):
    image = imread(draw_network(controller(), tmp_path / "net.png"))
    width, height = network_figure(controller()).get_size_inches()
    assert image.shape[:2] == (pytest.approx(height * RESOLUTION, abs=1), pytest.approx(width * RESOLUTION, abs=1))
    assert (image[[0, 0, -1, -1], [0, -1, 0, -1], :3] == 1).all()
    for colour in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0)):
        near = np.abs(image[..., :3] * 255 - colour).max(-1) < 40  # a line is a little transparent
        assert near.sum() > 500


def test_another_suffix_or_place_is_refused(tmp_path):
    with pytest.raises(EvoNeuroError, match=r"must end in \.png, \.svg, \.pdf, got '\.gif'"):
        draw_network(controller(), tmp_path / "net.gif")
    with pytest.raises(EvoNeuroError, match="cannot be written"):
        draw_front(members(3), tmp_path / "missing" / "front.png")
    assert list(tmp_path.iterdir()) == []


def test_pyplot_stays_out():
    code = "import sys, evoneuro.report.pictures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Fronts


@pytest.mark.parametrize("count", [1, 2, 30, 200])
def test_every_member_is_a_point_and_the_best_are_a_staircase(count):
    shown = members(count)
    figure = front_figure(shown)
    found = artists(figure, "")
    points = [len(found[name].get_offsets()) if name in found else 0 for name in ("front", "others")]
    best = [
        m
        for m in shown
        if not any(
            o["synapses"] <= m["synapses"]
            and o["validation_score"] >= m["validation_score"]
            and (o["synapses"], o["validation_score"]) != (m["synapses"], m["validation_score"])
            for o in shown
        )
    ]
    assert points == [len(best), count - len(best)]
    assert isinstance(found["front"], PathCollection)
    x, y = found["staircase"].get_data()
    assert sorted(zip(x, y, strict=True)) == sorted((m["synapses"], m["validation_score"]) for m in best)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    assert found["staircase"].get_drawstyle() == "steps-post"


def test_a_member_that_another_beats_with_the_same_score_is_not_on_the_staircase():
    shown = [
        {"id": str(s), "synapses": s, "validation_score": v} for s, v in ((4, 10.0), (6, 10.0), (4, 10.0), (9, 11.0))
    ]
    x, y = artists(front_figure(shown), "staircase")["staircase"].get_data()
    assert (list(x), list(y)) == ([4, 9], [10, 11])


def test_intervals_are_drawn_for_those_that_have_one():
    shown = members(5)
    del shown[1]["interval"]
    shown[2]["interval"] = None
    found = artists(front_figure(shown), "intervals")
    segments = [segment for bars in found.values() for segment in bars.get_segments()]
    assert all(isinstance(bars, LineCollection) for bars in found.values())
    wanted = sorted((m["synapses"], *m["interval"]) for m in shown if m.get("interval"))
    assert len(wanted) == 3
    assert sorted((s[0, 0], s[0, 1], s[1, 1]) for s in segments) == wanted


def test_best_and_smallest_are_named():
    def named(marks=()):
        shown = [
            {"id": name, "synapses": s, "validation_score": v, "latency": 5}
            for name, s, v in (("tiny", 3, 20.0), ("good", 9, 480.0), ("top", 30, 500.0), ("waste", 40, 490.0))
        ]
        return {text for text in texts(front_figure(shown, marks=marks)) if ": " in text and "latency" not in text}

    assert named() == {"best: top", "smallest: tiny"}
    assert named([{"label": "solved", "validation_score": 475}]) == {"best: top", "smallest: good"}
    assert named([{"label": "solved", "validation_score": 495}]) == {"best and smallest: top"}
    assert named([{"label": "out of reach", "validation_score": 900}]) == {"best: top", "smallest: tiny"}
    assert named([{"label": "a peer", "synapses": 6, "validation_score": 495}]) == {"best: top", "smallest: tiny"}


def test_marks_are_points_or_lines_inside_the_axes():
    marks = [
        {"label": "peer", "synapses": 150, "validation_score": 510},
        {"label": "solved", "validation_score": 475},
        {"label": "budget", "synapses": 70},
    ]
    figure = front_figure(members(8), marks=marks)
    axes = figure.axes[0]
    assert {"peer", "solved", "budget"} <= set(texts(figure))
    lines = [[list(line.get_xdata()), list(line.get_ydata())] for line in axes.lines]
    assert [[150], [510]] in lines
    assert [[0, 1], [475, 475]] in lines
    assert [[70, 70], [0, 1]] in lines
    assert axes.get_xlim()[1] > 150
    assert axes.get_ylim()[1] > 510


def test_colour_is_latency_with_a_bar_unless_all_are_alike():
    figure = front_figure(members(6))
    assert len(figure.axes) == 2
    assert figure.axes[1].get_ylabel() == "latency (steps per decision)"
    alike = front_figure(members(6, latency=24.0))
    assert len(alike.axes) == 1
    assert "latency of all: 24 steps per decision" in texts(alike)
    assert len(front_figure(members(6, latency=None)).axes) == 1


def test_the_score_stands_in_when_nothing_is_validated():
    figure = front_figure(members(6, validation_score=None, interval=None))
    assert figure.axes[0].get_ylabel() == "score"
    assert "front" in artists(figure, "")


def test_a_member_without_a_value_is_left_out_and_counted():
    shown = members(6)
    shown[0]["validation_score"] = None
    shown[1]["validation_score"] = float("nan")
    figure = front_figure(shown)
    found = artists(figure, "")
    assert sum(len(found[name].get_offsets()) for name in ("front", "others") if name in found) == 4
    assert [text.get_text() for text in figure.texts] == ["2 of 6 members have no validation score and are not shown"]


def test_other_axes_keep_their_sense_of_better():
    shown = [
        {"id": i, "latency": t, "energy": e, "score": 1.0}
        for i, t, e in (("a", 2.0, 9.0), ("b", 5.0, 3.0), ("c", 6.0, 4.0))
    ]
    figure = front_figure(shown, x="latency", y="energy")
    x, y = artists(figure, "staircase")["staircase"].get_data()
    assert (list(x), list(y)) == ([2.0, 5.0], [9.0, 3.0])
    assert {"best: b", "least latency: a"} <= set(texts(figure))


def test_a_wide_range_is_logarithmic_and_an_empty_front_says_so(tmp_path):
    shown = members(4)
    assert front_figure(shown).axes[0].get_xscale() == "linear"
    shown[0]["synapses"] = 3000
    assert front_figure(shown).axes[0].get_xscale() == "log"
    assert "no member to show" in texts(front_figure([]))
    image = imread(draw_front([], tmp_path / "front.png", title="Nothing yet"))
    assert image.shape[:2] == (4.2 * RESOLUTION, 6.4 * RESOLUTION)


# Spikes


def test_a_raster_has_a_tick_per_spike_and_counts_them(tmp_path):
    spikes = np.zeros((24, 3), np.uint8)
    spikes[[0, 5, 23], [0, 0, 2]] = 1
    figure = raster_figure(spikes, [4, 9, 2], "One decision")
    segments = artists(figure, "spikes")["spikes"].get_segments()
    assert sorted((s[0, 0], s[:, 1].mean()) for s in segments) == [(0, 0), (5, 0), (23, 2)]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4", "9", "2"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first neuron is on top
    assert texts(figure) == ["2", "0", "1", "spikes"]
    assert draw_raster(spikes, np.array([4, 9, 2]), tmp_path / "r.svg").stat().st_size > 3000


def test_a_raster_of_many_neurons_names_some_and_one_of_none_is_empty():
    many = raster_figure(np.ones((10, 200), np.uint8), range(200))
    assert len(artists(many, "spikes")["spikes"].get_segments()) == 2000
    assert 30 < len(many.axes[0].get_yticklabels()) <= 60
    assert len(artists(raster_figure(np.zeros((0, 0), np.uint8), []), "spikes")["spikes"].get_segments()) == 0


def test_a_raster_needs_an_id_per_neuron():
    with pytest.raises(EvoNeuroError, match=r"expected shape \(steps, 2\), got \(10, 3\)"):
        raster_figure(np.zeros((10, 3), np.uint8), [0, 1])
