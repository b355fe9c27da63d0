"""Names of sounds -> names of things that can be seen making them, without asking a model.

The names of sounds are those of AudioSet (J. Gemmeke et al., ICASSP 2017). Names that are in no row say nothing that
could be pointed at: music as such, rooms, weather, and noises that anything could have made.
"""

from __future__ import annotations

from collections.abc import Iterable

from avfusion.sounding.tagging import Tag

_SAYS: dict[str, str] = {
    "man": "Male speech, man speaking | Male singing",
    "woman": "Female speech, woman speaking | Female singing",
    "child": "Child speech, kid speaking | Child singing | Children shouting | Children playing",
    "baby": "Baby cry, infant cry | Baby laughter | Babbling",
    "person": "Speech | Conversation | Narration, monologue | Shout | Bellow | Whoop | Yell | Battle cry | Screaming | "
    "Whispering | Laughter | Giggle | Snicker | Belly laugh | Chuckle, chortle | Crying, sobbing | Whimper | "
    "Wail, moan | Sigh | Singing | Yodeling | Chant | Mantra | Rapping | Humming | Groan | Grunt | Whistling | "
    "Breathing | Wheeze | Snoring | Gasp | Cough | Throat clearing | Sneeze | Sniff | Run | Walk, footsteps | "
    "Chewing, mastication | Gargling | Burping, eructation | Hiccup | Beatboxing | A capella | Vocal music",
    "people": "Choir | Cheering | Applause | Chatter | Crowd | Hubbub, speech noise, speech babble",
    "hands": "Hands | Finger snapping | Clapping",
    "dog": "Dog | Bark | Yip | Howl | Bow-wow | Growling | Whimper (dog) | Pant",
    "cat": "Cat | Purr | Meow | Caterwaul",
    "animal": "Animal | Domestic animals, pets | Wild animals | Livestock, farm animals, working animals",
    "horse": "Horse | Clip-clop | Neigh, whinny",
    "cow": "Cattle, bovinae | Moo | Cowbell",
    "pig": "Pig | Oink",
    "goat": "Goat | Bleat",
    "sheep": "Sheep",
    "chicken": "Chicken, rooster | Cluck | Crowing, cock-a-doodle-doo | Fowl",
    "turkey": "Turkey | Gobble",
    "duck": "Duck | Quack",
    "goose": "Goose",
    "lion": "Roaring cats (lions, tigers) | Roar",
    "bird": "Bird | Bird vocalization, bird call, bird song | Chirp, tweet | Squawk | Bird flight, flapping wings",
    "pigeon": "Pigeon, dove | Coo",
    "crow": "Crow | Caw",
    "owl": "Owl | Hoot",
    "wolf": "Canidae, dogs, wolves",
    "mouse": "Rodents, rats, mice | Mouse",
    "insect": "Insect | Mosquito | Fly, housefly | Bee, wasp, etc. | Cricket",
    "frog": "Frog | Croak",
    "snake": "Snake",
    "whale": "Whale vocalization",
    "musical instrument": "Musical instrument",
    "guitar": "Guitar | Electric guitar | Acoustic guitar | Steel guitar, slide guitar | Strum | "
    "Tapping (guitar technique) | Plucked string instrument",
    "bass guitar": "Bass guitar",
    "banjo": "Banjo",
    "sitar": "Sitar",
    "mandolin": "Mandolin",
    "zither": "Zither",
    "ukulele": "Ukulele",
    "piano": "Piano | Electric piano | Keyboard (musical) | Harpsichord",
    "organ": "Organ | Electronic organ | Hammond organ",
    "synthesizer": "Synthesizer | Sampler",
    "drum": "Percussion | Drum kit | Drum | Snare drum | Rimshot | Drum roll | Bass drum | Timpani | Cymbal | Hi-hat",
    "drum machine": "Drum machine",
    "tabla": "Tabla",
    "tambourine": "Tambourine",
    "rattle": "Rattle (instrument) | Maraca | Wood block",
    "gong": "Gong",
    "marimba": "Marimba, xylophone | Mallet percussion | Glockenspiel | Vibraphone",
    "steelpan": "Steelpan",
    "orchestra": "Orchestra | String section",
    "horn": "French horn | Brass instrument",
    "trumpet": "Trumpet",
    "trombone": "Trombone",
    "violin": "Violin, fiddle | Bowed string instrument | Pizzicato",
    "cello": "Cello",
    "double bass": "Double bass",
    "flute": "Flute | Wind instrument, woodwind instrument",
    "saxophone": "Saxophone",
    "clarinet": "Clarinet",
    "harp": "Harp",
    "bell": "Bell | Church bell | Jingle bell | Bicycle bell | Tubular bells | Change ringing (campanology)",
    "chime": "Chime | Wind chime",
    "harmonica": "Harmonica",
    "accordion": "Accordion",
    "bagpipes": "Bagpipes",
    "didgeridoo": "Didgeridoo",
    "theremin": "Theremin",
    "singing bowl": "Singing bowl",
    "turntable": "Scratching (performance technique)",
    "water": "Stream | Waterfall | Ocean | Waves, surf",
    "fire": "Fire",
    "vehicle": "Vehicle | Motor vehicle (road) | Traffic noise, roadway noise",
    "boat": "Boat, Water vehicle | Sailboat, sailing ship | Rowboat, canoe, kayak | Motorboat, speedboat | Ship | "
    "Foghorn",
    "car": "Car | Vehicle horn, car horn, honking | Toot | Car alarm | Skidding | Tire squeal | Car passing by | "
    "Race car, auto racing | Accelerating, revving, vroom | Power windows, electric windows",
    "truck": "Truck | Air brake | Air horn, truck horn | Reversing beeps | Ice cream truck, ice cream van",
    "bus": "Bus",
    "emergency vehicle": "Emergency vehicle | Police car (siren) | Ambulance (siren) | Siren | "
    "Fire engine, fire truck (siren)",
    "motorcycle": "Motorcycle",
    "train": "Rail transport | Train | Train whistle | Train horn | Railroad car, train wagon | "
    "Train wheels squealing | Subway, metro, underground | Steam whistle",
    "airplane": "Aircraft | Aircraft engine | Jet engine | Fixed-wing aircraft, airplane | Propeller, airscrew",
    "helicopter": "Helicopter",
    "bicycle": "Bicycle",
    "skateboard": "Skateboard",
    "dental drill": "Dental drill, dentist's drill",
    "lawn mower": "Lawn mower",
    "chainsaw": "Chainsaw",
    "engine": "Engine | Light engine (high frequency) | Medium engine (mid frequency) | Engine starting | Idling | "
    "Heavy engine (low frequency) | Engine knocking",
    "door": "Door | Sliding door | Slam | Knock",
    "doorbell": "Doorbell | Ding-dong",
    "cupboard": "Cupboard open or close | Drawer open or close",
    "dishes": "Dishes, pots, and pans",
    "cutlery": "Cutlery, silverware",
    "knife": "Chopping (food)",
    "frying pan": "Frying (food) | Sizzle",
    "microwave oven": "Microwave oven",
    "blender": "Blender",
    "faucet": "Water tap, faucet | Sink (filling or washing)",
    "bathtub": "Bathtub (filling or washing)",
    "hair dryer": "Hair dryer",
    "toilet": "Toilet flush",
    "toothbrush": "Toothbrush | Electric toothbrush",
    "vacuum cleaner": "Vacuum cleaner",
    "zipper": "Zipper (clothing)",
    "keys": "Keys jangling",
    "coin": "Coin (dropping)",
    "scissors": "Scissors",
    "razor": "Electric shaver, electric razor",
    "playing cards": "Shuffling cards",
    "keyboard": "Typing | Computer keyboard",
    "typewriter": "Typewriter",
    "pen": "Writing",
    "telephone": "Telephone | Telephone bell ringing | Ringtone | Telephone dialing, DTMF",
    "alarm clock": "Alarm clock",
    "smoke detector": "Smoke detector, smoke alarm | Fire alarm",
    "whistle": "Whistle",
    "clock": "Clock | Tick | Tick-tock",
    "gears": "Gears | Ratchet, pawl | Mechanisms",
    "sewing machine": "Sewing machine",
    "fan": "Mechanical fan",
    "air conditioner": "Air conditioning",
    "cash register": "Cash register",
    "printer": "Printer",
    "camera": "Camera | Single-lens reflex camera",
    "tool": "Tools | Power tool",
    "hammer": "Hammer",
    "jackhammer": "Jackhammer",
    "saw": "Sawing",
    "file": "Filing (rasp) | Sanding",
    "drill": "Drill",
    "explosion": "Explosion",
    "gun": "Gunshot, gunfire | Machine gun | Fusillade | Cap gun",
    "cannon": "Artillery fire",
    "fireworks": "Fireworks | Firecracker",
    "axe": "Chop",
    "glass": "Glass | Chink, clink | Shatter",
    "bow and arrow": "Arrow",
    "basketball": "Basketball bounce",
    "ball": "Bouncing",
    "whip": "Whip",
    "television": "Television",
    "radio": "Radio",
}

_SEEN_OF = {sound: thing for thing, sounds in _SAYS.items() for sound in sounds.split(" | ")}

_PEOPLE = ("man", "woman", "child", "baby")
"""Where one of these is heard, "person" is the same one, said less exactly."""


def visible(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Things to look for in the picture, the likeliest first; what means the same thing is one.

    A general name goes where one of its kind is heard too: a dog is an animal, a guitar a musical instrument.
    """
    best: dict[str, float] = {}
    for tag in tags:
        thing = _SEEN_OF.get(tag.name.replace("_", " "))
        if thing is not None:
            best[thing] = max(best.get(thing, 0.0), tag.probability)
    general = {
        "person": _PEOPLE,
        "animal": _ANIMALS,
        "musical instrument": _INSTRUMENTS,
        "vehicle": _VEHICLES,
        "engine": _VEHICLES,
    }
    for whole, kinds in general.items():
        if whole in best and any(kind in best for kind in kinds):
            del best[whole]
    return tuple(Tag(name, best[name]) for name in sorted(best, key=lambda name: -best[name]))


def _from_to(first: str, last: str) -> tuple[str, ...]:
    names = list(_SAYS)
    return tuple(names[names.index(first) : names.index(last) + 1])


_ANIMALS = ("dog", "cat", *_from_to("horse", "whale"))
_INSTRUMENTS = _from_to("guitar", "singing bowl")
_VEHICLES = _from_to("boat", "helicopter")
