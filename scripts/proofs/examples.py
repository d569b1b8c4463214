"""Makes the example files in src/app/data/examples: five tables and a text, all invented here.

python scripts/proofs/examples.py
"""

import csv
import math
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


def machines(draw: random.Random) -> list[dict[str, object]]:
    """Return made-up machines and their faults: several at once, or none; worn machines have more of them."""
    rows: list[dict[str, object]] = []
    for _ in range(600):
        load, hours, wear = draw.uniform(20, 100), draw.uniform(0, 4000), draw.gauss(0, 1)
        faults = {
            "overheating": load > 70 + draw.gauss(0, 8) and hours + 700 * wear > 900,
            "bearing": hours + 900 * wear + draw.gauss(0, 300) > 2600,
            "leak": draw.random() < (0.25 if hours > 2000 else 0.06),
        }
        measures = {
            "temperature_c": 35 + 0.25 * load + 11 * faults["overheating"] + draw.gauss(0, 4),
            "vibration_mm_s": 1.2 + 0.01 * load + 2.1 * faults["bearing"] + 0.4 * faults["leak"] + draw.gauss(0, 0.6),
            "pressure_bar": 6 - 1.1 * faults["leak"] - 0.008 * load + draw.gauss(0, 0.4),
            "load_pct": load,
            "hours_since_service": hours,
        }
        rows.append({name: round(value, 1 if value > 20 else 2) for name, value in measures.items()})
        rows[-1] |= {name: "yes" if there else "no" for name, there in faults.items()}
    return rows


def buildings(draw: random.Random) -> list[dict[str, object]]:
    """Return made-up buildings and the energy to heat, cool and light a square metre of each for a year."""
    rows: list[dict[str, object]] = []
    for _ in range(500):
        area, height = draw.uniform(60, 400), draw.uniform(2.3, 4.5)
        glazing, insulation, shade = draw.uniform(5, 60), draw.uniform(2, 30), draw.uniform(0, 1)
        surface = 4 / area**0.5 + 2 / height  # of the walls and the roof for each cubic metre
        heating = 30 + 260 * surface / (1 + insulation / 4) + 0.5 * glazing - 0.35 * glazing * (1 - shade)
        cooling = 8 + 1.1 * glazing * (1 - 0.7 * shade) - 0.25 * insulation + 3 * height
        lighting = 22 - 9 * (1 - 2.7 ** (-glazing / 25)) + 3 * shade
        rows.append({"area_m2": round(area), "height_m": round(height, 2), "glazing_pct": round(glazing, 1)})
        rows[-1] |= {"insulation_cm": round(insulation, 1), "shade": round(shade, 2)}
        rows[-1] |= {
            "heating_kwh_m2": round(heating + draw.gauss(0, 4), 1),
            "cooling_kwh_m2": round(cooling + draw.gauss(0, 2.5), 1),
            "lighting_kwh_m2": round(lighting + draw.gauss(0, 0.8), 2),
        }
    return rows


def listings(draw: random.Random) -> list[dict[str, object]]:
    """Return made-up homes for sale, with columns like those of the Ames housing data: texts, rare ones, and gaps."""
    places = {
        f"{name} {part}": (draw.gauss(0, 0.22), 60 / (1 + 0.7 * number**1.5))
        for number, (name, part) in enumerate(
            (name, part) for part in ("Hill", "Park", "Road") for name in ("North", "Mill", "Green", "Stone", "Old")
        )
    }
    styles = {"one storey": (0.0, 50), "two storeys": (0.03, 35), "split level": (-0.05, 10), "log cabin": (0.12, 2)}
    grades = {"poor": (-0.35, 4), "fair": (-0.15, 14), "typical": (0.0, 50), "good": (0.16, 26), "excellent": (0.4, 6)}
    heating = {"gas": (0.0, 80), "electric": (-0.06, 14), "wood": (-0.12, 4), "oil": (-0.1, 2)}
    garages = {"attached": (0.05, 55), "detached": (0.0, 25), "carport": (-0.03, 5), "": (-0.08, 15)}
    rows: list[dict[str, object]] = []
    for _ in range(1500):
        place, style, kitchen, outside, heat, garage = (
            draw.choices([*each], [weight for _, weight in each.values()])[0]
            for each in (places, styles, grades, grades, heating, garages)
        )
        area, year = draw.lognormvariate(4.85, 0.32), round(2010 - abs(draw.gauss(0, 38)))
        remodelled = draw.randint(year, 2010) if draw.random() < 0.4 else None
        lot, basement = draw.lognormvariate(3.0, 0.3), area * draw.uniform(0.3, 0.9) if draw.random() < 0.85 else None
        spaces = 0 if not garage else draw.choices([1, 2, 3], [40, 50, 10])[0]
        age = 2010 - (year if remodelled is None else (year + 2 * remodelled) / 3)
        price = (
            math.log(95 + 1.15 * area + 0.35 * (basement or 0) + 0.9 * lot)
            + places[place][0] + styles[style][0] + heating[heat][0] + garages[garage][0] + 0.03 * spaces
            + grades[kitchen][0] * (0.6 if age > 40 else 1.0) + 0.7 * grades[outside][0]
            - 0.05 * age**0.5 - 0.06 * (area > 180 and style == "one storey")
        )  # fmt: skip
        rows.append({"neighbourhood": place, "style": style, "kitchen": kitchen, "exterior": outside, "heating": heat})
        rows[-1] |= {"garage": garage, "garage_spaces": spaces or "", "living_area_m2": round(area)}
        rows[-1] |= {"basement_m2": "" if basement is None else round(basement), "year_built": year}
        rows[-1] |= {"year_remodelled": remodelled or "", "lot_front_m": "" if draw.random() < 0.17 else round(lot, 1)}
        rows[-1] |= {"price_k": round(math.exp(price + draw.gauss(0, 0.09)), 1)}
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
    for seed, make in {1: houses, 2: fruit, 4: machines, 5: buildings, 6: listings}.items():
        rows = make(random.Random(seed))
        with (FOLDER / f"{make.__name__}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    (FOLDER / "stories.txt").write_text(stories(random.Random(3)), encoding="utf-8")


if __name__ == "__main__":
    main()
