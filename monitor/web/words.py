"""Every phrase of the pages, in French and English, and the few rules of number that they need.

`{n}` and the like are filled in by `say`; a phrase with `|` has a singular and a plural, chosen by `n`.
"""

import re
from typing import Any, Final

LANGUAGES: Final = ("fr", "en")

PHRASES: Final[dict[str, tuple[str, str]]] = {
    # frame
    "nav.fleet": ("Communes", "Communes"),
    "nav.cases": ("Pannes", "Cases"),
    "nav.help": ("Aide", "Help"),
    "nav.other": ("English", "Français"),
    "nav.skip": ("Aller au contenu", "Skip to content"),
    "nav.leave": ("Se déconnecter", "Sign out"),
    "foot.at": ("Page faite {when} (heure du Mali, UTC).", "Page made {when} (Mali time, UTC)."),
    "foot.machines": ("Les mêmes chiffres pour les machines", "The same figures for machines"),
    "replay": (
        "Monde rejoué « {name} » : un exercice ou un enregistrement, pas les lampes d'aujourd'hui.",
        "Replayed world “{name}”: an exercise or a recording, not today's lamps.",
    ),
    # answers
    "fleet.lit": (
        "{n} lampe sur {total} a éclairé la nuit dernière|{n} lampes sur {total} ont éclairé la nuit dernière",
        "{n} of {total} lamps gave light all last night|{n} of {total} lamps gave light all last night",
    ),
    "fleet.none": ("Aucune lampe n'a éclairé la nuit dernière", "No lamp gave light last night"),
    "fleet.all": (
        "Les {total} lampes ont toutes éclairé la nuit dernière",
        "All {total} lamps gave light all last night",
    ),
    "fleet.unknown": (
        "Aucune nouvelle encore de la nuit dernière",
        "No news of last night yet",
    ),
    "fleet.known_before": ("Dernière nuit connue : {night}.", "Last known night: {night}."),
    "commune.lit": (
        "{name} : {n} lampe sur {total} a éclairé la nuit dernière|"
        "{name} : {n} lampes sur {total} ont éclairé la nuit dernière",
        "{name}: {n} of {total} lamps gave light all last night|{name}: {n} of {total} lamps gave light all last night",
    ),
    "commune.none": (
        "{name} : aucune lampe n'a éclairé la nuit dernière",
        "{name}: no lamp gave light last night",
    ),
    "commune.all": (
        "{name} : les {total} lampes ont toutes éclairé la nuit dernière",
        "{name}: all {total} lamps gave light all last night",
    ),
    "commune.unknown": (
        "{name} : aucune nouvelle encore de la nuit dernière",
        "{name}: no news of last night yet",
    ),
    "lamp.l": (
        "{name} a éclairé la nuit dernière",
        "{name} gave light all last night",
    ),
    "lamp.p": (
        "{name} n'a éclairé qu'en partie la nuit dernière|{name} n'éclaire qu'en partie depuis {n} nuits",
        "{name} gave light for only part of last night|{name} has given light for only part of the last {n} nights",
    ),
    "lamp.d": (
        "{name} est restée éteinte la nuit dernière|{name} est éteinte depuis {n} nuits",
        "{name} stayed dark last night|{name} has been dark for {n} nights",
    ),
    "lamp.u": (
        "{name} : aucune nouvelle de la nuit dernière|{name} : aucune nouvelle depuis {n} nuits",
        "{name}: no news of last night|{name}: no news for {n} nights",
    ),
    "lamp..": ("{name} n'est pas encore installée", "{name} is not installed yet"),
    # verdicts
    "v.l": ("éclairée|éclairées", "lit|lit"),
    "v.p": ("en partie|en partie", "partly|partly"),
    "v.d": ("éteinte|éteintes", "dark|dark"),
    "v.u": ("inconnue|inconnues", "unknown|unknown"),
    "v..": ("pas encore installée", "not installed yet"),
    "legend.l": ("éclairée jusqu'au matin", "lit until morning"),
    "legend.p": ("éclairée en partie", "lit for a part"),
    "legend.d": ("éteinte", "dark"),
    "legend.u": ("inconnue : pas de nouvelles", "unknown: no news"),
    "legend.read": (
        "Un carré est une nuit ; la plus récente est à droite.",
        "One square is one night; the newest is on the right.",
    ),
    "count": ("{n} {word}", "{n} {word}"),
    "strip.label": ("{name}, {nights} nuits : {counts}", "{name}, {nights} nights: {counts}"),
    "block.label": ("{name}, nuit dernière : {counts}", "{name}, last night: {counts}"),
    # sections
    "cases.todo": ("À faire", "To do"),
    "cases.open": ("{n} panne ouverte|{n} pannes ouvertes", "{n} open case|{n} open cases"),
    "cases.none": ("Aucune panne ouverte.", "No open case."),
    "cases.all": ("Voir toutes les pannes ({n})", "See all cases ({n})"),
    "cases.more": ("et {n} de plus", "and {n} more"),
    "cases.title_open": ("Pannes ouvertes", "Open cases"),
    "cases.title_closed": ("Pannes terminées", "Closed cases"),
    "cases.title_hidden": ("Pannes expliquées par une autre", "Cases explained by another one"),
    "cases.show_open": ("Ouvertes", "Open"),
    "cases.show_closed": ("Terminées", "Closed"),
    "cases.show_hidden": ("Expliquées par une autre", "Explained by another"),
    "cases.nothing": ("Rien à montrer ici.", "Nothing to show here."),
    "note": ("À savoir", "Good to know"),
    "communes": ("Communes", "Communes"),
    "map": ("Carte", "Map"),
    "map.fleet": (
        "Chaque carré est une lampe, la nuit dernière. Les communes proches sont un peu écartées.",
        "Each square is a lamp, last night. Neighbouring communes are moved apart a little.",
    ),
    "map.commune": ("Chaque carré est une lampe, la nuit dernière.", "Each square is a lamp, last night."),
    "nights": ("Les {n} dernières nuits", "The last {n} nights"),
    "nights.until": ("{n} nuits jusqu'au {day}", "{n} nights until {day}"),
    "nights.before": ("← {n} nuits avant", "← {n} nights before"),
    "nights.after": ("{n} nuits après →", "{n} nights later →"),
    "nights.span": ("Du {first} au {last}.", "From {first} to {last}."),
    "nights.of": ("{n} / {total} nuits", "{n} / {total} nights"),
    "service": ("Service des {n} dernières nuits", "Service over the last {n} nights"),
    "service.nights": ("Nuits servies entièrement", "Nights fully served"),
    "service.between": ("{low} à {high}", "{low} to {high}"),
    "service.bounds": (
        "{served} nuits de lampe sur {nights} ; {unknown} inconnues, comptées perdues à gauche et servies à droite",
        "{served} of {nights} lamp-nights; {unknown} unknown, counted as lost on the left and as served on the right",
    ),
    "service.all_known": ("{served} nuits de lampe sur {nights}", "{served} of {nights} lamp-nights"),
    "service.hours": ("Heures éclairées", "Hours of light"),
    "service.hours_note": (
        "{lit} h sur {scheduled} h demandées, nuits connues",
        "{lit} h of {scheduled} h asked for, known nights",
    ),
    "service.run": ("Le plus longtemps éteinte", "Longest dark run"),
    "service.run_value": ("{n} nuit|{n} nuits", "{n} night|{n} nights"),
    "service.data": ("Données reçues", "Data received"),
    "service.data_note": ("mesures arrivées sur mesures attendues", "samples that came, of those expected"),
    "service.repair": ("Durée médiane d'une panne", "Median time to repair"),
    "service.repair_note": ("{n} panne terminée|{n} pannes terminées", "{n} closed case|{n} closed cases"),
    "service.not_known": ("pas encore connu", "not known yet"),
    "people": ("Qui est prévenu", "Who is told"),
    "people.none": ("Personne n'est inscrit dans le fichier de la flotte.", "Nobody is named in the fleet file."),
    "told.recent": ("Derniers messages", "Latest messages"),
    "told.none": ("Aucun message envoyé.", "No message sent."),
    "told.case": ("voir la panne", "see the case"),
    "told.at": ("prévenu {when}", "told {when}"),
    "told.waiting": ("message en attente depuis {when}", "message waiting since {when}"),
    "told.failed": ("message impossible à remettre", "message could not be delivered"),
    "change.opened": ("panne annoncée", "case announced"),
    "change.closed": ("fin annoncée", "end announced"),
    "change.withdrawn": ("retrait annoncé", "withdrawal announced"),
    # lamp
    "lamp.name": ("La lampe {id}", "Lamp {id}"),
    "lamp.measures": ("Mesures des {n} derniers jours", "Measurements of the last {n} days"),
    "lamp.days": ("{n} jours", "{n} days"),
    "lamp.no_measures": ("Aucune mesure reçue pendant ces jours.", "No measurement received in these days."),
    "lamp.shade": ("Gris : la nuit, quand la lumière est demandée.", "Grey: night, when light is asked for."),
    "chart.battery": ("Batterie", "Battery"),
    "chart.panel": ("Panneau", "Panel"),
    "chart.light": ("Lumière", "Light"),
    "chart.label": (
        "{what}, de {low} à {high} {unit} sur {n} jours",
        "{what}, from {low} to {high} {unit} over {n} days",
    ),
    "chart.cut_off": ("coupure", "cut-off"),
    "chart.nominal": ("nominal", "nameplate"),
    "chart.now": ("dernière mesure {value}", "last measured {value}"),
    "lamp.learned": ("Ce que la surveillance a appris", "What the watch has learnt"),
    "lamp.nothing_learned": ("Rien encore : il faut quelques jours de mesures.", "Nothing yet: it takes a few days."),
    "lamp.cases": ("Pannes passées", "Past cases"),
    "lamp.no_cases": ("Aucune.", "None."),
    "lamp.repairs": ("Réparations", "Repairs"),
    "lamp.no_repairs": ("Aucune réparation signalée.", "No repair reported."),
    "lamp.card": ("Fiche", "Data sheet"),
    "lamp.model": ("modèle", "model"),
    "lamp.panel": ("panneau", "panel"),
    "lamp.battery": ("batterie", "battery"),
    "lamp.luminaire": ("luminaire", "luminaire"),
    "lamp.installed": ("installée", "installed"),
    "lamp.position": ("position", "position"),
    "repair.title": ("Signaler une réparation", "Report a repair"),
    "repair.what": ("Qu'est-ce qui a été fait ?", "What was done?"),
    "repair.note": ("Précision (facultatif)", "Detail (optional)"),
    "repair.by": ("Par qui ? (rôle)", "By whom? (role)"),
    "repair.send": ("Signaler", "Report"),
    "repair.done": ("Merci : la réparation est notée.", "Thank you: the repair is noted."),
    "repair.why": (
        "La surveillance réapprend alors cette lampe ; ses pannes se ferment d'elles-mêmes à la première preuve.",
        "The watch then learns this lamp anew; its cases close by themselves at the first proof.",
    ),
    "repair.empty": ("Dites ce qui a été fait.", "Say what was done."),
    "repair.panel_washed": ("Panneau lavé", "Panel washed"),
    "repair.panel_replaced": ("Panneau remplacé", "Panel replaced"),
    "repair.battery_replaced": ("Batterie remplacée", "Battery replaced"),
    "repair.driver_replaced": ("Driver LED remplacé", "LED driver replaced"),
    "repair.luminaire_replaced": ("Luminaire remplacé", "Luminaire replaced"),
    "repair.controller_replaced": ("Régulateur remplacé", "Charge controller replaced"),
    "repair.connectors": ("Câbles ou connecteurs refaits", "Cables or connectors redone"),
    "repair.modem": ("Modem, antenne ou carte SIM", "Modem, antenna or SIM card"),
    "repair.other": ("Autre", "Other"),
    # case
    "case.title": ("Panne n° {id}", "Case no. {id}"),
    "case.evidence": ("Ce qui le montre", "What shows it"),
    "case.figure": ("Mesure", "Figure"),
    "case.value": ("Valeur", "Value"),
    "case.limit": ("Limite", "Limit"),
    "case.peers": ("Voisins", "Others"),
    "case.when": ("Quand", "When"),
    "case.causes": ("Causes probables", "Likely causes"),
    "case.carry": ("À emporter : {things}", "Bring: {things}"),
    "case.place": ("Où", "Where"),
    "case.timeline": ("Histoire", "Story"),
    "case.hidden": (
        "Cette panne est expliquée par une autre ({kind}) : personne n'est prévenu pour elle.",
        "This case is explained by another one ({kind}): nobody is told of it.",
    ),
    "case.explain": ("Comment la surveillance en est arrivée là", "How the watch came to this"),
    "moment.began": ("a commencé", "began"),
    "moment.opened": ("reconnue : preuves suffisantes", "recognised: evidence sufficient"),
    "moment.acknowledged": ("prise en charge par {who}", "taken on by {who}"),
    "moment.ended": ("terminée", "over"),
    "moment.closed": ("fin reconnue", "end recognised"),
    "moment.withdrawn": ("retirée : des données tardives l'ont démentie", "withdrawn: late data disproved it"),
    "moment.told": ("prévenu : {who}", "told: {who}"),
    "moment.failed": ("message impossible à remettre : {who}", "message could not be delivered: {who}"),
    "moment.note": ("note de {who}", "note by {who}"),
    "moment.repair": ("réparation signalée par {who} : {what}", "repair reported by {who}: {what}"),
    "somebody": ("quelqu'un sur place", "somebody on site"),
    "colon": (" :", ":"),
    "trace.rule": ("Règle :", "Rule:"),
    "trace.verdict": ("Conclusion :", "Verdict:"),
    "trace.thresholds": ("Seuils", "Thresholds"),
    "trace.inputs": ("Données de cette nuit-là", "That night's inputs"),
    "trace.inputs_note": (
        "Sous leurs noms dans la table des nuits ; heures du Mali (UTC).",
        "By their names in the table of nights; Mali time (UTC).",
    ),
    "verdict.bad": ("le défaut se montre", "it shows the fault"),
    "verdict.good": ("pas de défaut", "no fault"),
    "answer.yes": ("oui", "yes"),
    "answer.no": ("non", "no"),
    "case.take": ("Je m'en occupe", "I take it on"),
    "case.take_note": (
        "Les autres verront que quelqu'un y va ; la panne se fermera d'elle-même à la première preuve.",
        "Others will see that somebody is going; the case closes by itself at the first proof.",
    ),
    "case.taken": ("Noté : cette panne est prise en charge.", "Noted: this case has been taken on."),
    "case.role_by": ("Votre rôle ou nom", "Your role or name"),
    "case.estimate_panel": ("perte de production estimée :", "estimated loss of output:"),
    "case.estimate_battery": ("capacité restante estimée :", "estimated capacity left:"),
    "state.open": ("ouverte", "open"),
    "state.acknowledged": ("prise en charge", "taken on"),
    "state.closed": ("terminée", "over"),
    "state.withdrawn": ("retirée", "withdrawn"),
    "whole_commune": ("toute la commune", "the whole commune"),
    "likely.high": ("très probable", "very likely"),
    "likely.good": ("probable", "likely"),
    "likely.some": ("possible", "possible"),
    "likely.low": ("peu probable", "unlikely"),
    # learnt
    "learned.gain": ("production, par rapport aux voisins", "output, against the other lamps"),
    "learned.yield_ratio": ("production, par rapport à son habitude", "output, against its own usual"),
    "learned.soiling": ("production perdue", "output lost"),
    "learned.capacity": ("batterie, part de la capacité d'origine", "battery, share of its capacity when new"),
    "learned.capacity_ah": ("capacité de la batterie", "battery capacity"),
    "learned.resistance": ("résistance de la batterie", "battery resistance"),
    "learned.autonomy": ("réserve", "reserve"),
    "learned.dark_risk": ("risque d'extinction sous trois nuits", "risk of going dark within three nights"),
    "learned.led_ratio": ("lumière, par rapport au nominal", "light, against nameplate"),
    "learned.since": ("appris depuis", "learnt since"),
    "learned.nights": ("nuits regardées", "nights looked at"),
    # access
    "login.title": ("Entrer", "Sign in"),
    "login.name": ("Compte", "Account"),
    "login.password": ("Mot de passe", "Password"),
    "login.send": ("Entrer", "Sign in"),
    "login.wrong": ("Compte ou mot de passe inconnu.", "Unknown account or password."),
    "error.429": ("Trop d'essais", "Too many tries"),
    "error.429_why": ("Pour ce compte, attendez cinq minutes.", "For this account, wait five minutes."),
    # help
    "help.title": ("Ce que les mots veulent dire", "What the words mean"),
    "help.nights": ("Les nuits", "Nights"),
    "help.kinds": ("Les pannes", "Faults"),
    "help.figures": ("Les chiffres", "Figures"),
    "help.symptom": ("se voit en passant", "seen when passing by"),
    # errors
    "error.404": ("Cette page n'existe pas", "There is no such page"),
    "error.404_why": (
        "L'adresse est mal écrite, ou la lampe n'est plus dans la flotte.",
        "The address is mistyped, or the lamp is no longer in the fleet.",
    ),
    "error.403": ("Cette page n'est pas pour ce compte", "This page is not for this account"),
    "error.403_why": (
        "Un compte de commune ne montre que sa commune.",
        "A commune's account shows that commune only.",
    ),
    "error.400": ("La demande n'a pas pu être lue", "The request could not be read"),
    "error.400_why": ("Revenez à la page d'avant et recommencez.", "Go back to the page before and try again."),
    "error.405_why": ("Cette adresse ne s'ouvre pas ainsi.", "This address does not open that way."),
    "error.500": ("Quelque chose s'est cassé ici", "Something broke here"),
    "error.500_why": (
        "La panne est dans ce site, pas dans les lampes. Elle est notée dans le journal du serveur.",
        "The fault is in this site, not in the lamps. It is noted in the server's log.",
    ),
    "error.503": ("La mémoire des lampes ne répond pas", "The lamps' store does not answer"),
    "error.503_why": (
        "Les mesures ne sont pas perdues : elles attendent. Réessayez dans quelques minutes.",
        "No measurement is lost: they are waiting. Try again in a few minutes.",
    ),
    "error.back": ("Retour à la première page", "Back to the first page"),
}

REPAIRS: Final = (
    "panel_washed",
    "panel_replaced",
    "battery_replaced",
    "driver_replaced",
    "luminaire_replaced",
    "controller_replaced",
    "connectors",
    "modem",
    "other",
)


_SIGN: Final = re.compile(r" ([:;?!»])")
_UNIT: Final = re.compile(r"(\d) (?=%|(?:V|W|A|Ah|Wh|h|min|°C|nuits?|jours?|nights?|days?)\b)")
_MINUTES: Final = re.compile(r"\bh (?=\d\d\b)")


def say(language: str, key: str, n: float | None = None, **filled: Any) -> str:
    """The phrase in that language. French counts 0 and 1 as singular, English only 1."""
    phrase = PHRASES[key][LANGUAGES.index(language)]
    if "|" in phrase:
        singular, plural = phrase.split("|")
        one = n is not None and (abs(n) < 2 if language == "fr" else n == 1)
        phrase = singular if one else plural
    if n is not None and "n" not in filled:
        filled["n"] = f"{n:g}"
    text = phrase.format(**filled)
    return bound(text) if language == "fr" else text


def bound(text: str) -> str:
    """The text with its numbers kept to their units, and French signs kept to their words, at the end of a line."""
    text = _UNIT.sub("\\1\u00a0", _SIGN.sub("\u00a0\\1", text))
    return _MINUTES.sub("h\u00a0", text).replace("« ", "«\u00a0")


def likely(likelihood: float) -> str:
    """The key of the word for a likelihood, so that a bar is never read alone."""
    if likelihood >= 0.6:
        return "likely.high"
    if likelihood >= 0.3:
        return "likely.good"
    return "likely.some" if likelihood >= 0.1 else "likely.low"
