"""The rules and their thresholds in French, for the page and `trezor explain`.

The rules themselves (monitor/rules/) speak English, as docs/rules.md does; a commune's technician reads this.
"""

from dataclasses import dataclass
from typing import Final

from monitor.fault import Kind


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold: its name, its unit, and why it stands where it stands."""

    name: str
    unit: str
    reason: str


SAYS: Final[dict[Kind, str]] = {
    Kind.DARK: "lumière demandée dès le soir, mais aucune puissance dans la lampe pendant 25 minutes et trois mesures, "
    "avec une batterie qui suffirait",
    Kind.EARLY_OFF: "lumière demandée mais absente pendant 25 minutes et trois mesures : batterie à sa coupure, ou "
    "lumière disparue deux nuits de suite",
    Kind.FLICKER: "lumière allumée et éteinte plusieurs fois dans la nuit sans que la batterie se coupe",
    Kind.DIM: "puissance dans la lampe trop faible pour son niveau, comparée à ses propres premières semaines",
    Kind.DAY_BURNING: "puissance dans la lampe quand le soleil est à plus de 5° au-dessus de l'horizon",
    Kind.SILENT: "aucun message après le délai de la lampe, alors que ses voisins parlent",
    Kind.COMMUNE_SILENT: "presque toutes les lampes d'une commune ont dépassé leur délai en même temps : "
    "un seul incident",
    Kind.PANEL_SOILED: "la production comparée aux voisins baisse lentement, par rapport à l'habitude de la lampe aux "
    "mêmes heures",
    Kind.PANEL_PARTIAL: "la production comparée aux voisins a baissé d'un coup, par rapport à l'habitude de la lampe "
    "aux mêmes heures",
    Kind.PANEL_LOST: "aucun courant du panneau et presque pas de tension avec le soleil à plus de 15°, alors que les "
    "voisins chargent",
    Kind.BATTERY_WORN: "capacité d'après la tension au matin des nuits commencées batterie pleine, comparée à ses "
    "premières semaines ; ou d'après les Ah tirés jusqu'à la coupure",
    Kind.BATTERY_WEAK_CELL: "tension au repos tombée de presque un élément, ou chute à l'allumage que la batterie "
    "n'avait pas avant",
    Kind.BATTERY_LOST: "aucun courant de batterie de toute la journée, et régulateur sans courant la nuit d'avant",
    Kind.CHARGER_STUCK: "batterie au-dessus de sa tension de fin de charge, ou du soleil sur un panneau à vide alors "
    "que la batterie n'est pas pleine",
    Kind.HOT: "trois mesures au-dessus de la limite, par un capteur digne de foi",
    Kind.SENSOR_FAULTY: "mesure figée ou en butée, ou puissance qui entre et ne ressort pas, contrairement aux "
    "premières semaines de la lampe",
    Kind.CLOCK_WRONG: "le milieu entre le soir et l'aube du panneau n'est pas minuit solaire, deux nuits de suite ; ou "
    "un message daté d'une autre année",
    Kind.RESTART_LOOP: "le régulateur redémarre sans cesse",
    Kind.MOVED: "le mât l'a dit lui-même : incliné, ou porte ouverte",
    Kind.DARK_RISK: "ce que la batterie contient encore, moins ce que chaque nuit prend de plus que le jour n'apporte, "
    "arrive à la coupure",
    Kind.LOW_SUN: "les lampes de la commune qui chargent voient ensemble bien moins de soleil que les bons jours du "
    "dernier mois",
}

_LATE: Final = Limit("retard", "intervalles habituels", "une lampe peut manquer deux messages")
_CLEAN: Final = Limit("propre", "de la production", "lavé, à l'erreur de l'estimation près")

LIMITS: Final[dict[Kind, dict[str, Limit]]] = {
    Kind.EARLY_OFF: {
        "served": Limit("servie", "du temps prévu", "du soir à l'aube, sauf les bords que le régulateur apprend"),
    },
    Kind.FLICKER: {
        "switchings": Limit(
            "allumages",
            "allumages ou extinctions par nuit",
            "un mauvais contact en fait beaucoup ; la détection de présence change le niveau, sans éteindre",
        ),
    },
    Kind.DIM: {
        "dim": Limit(
            "faible",
            "de sa puissance habituelle",
            "une rangée de LED perdue sur trois laisse 0,67 ; les drivers varient de 5 %",
        ),
    },
    Kind.DAY_BURNING: {
        "burning": Limit("de jour", "min", "un orage assombrit une heure ; un relais collé reste allumé"),
        "together": Limit(
            "ensemble", "des lampes de la commune", "un orage le soir les allume toutes ; les pannes viennent une à une"
        ),
    },
    Kind.SILENT: {
        "late": _LATE,
        "grace": Limit("patience", "h", "les réseaux ont leurs mauvaises heures"),
        "commune first": Limit(
            "la commune d'abord",
            "h de plus qu'un intervalle",
            "au moins la patience : des lampes qui se taisent ensemble ont parlé à un intervalle d'écart",
        ),
        "morning": Limit(
            "le matin", "h après l'aube", "muette depuis la nuit : une lampe sans courant se réveille avec le soleil"
        ),
    },
    Kind.COMMUNE_SILENT: {
        "late": _LATE,
        "grace": Limit("patience", "min", "les messages s'étalent sur quelques minutes"),
        "silent": Limit("muettes", "% des lampes", "quelques-unes atteignent une autre antenne"),
        "over": Limit("fini", "% des lampes", "moins de lampes muettes : c'est fini"),
        "forgotten": Limit("oubliée", "jours", "une lampe muette depuis plus longtemps ne témoigne pas d'une coupure"),
        "lamps": Limit("lampes", "lampes au moins", "deux lampes ne font pas une foule"),
    },
    Kind.PANEL_SOILED: {
        "soiled": Limit(
            "sale",
            "de la production",
            "les villageois lavent ce qui paraît sale, vers 14 % ; en dessous, laver ne paie pas le chemin",
        ),
        "clean": _CLEAN,
        "abrupt": Limit(
            "d'un coup", "de la perte", "la saleté met des semaines à faire ce qu'une casse fait d'un coup"
        ),
        "beyond": Limit(
            "de plus", "de la production", "que les voisins : ce que la saison fait à tous n'est la faute d'aucun"
        ),
        "every hour": Limit(
            "à toute heure", "de la production", "à l'heure qui a le moins perdu : une ombre a ses heures"
        ),
    },
    Kind.PANEL_PARTIAL: {
        "step": Limit(
            "marche", "de la production", "en dessous : fiente d'oiseau, voisin qui vient d'être lavé, matin brumeux"
        ),
        "at once": Limit(
            "d'un coup", "de la production", "aucune saleté ne la prend en deux dates : une seule preuve suffit"
        ),
        "learnt": Limit("appris", "dates ensoleillées", "les premiers jours, un lavage ici ou là change tout"),
        "swing": Limit("écart", "fois sa dispersion", "une lampe à demi à l'ombre varie avec chaque brume"),
        "clean": _CLEAN,
        "shaded": Limit(
            "ombre",
            "de la production aux deux mêmes heures",
            "de plus qu'avant et qu'aux autres heures : ce qu'on bâtit ou qui pousse à côté prend le soleil direct",
        ),
        "lifted": Limit("dégagé", "de la production à deux heures quelconques", "en dessous, l'ombre est partie"),
        "bypassed": Limit(
            "tension",
            "de sa tension habituelle en charge",
            "une rangée sur trois en vaut un tiers ; la chaleur, un dixième",
        ),
    },
    Kind.PANEL_LOST: {
        "dead": Limit(
            "rien", "mesures", "une heure avec le soleil à plus de 15° : aucune ombre ne couvre tout si longtemps"
        ),
        "peers": Limit(
            "voisins", "de la puissance nominale", "les voisins doivent charger : un orage n'est pas un vol"
        ),
    },
    Kind.BATTERY_LOST: {
        "idle": Limit(
            "au repos",
            "des mesures de la journée",
            "une batterie qui ne se charge ni ne se décharge de la journée n'est pas là",
        ),
        "drained": Limit(
            "vidée", "de la coupure", "une batterie vide est encore une batterie ; le régulateur n'a rien apporté"
        ),
    },
    Kind.BATTERY_WORN: {
        "worn": Limit(
            "usée", "de la capacité nominale", "la fin de vie habituelle est à 70 % ; deux points pour l'erreur"
        ),
        "knee": Limit(
            "fléchit",
            "de la capacité nominale",
            "là où une batterie faiblit vite ; au-dessus, quelques nuits suffisent",
        ),
        "known": Limit(
            "connue", "nuits", "tant que sa profondeur habituelle s'apprend, l'estimation peut baisser d'un sixième"
        ),
        "fading": Limit("horizon", "jours à venir", "à peu près le temps d'apporter une autre batterie"),
        "spent": Limit("épuisée", "de la capacité nominale d'ici là", "la moitié ne dure plus toutes les nuits"),
        "fresh": Limit("neuve", "de la capacité nominale", "une batterie neuve est bien au-dessus"),
        "sure": Limit(
            "sûr", "fois la dispersion d'une nuit", "sept nuits se trompent alors moins d'une fois sur dix mille"
        ),
        "scatter": Limit(
            "dispersion",
            "de la capacité nominale",
            "écart des sept dernières nuits : des estimations qui sautent ne disent rien",
        ),
    },
    Kind.BATTERY_WEAK_CELL: {
        "cell": Limit(
            "élément", "de la tension d'un élément", "un élément en court-circuit perd toute sa tension d'un coup"
        ),
        "below": Limit(
            "au soir",
            "de la tension d'un élément",
            "si elle repose aussi sous sa coupure : l'usure seule descend moins",
        ),
        "ohm": Limit("résistance", "fois sa résistance habituelle", "l'usure la triple au plus ; un élément fait pire"),
        "sag": Limit("chute", "de la tension nominale", "en dessous, une résistance plus forte ne nuit pas"),
        "summit": Limit(
            "sommet",
            "de la tension d'un élément",
            "NiMH : elle manque aussi en fin de charge ; l'usure ne s'y voit pas",
        ),
        "empty": Limit(
            "vide", "de la capacité nominale en moins", "une batterie vide descend aussi bas sans perdre d'élément"
        ),
        "beyond": Limit(
            "au-delà",
            "fois ce qu'explique la capacité perdue",
            "la résistance croît comme le carré de la perte ; un élément va plus vite",
        ),
    },
    Kind.CHARGER_STUCK: {
        "over": Limit(
            "trop", "de la tension de fin de charge", "une batterie gel froide se charge à bon droit 2 % plus haut"
        ),
        "risen": Limit(
            "montée",
            "de la tension nominale",
            "par rapport à ses premières semaines : la chaleur abaisse la fin de charge, rien ne l'élève",
        ),
        "uncharged": Limit(
            "sans charge", "mesures", "deux heures de panneau à vide avec une batterie qui n'est pas pleine"
        ),
        "missed": Limit(
            "manquant", "min", "d'une matinée dont les rapports sont perdus, nul ne sait ce qu'elle a apporté"
        ),
        "fed": Limit(
            "gavée", "fois ce que la nuit a pris", "NiMH, deux jours de suite : pleine à 1,1 fois, tiède à 1,3"
        ),
    },
    Kind.HOT: {
        "hot": Limit("chaude", "°C", "au-dessus, une batterie lithium-fer-phosphate vieillit plusieurs fois plus vite"),
    },
    Kind.SENSOR_FAULTY: {
        "rail": Limit("en butée", "mesures", "un fil lâche en donne une ou deux, un capteur cassé toutes"),
        "frozen": Limit("figée", "mesures pareilles", "six heures sans frémir : aucune mesure vivante ne fait cela"),
        "balance": Limit("bilan", "de la puissance", "capteurs à 2 % près, pertes du régulateur jusqu'à 10 %"),
        "leaps": Limit(
            "sauts",
            "sauts de 20 % par jour de plus que d'habitude",
            "une charge qui va et vient sans Ah ; pleine et vide ne comptent pas",
        ),
        "light moved": Limit(
            "lumière",
            "de sa puissance habituelle",
            "les drivers dérivent de 5 % ; le courant de la batterie n'a pas bougé",
        ),
    },
    Kind.CLOCK_WRONG: {
        "clock": Limit("écart", "min", "la limite du langage des lampes ; le panneau montre midi à trois minutes près"),
        "at once": Limit("d'emblée", "min", "fausse dès le premier jour : plus qu'un horizon ne peut faire"),
        "spacing": Limit("pas", "de l'intervalle des mesures", "un bord entre deux mesures ne se place pas mieux"),
    },
    Kind.RESTART_LOOP: {
        "starts": Limit(
            "démarrages", "par jour", "un après une réparation, un au lever du soleil ; cinq sont une boucle"
        ),
    },
    Kind.LOW_SUN: {
        "low": Limit(
            "faible",
            "des bons jours du mois",
            "les cinq pires jours des pluies restent à 0,6, ceux de la saison sèche à 0,8",
        ),
        "unfilled": Limit(
            "pas pleines", "des lampes", "une brume qui remplit quand même les batteries n'inquiète personne"
        ),
        "bright": Limit("revenu", "des bons jours du mois", "les batteries se remplissent de nouveau"),
        "clear": Limit(
            "jour clair",
            "W par Wc et sinus de la hauteur du soleil",
            "un jour clair de n'importe quelle commune, tant qu'elle n'a pas montré le sien",
        ),
        "dark day": Limit(
            "jour sombre", "des bons jours du mois", "un seul laisse à chaque batterie une demi-nuit de moins"
        ),
        "together": Limit(
            "ensemble", "des lampes menacées", "les lampes tombent une à une ; quatre sur vingt, c'est le ciel"
        ),
    },
    Kind.DARK_RISK: {
        "risk": Limit(
            "risque",
            "de probabilité en trois nuits",
            "une visite pour rien coûte moins qu'une nuit sans lumière ; deux sur trois se vérifient",
        ),
        "safe": Limit("sauve", "de probabilité en trois nuits", "pour ne pas changer d'avis chaque jour"),
    },
}


def rule_says(kind: Kind, english: str, language: str) -> str:
    """The rule in one sentence; `english` is what it says of itself."""
    return SAYS.get(kind, english) if language == "fr" else english


def limit_says(kind: Kind, name: str, unit: str, reason: str, language: str) -> Limit:
    """A threshold in words; one that nobody has put into French yet stays English: better than silence."""
    known = LIMITS.get(kind, {}).get(name) if language == "fr" else None
    return known or Limit(name, unit, reason)
