"""The help page: what each word and each fault kind means to somebody who stands under the lamp. French, English."""

from typing import Final

from monitor.fault import Kind

KIND_HELP: Final[dict[Kind, tuple[str, str]]] = {
    Kind.DARK: ("Demandée toute la nuit, la lumière n'est jamais venue.", "Asked for all night, no light came."),
    Kind.EARLY_OFF: (
        "Elle s'allume, puis s'éteint avant le matin : la batterie est vide.",
        "It lights, then goes out before morning: the battery is empty.",
    ),
    Kind.FLICKER: (
        "Elle s'allume et s'éteint plusieurs fois dans la nuit.",
        "It goes on and off several times a night.",
    ),
    Kind.DIM: ("Elle éclaire nettement moins que demandé.", "It gives clearly less light than asked for."),
    Kind.DAY_BURNING: (
        "Elle reste allumée en plein jour et vide sa batterie.",
        "It burns in daylight and drains its battery.",
    ),
    Kind.SILENT: (
        "Elle n'envoie plus rien. Éclaire-t-elle ? On ne sait pas : la nuit est « inconnue ».",
        "It sends nothing. Does it give light? Nobody knows: the night is “unknown”.",
    ),
    Kind.COMMUNE_SILENT: (
        "Presque toutes les lampes de la commune se taisent ensemble : c'est le réseau de l'opérateur.",
        "Nearly all lamps of the commune fell silent together: it is the operator's network.",
    ),
    Kind.PANEL_SOILED: (
        "Poussière ou saleté sur le panneau : il faut le laver.",
        "Dust or dirt on the panel: wash it.",
    ),
    Kind.PANEL_PARTIAL: (
        "Le panneau donne nettement moins qu'avant : connecteur, diode, casse ou ombre nouvelle.",
        "The panel gives clearly less than before: connector, diode, breakage or new shade.",
    ),
    Kind.PANEL_LOST: (
        "Le panneau ne donne plus rien alors que ceux des voisins chargent : coupé, débranché ou volé.",
        "The panel gives nothing while the others charge: cut, unplugged or stolen.",
    ),
    Kind.BATTERY_WORN: (
        "La batterie garde moins de 70 % de sa capacité d'origine.",
        "The battery holds less than 70 % of its capacity when new.",
    ),
    Kind.BATTERY_WEAK_CELL: (
        "Un élément de la batterie est en court-circuit ou trop résistant.",
        "One cell of the battery is shorted or too resistive.",
    ),
    Kind.BATTERY_LOST: (
        "La batterie est débranchée ou volée : tout s'arrête au coucher du soleil.",
        "The battery is unplugged or stolen: everything stops at sunset.",
    ),
    Kind.CHARGER_STUCK: (
        "Le régulateur charge trop, ou ne charge pas malgré le soleil.",
        "The controller overcharges, or does not charge in full sun.",
    ),
    Kind.HOT: ("La batterie dépasse 55 °C et vieillit vite.", "The battery is above 55 °C and ages fast."),
    Kind.SENSOR_FAULTY: (
        "Une mesure est bloquée ou impossible : la lampe peut aller bien.",
        "A measurement is stuck or impossible: the lamp may be well.",
    ),
    Kind.CLOCK_WRONG: (
        "L'heure de la lampe est fausse de plus de dix minutes.",
        "The lamp's clock is wrong by more than ten minutes.",
    ),
    Kind.RESTART_LOOP: ("Le régulateur redémarre sans cesse.", "The controller restarts again and again."),
    Kind.MOVED: (
        "Choc, inclinaison ou porte ouverte : allez voir vite.",
        "Impact, tilt or open door: go and look soon.",
    ),
    Kind.DARK_RISK: (
        "Elle s'éteindra probablement dans les trois nuits.",
        "It will probably go dark within three nights.",
    ),
    Kind.LOW_SUN: (
        "Peu de soleil sur toute la commune : poussière ou nuages. Ce n'est pas une panne.",
        "Little sun over the whole commune: dust or cloud. Not a fault.",
    ),
}

HELP: Final[tuple[tuple[tuple[str, str], tuple[str, str]], ...]] = (
    (
        ("Nuit", "Du coucher du soleil au lever suivant ; elle porte la date de son soir."),
        ("Night", "From dusk to the next dawn; it carries the date of its evening."),
    ),
    (
        (
            "Inconnue",
            "Pas de nouvelles de cette nuit : ni éclairée ni éteinte. Des données tardives peuvent la corriger.",
        ),
        (
            "Unknown",
            "No news of that night: neither lit nor dark. Late data may correct it.",
        ),
    ),
    (
        (
            "Nuits servies entièrement",
            "Lumière pendant 99 % du temps demandé ou plus. Deux bornes : nuits inconnues perdues, ou servies.",
        ),
        (
            "Nights fully served",
            "Light for 99 % or more of the time asked for. Two bounds: unknown nights as lost, or as served.",
        ),
    ),
    (
        (
            "Voisins",
            "Les autres lampes de la commune, sous le même ciel : elles disent combien de soleil il y avait.",
        ),
        ("Other lamps", "The commune's other lamps, under the same sky: they tell how much sun there was."),
    ),
    (
        ("Données reçues", "Part des mesures attendues qui sont arrivées."),
        ("Data received", "Share of the expected samples that came."),
    ),
    (
        ("Panne", "Un défaut d'une lampe (ou d'une commune), de son début à sa fin, avec ce que les gens en ont fait."),
        ("Case", "One fault of a lamp (or commune), from its beginning to its end, with what people did about it."),
    ),
)

# How a figure is called in a table; what each means exactly is in monitor/glossary.py.
FIGURES: Final[dict[str, tuple[str, str]]] = {
    "led_w": ("Puissance de la lampe", "Lamp power"),
    "target_pct": ("Lumière demandée", "Light asked for"),
    "level_pct": ("Lumière en effet", "Light in effect"),
    "battery_v": ("Tension de la batterie", "Battery voltage"),
    "cut_off_v": ("Tension de coupure", "Cut-off voltage"),
    "limit_v": ("Tension à ne pas dépasser", "Voltage not to be exceeded"),
    "out_at": ("Extinction", "Went out"),
    "lit_min": ("Lumière donnée", "Light given"),
    "scheduled_min": ("Lumière prévue", "Light scheduled"),
    "day_lit_min": ("Lumière en plein jour", "Light by day"),
    "pv_w": ("Puissance du panneau", "Panel power"),
    "pv_v": ("Tension du panneau", "Panel voltage"),
    "pv_a": ("Courant du panneau", "Panel current"),
    "charge_w": ("Charge de la batterie", "Charge into the battery"),
    "peers_charge_w": ("Charge chez les voisins", "Charge of the other lamps"),
    "sun_hours": ("Heures de soleil observées", "Hours of sun watched"),
    "tap_w": ("Puissance qui ne va pas à la lampe", "Power that does not reach the lamp"),
    "solar_hour": ("Heure où cela se voit", "Hour at which it shows"),
    "last_heard": ("Dernier message", "Last heard"),
    "silent_lamps": ("Lampes muettes", "Silent lamps"),
    "lamps": ("Lampes de la commune", "Lamps of the commune"),
    "loss_pct": ("Production perdue", "Output lost"),
    "loss_pct_day": ("Perte de plus par jour", "More loss each day"),
    "wash_in_days": ("Lavage", "Washing"),
    "ratio_pct": ("Part de la production attendue", "Share of the expected output"),
    "capacity_pct": ("Capacité restante", "Capacity left"),
    "capacity_ah": ("Capacité restante", "Capacity left"),
    "capacity_pm_ah": ("Incertitude de la capacité", "Uncertainty of the capacity"),
    "capacity_pct_month": ("Perte de capacité par mois", "Capacity lost a month"),
    "discharge_ah": ("Tiré dans la nuit", "Drawn in the night"),
    "drawn_ah": ("Tiré jusqu'à l'aube ou à la coupure", "Drawn until dawn or cut-off"),
    "charge_ah": ("Reçu dans la journée", "Received in the day"),
    "sag_v": ("Chute de tension à l'allumage", "Voltage fall at switch-on"),
    "resistance_mohm": ("Résistance de la batterie", "Battery resistance"),
    "said": ("Rapport refusé, parce que", "Report refused, because"),
    "dusk_v": ("Batterie au soir", "Battery at dusk"),
    "dawn_v": ("Batterie à l'aube", "Battery at dawn"),
    "nominal_v": ("Tension nominale de la batterie", "Nominal voltage of the battery"),
    "step_v": ("Chute de tension", "Fall of voltage"),
    "temperature_c": ("Température de la batterie", "Battery temperature"),
    "switchings": ("Allumages et extinctions", "Switchings"),
    "offset_min": ("Écart de l'horloge", "Clock offset"),
    "restarts": ("Redémarrages par jour", "Restarts a day"),
    "event": ("Signalé par le mât", "Told by the pole"),
    "channel": ("Mesure en cause", "Measurement at fault"),
    "autonomy_nights": ("Réserve", "Reserve"),
    "dark_probability_pct": ("Risque sur trois nuits", "Risk over three nights"),
    "nights": ("Vu pendant", "Seen on"),
    "silent_hours": ("Silence", "Silent for"),
    "sunny_days": ("Vu pendant", "Seen on"),
    "unpowered_min": ("Sans courant avant l'aube", "Without power before dawn"),
}
