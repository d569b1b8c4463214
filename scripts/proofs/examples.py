"""Makes the example files in src/app/data/examples: two tables and a text, all invented here.

python scripts/proofs/examples.py
"""

import csv
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "src" / "app" / "data" / "examples"


def houses(draw: random.Random) -> list[dict[str, object]]:
    """Return made-up houses whose price follows a formula with noise."""
    rows: list[dict[str, object]] = []
    for _ in range(400):
        area, age, distance = draw.uniform(40, 240), draw.randrange(90), draw.uniform(0.5, 30)
        rooms = max(1, round(area / 28 + draw.gauss(0, 0.7)))
        price = 1.9 * area + 9 * rooms - 0.8 * age + 160 / (1 + distance / 6) + draw.gauss(0, 12)
        rows.append({"area_m2": round(area, 1), "rooms": rooms, "age_years": age, "distance_km": round(distance, 2)})
        rows[-1]["price_k"] = round(price, 1)
    return rows


def fruit(draw: random.Random) -> list[dict[str, object]]:
    """Return made-up measurements of four kinds of fruit, more of some than of others."""
    kinds = {  # weight in g, length in cm, redness and firmness in [0, 1]; how many
        "apple": (180, 7.5, 0.6, 0.8, 160),
        "orange": (200, 7.8, 0.5, 0.5, 120),
        "pear": (190, 9.5, 0.3, 0.6, 80),
        "plum": (60, 4.5, 0.7, 0.4, 40),
    }
    rows: list[dict[str, object]] = []
    for kind, (weight, length, redness, firmness, count) in kinds.items():
        for _ in range(count):
            measures = {
                "weight_g": round(draw.gauss(weight, weight * 0.12), 1),
                "length_cm": round(draw.gauss(length, 0.6), 2),
                "redness": round(min(1, max(0, draw.gauss(redness, 0.12))), 3),
                "firmness": round(min(1, max(0, draw.gauss(firmness, 0.1))), 3),
            }
            rows.append({**measures, "kind": kind})
    draw.shuffle(rows)
    return rows


def stories(draw: random.Random) -> str:
    """Return small stories from a grammar: sentences that agree in subject, verb and place."""
    animals = ["fox", "owl", "hare", "bear", "mouse", "heron", "badger", "otter"]
    traits = ["old", "young", "quiet", "clever", "hungry", "sleepy", "brave", "curious"]
    places = ["by the river", "under the oak", "in the tall grass", "behind the mill", "on the hill", "near the pond"]
    things = ["a red apple", "a silver key", "a warm stone", "a lost glove", "a sweet pear", "a broken cup"]
    times = ["in the morning", "at noon", "after the rain", "in the evening", "when the moon rose"]
    replies = ["said it was too heavy", "wanted to keep it", "asked where it came from", "laughed and ran away"]
    lines = []
    for _ in range(260):
        one, other = draw.sample(animals, 2)
        thing = draw.choice(things)
        lines.append(
            f"{draw.choice(times).capitalize()} the {draw.choice(traits)} {one} found {thing} {draw.choice(places)}. "
            f"The {one} showed it to the {draw.choice(traits)} {other}, but the {other} {draw.choice(replies)}."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the files."""
    for name, rows in {"houses": houses(random.Random(1)), "fruit": fruit(random.Random(2))}.items():
        with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    (FOLDER / "stories.txt").write_text(stories(random.Random(3)), encoding="utf-8")


if __name__ == "__main__":
    main()
