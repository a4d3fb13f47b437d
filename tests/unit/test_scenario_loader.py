"""Scenario files: what is read, and what is refused with its place and the nearest valid."""

import textwrap
import time

import pytest

from detente.errors import InputError, ScenarioError
from detente.scenario import Scenario, load_scenario, parse_yaml
from small_korea import small_korea

HEAD = "scenario: test\nmeasures:\n"


def write(tmp_path, text, name="s.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return path


def refused(tmp_path, text, name="s.yaml"):
    path = write(tmp_path, text, name)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    error = caught.value
    assert error.exit_status == 2
    assert str(path) in str(error)
    return error


TARIFF = HEAD + "  - tariff:\n      importer: CHN\n      exporter: PRK\n      "


@pytest.mark.parametrize(
    ("text", "line", "fragments"),
    [
        ("scenario: a\nwrld: korea\n", 2, ["unknown key 'wrld'", "'world'?"]),
        ("world: korea\n", 1, ["needs 'scenario'"]),
        ("scenario: a\nscenario: b\n", 2, ["stands here and on line 1"]),
        ("scenario: a\nworld: x\n\n# c\nworld: y\n", 5, ["'world'", "line 2"]),
        ("- a\n- b\n", 1, ["a mapping", "a list"]),
        ("just text\n", 1, ["a mapping"]),
        ("scenario: a\nmeasures: {tariff: {}}\n", 2, ["'measures' is a list"]),
        (HEAD + "  - tarif: {}\n", 3, ["unknown measure 'tarif'", "'tariff'?"]),
        (HEAD + "  - tariff\n", 3, ["a measure is a mapping"]),
        (HEAD + "  - tariff: [1, 2]\n", 3, ["a list"]),
        (HEAD + "  - tariff:\n", 3, ["needs 'exporter'"]),
        (HEAD + "  - tariff:\n    rate: 0.1\n", 3, ["one key, its kind"]),
        (TARIFF + "raet: 0.1\n", 6, ["tariff.raet", "unknown key 'raet'", "'rate'?"]),
        (TARIFF + "rate: 25\n", 6, ["tariff.rate", "without a % sign", "'25% (0.25)'?"]),
        (TARIFF + "rate: 1.5\n", 6, ["without a % sign"]),
        (TARIFF + "rate: 1001%\n", 6, ["outside 0 % to 1000 %"]),
        (TARIFF + "rate: -5%\n", 6, ["outside 0 % to 1000 %"]),
        (TARIFF + "rate: high\n", 6, ["not a rate"]),
        (TARIFF + "rate: true\n", 6, ["not a rate"]),
        (TARIFF + "rate: .nan\n", 6, ["not a rate"]),
        (TARIFF + "rate: 1e999\n", 6, ["not a rate"]),
        (TARIFF + f"rate: {'9' * 5000}\n", 6, ["not a rate"]),
        (TARIFF + "cut: 0.1\n      cap: 0.2\n", 3, ["exactly one of", "cap and cut"]),
        (TARIFF + "except: KOR\n      cut: 0.1\n", 3, ["neither side says all"]),
        (TARIFF + "cut: 40\n", 6, ["'40% (0.4)'?"]),
        (
            TARIFF + "cut: 0.1\n      on: 2023-02-30\n",
            7,
            ["tariff.on", "28 days", "2023-02-28"],
        ),
        (TARIFF + "cut: 0.1\n      on: '2023-02-30'\n", 7, ["28 days"]),
        (TARIFF + "cut: 0.1\n      on: 2023\n", 7, ["not a date"]),
        (
            TARIFF + "cut: 0.1\n      on: 2023-02-01\n      until: 2022-01-01\n",
            3,
            ["before 'on'"],
        ),
        (HEAD + "  - transfer: {from: KOR, to: PRK, amount: 5}\n", 3, ["'5 million USD'?"]),
        (HEAD + "  - transfer: {from: KOR, to: KOR, amount: 5 million USD}\n", 3, ["both KOR"]),
        (HEAD + "  - productivity: {country: PRK, tfp: 10%}\n", 3, ["'+10%'?"]),
        (HEAD + "  - productivity: {country: PRK, tfp: 10}\n", 3, ["'+10%'?"]),
        (HEAD + "  - open: {share: 1}\n", 3, ["needs 'country'"]),
        (
            HEAD + "  - ban: {exporter: A, importer: B, sectors: s, coverage: {t: 1}}\n",
            3,
            ["leave out 'sectors'"],
        ),
        (HEAD + "  - open: {country: PRK, importer: CHN, share: 1}\n", 3, ["both directions"]),
        (HEAD + "  - unban: {coverage: 50%}\n", 3, ["needs 'exporter'"]),
        (HEAD + "  - ban: {exporter: [A, A], importer: B}\n", 3, ["stands twice"]),
        (HEAD + "  - ban: {exporter: [], importer: B}\n", 3, ["empty list"]),
        (HEAD + "  - ban: {exporter: A, importer: B, coverage: 2}\n", 3, ["'2% (0.02)'?"]),
        ("scenario: a\ndeficit_rule: fixd\n", 2, ["'fixed'?"]),
        ("scenario: a\ndeficit_rule: proportional\n", 2, ["names a country"]),
        ("scenario: a\npsi_scale: -1\n", 2, ["zero or above"]),
        ("scenario: a\ntrade_elasticity: 0\n", 2, ["above zero"]),
        ("scenario: a\nopenness: 0.5\nopenness_anchor: normal\n", 1, ["give one"]),
        ("scenario: [a]\n", 1, ["scenario", "one text"]),
        ("scenario: a\n\tworld: b\n", 2, ["a tab"]),
        ("scenario: a\nworld: 'b\n", None, ["not valid YAML"]),
        ("scenario: a\nworld: b: c\n", 2, ["not valid YAML"]),
        ("scenario: &x a\nworld: *x\n", 1, ["anchors (&)"]),
        ("scenario: a\nworld: !!python/object:os.system b\n", 2, ["the tag"]),
        ("scenario: a\n---\nscenario: b\n", 2, ["a second document"]),
        ("scenario: a\n? [1]\n: b\n", 2, ["a key is a word"]),
        ("scenario: a\x07\n", 1, ["U+0007"]),
    ],
)
def test_a_wrong_file_is_refused_at_its_line(tmp_path, text, line, fragments):
    error = refused(tmp_path, text)
    for fragment in fragments:
        assert fragment in str(error)
    if line is not None:
        assert error.place.line == line


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_an_empty_file(tmp_path, text):
    assert "empty" in str(refused(tmp_path, text)) or "nothing" in str(refused(tmp_path, text))


def test_a_file_of_100_megabytes_is_refused_without_being_read(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    start = time.perf_counter()
    with pytest.raises(ScenarioError, match=r"100\.0 MB"):
        load_scenario(path)
    assert time.perf_counter() - start < 0.1


def test_aliases_that_explode_are_refused_at_once(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12)]
    start = time.perf_counter()
    assert "aliases" in str(refused(tmp_path, "\n".join(lines)))
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_refused_without_a_crash(tmp_path, opening):
    assert "deeper" in str(refused(tmp_path, "scenario: " + opening * 5000))


def test_other_things_than_a_text_file(tmp_path):
    assert "not UTF-8" in str(refused(tmp_path, b"scenario: a\nworld: \xff\xfe\n"))
    assert refused(tmp_path, b"scenario: a\nworld: \xe9\n").place.line == 2
    with pytest.raises(ScenarioError, match="directory"):
        load_scenario(tmp_path)
    write(tmp_path, "scenario: a\n", "korea-opens.yaml")
    with pytest.raises(ScenarioError, match=r"no such file.*korea-opens\.yaml"):
        load_scenario(tmp_path / "korea-open.yaml")
    with pytest.raises(ScenarioError, match="no such folder"):
        load_scenario(tmp_path / "nowhere" / "a.yaml")


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbfscenario: a\r\nworld: b\r\n")
    assert load_scenario(path).world == "b"


@pytest.mark.parametrize("text", ["25%", "'25 %'", "0.25", "'0.25'", ".25", "2.5e-1"])
def test_one_rate_written_in_several_ways(tmp_path, text):
    scenario = load_scenario(write(tmp_path, TARIFF + f"rate: {text}\n"))
    assert scenario.measures[0].rate == 0.25


def test_yaml_words_that_mean_something_else_in_version_1_1(tmp_path):
    """``on`` is a key, NO a country, 010 ten, and a date stays the date that it is."""
    data, lines = parse_yaml("on: NO\nyes: 010\nd: 2020-01-31\nt: 1:30\nn: ~\nb: true\n")
    assert data == {"on": "NO", "yes": 10, "d": "2020-01-31", "t": "1:30", "n": None, "b": True}
    assert lines[("t",)] == 4


def test_labels_unknown_to_the_world_are_refused_at_their_line(tmp_path):
    path = write(tmp_path, TARIFF + "rate: 0\n      sectors: [coal, textile]\n")
    with pytest.raises(InputError) as caught:
        load_scenario(path).to_shocks(small_korea())
    assert caught.value.place.line == 7
    assert caught.value.place.key == "tariff.sectors"
    assert caught.value.nearest == "textiles"


def test_the_first_error_in_the_file_is_the_one_shown(tmp_path):
    error = refused(tmp_path, TARIFF + "zzz: 1\n      rate: 25\n")
    assert error.place.line == 6


def test_the_hash_is_of_the_content_and_survives_writing(tmp_path):
    text = """
        scenario: θ and a transfer
        psi_scale: 0.1
        deficit_rule: {proportional: PRK}
        measures:
          - tariff: {importer: CHN, exporter: all, except: KOR, rate: 110.1%}
          - trade_cost: {exporter: all, importer: KOR, change: -33.3%}
          - unban: {exporter: PRK, importer: all, on: 2020-01-01, until: 2021-02-28}
          - ban: {exporter: A, importer: B, coverage: {coal: 10%}, evasion_markup: 0.3}
          - open: {exporter: all, importer: all, share: 0.2, openness: 30%}
          - productivity: {country: [PRK, KOR], tfp: +910%}
          - transfer: {from: KOR, to: PRK, amount: 1.7 billion USD}
    """
    scenario = load_scenario(write(tmp_path, text))
    again = load_scenario(write(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.to_dict() == scenario.to_dict()
    assert again.content_hash == scenario.content_hash
    assert again.file != scenario.file
    moved = load_scenario(
        write(tmp_path, "# a comment\n" + textwrap.dedent(text), "moved.yaml")
    )
    assert moved.content_hash == scenario.content_hash
    assert scenario.with_(psi_scale=1).content_hash != scenario.content_hash


def test_with_keeps_policy_and_assumptions_apart():
    scenario = Scenario.from_dict({"scenario": "a", "psi_scale": 0.1})
    other = scenario.with_(psi_scale=10, deficit_rule={"proportional": "PRK"}, title="b")
    assert (other.title, other.assumptions.psi_scale) == ("b", 10.0)
    assert (other.assumptions.rule, other.assumptions.proportional_to) == (
        "proportional",
        "PRK",
    )
    assert scenario.assumptions.psi_scale == 0.1
    with pytest.raises(ScenarioError, match="'psi_scale'"):
        scenario.with_(psi_scal=1)
    with pytest.raises(ScenarioError, match="deficit rule"):
        scenario.with_(deficit_rule="none")
