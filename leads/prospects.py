"""Who appears in the demo, and what salespeople write about them: only words, for `demo` to choose from.

Companies and people are invented; their domains end in .example, and every telephone number has 555 in it.
"""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    """What people are called there, and how telephone numbers are written (`#` stands for a digit)."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    business_phone: str
    mobile_phone: str


class Company(NamedTuple):
    """A company: its name, where it is (a key of REGIONS), and how many people work there."""

    name: str
    region: str
    employees: int


def _region(first_names: str, last_names: str, business_phone: str, mobile_phone: str) -> Region:
    last = tuple(name.replace("_", " ") for name in last_names.split())
    return Region(tuple(first_names.split()), last, business_phone, mobile_phone)


REGIONS: dict[str, Region] = {
    "america": _region(
        "Megan Tyler Brianna Marcus Allison Derek Naomi Curtis Rachel Anthony Danielle Wesley Lorraine Trevor",
        "Caldwell Brennan Okafor Whitfield Delgado Hutchins McAllister Novak Reyes Sandoval Tran Ellison Pruitt Garza",
        "+1 312 555 01##",
        "+1 773 555 01##",
    ),
    "canada": _region(
        "Kirsten Étienne Heather Graham Mireille Dylan Joanne Raphaël Shauna Gordon Amélie Colin",
        "MacLeod Tremblay Singh Bouchard Fraser Kowalchuk Wong Gagnon Sinclair Petrov Lachance Dhaliwal",
        "+1 604 555 01##",
        "+1 778 555 01##",
    ),
    "britain": _region(
        "Fiona Alastair Gemma Rhys Harriet Callum Imogen Nigel Bronwen Stuart Siobhan Declan",
        "Ashworth Pemberton Kaur Llewellyn O'Connor Thackeray Begum Fairbairn Gallagher Holloway Osei Drummond",
        "+44 20 555 01##",
        "+44 77 555 01##",
    ),
    "germany": _region(
        "Anke Jürgen Heike Matthias Sabine Björn Friederike Thorsten Käthe Ömer Silke Lukas",
        "Grünwald Schröder Hoffmann Weiß Brandt Öztürk Kästner Lindemann Vogel Krüger Nowak Reuter",
        "+49 30 555 01##",
        "+49 151 555 01##",
    ),
    "france": _region(
        "Hélène Thibault Océane Jérôme Camille François Maëlle Benoît Sandrine Loïc Yasmine Gaspard",
        "Lefèvre Dubois Garnier Moreau Besson Benali Charpentier Rousseau Delacroix Vasseur Guérin Marchetti",
        "+33 1 555 01##",
        "+33 6 555 01##",
    ),
    "iberia": _region(
        "Lucía Álvaro Inés Íñigo Beatriz Joaquín Núria Rui Catarina Tiago Pilar Gonçalo",
        "Ibáñez Quintana Muñoz Ferreira Echeverría Carvalho Peña Antunes Villalba Prats Magalhães Lozano",
        "+34 91 555 01##",
        "+34 65 555 01##",
    ),
    "latin america": _region(
        "Ximena Rodrigo Valentina Emiliano Thaís Joaquim Renata Mauricio Luana Ignacio Paloma Caetano",
        "Figueroa Araújo Cárdenas Monteiro Zúñiga Barbosa Salgado Fonseca Ocampo Teixeira Arriaga Núñez",
        "+52 55 555 01##",
        "+52 1 555 01##",
    ),
    "nordics": _region(
        "Ingrid Søren Åsa Mikkel Tuulikki Håkon Sigrún Östen Pernille Eetu Solveig Jökull",
        "Lindqvist Sørensen Haugen Virtanen Åkesson Thorlacius Bjørnstad Koskinen Nygård Briem Ek Madsen",
        "+46 8 555 01##",
        "+46 70 555 01##",
    ),
    "low countries": _region(
        "Femke Joris Anouk Maarten Liesbeth Sjoerd Griet Bram Hanneke Wout Noor Thijs",
        "van_den_Berg Vermeulen de_Groot Peeters Hoekstra El_Amrani Claes van_Dijk Jansen Wouters ter_Horst Smeets",
        "+31 20 555 01##",
        "+31 6 555 01##",
    ),
    "italy": _region(
        "Chiara Lorenzo Giada Niccolò Beatrice Raffaele Martina Corrado Ilaria Tommaso Donatella Elio",
        "Ferrari D'Amico Bianchi Lo_Presti Conti Marangoni Pellegrino Sartori Caruso Zanetti De_Luca Morandi",
        "+39 02 555 01##",
        "+39 333 555 01##",
    ),
    "central europe": _region(
        "Agnieszka Zoltán Lucie Bartłomiej Ágnes Jiří Małgorzata Andrei Katarína Tomáš Ioana Grzegorz",
        "Wójcik Horváth Krejčí Kowalczyk Szabó Janů Popescu Kovačić Zając Nagy Ilieș Łukasik",
        "+48 22 555 01##",
        "+48 50 555 01##",
    ),
    "india": _region(
        "Ananya Rohan Kavitha Arjun Meera Sandeep Lakshmi Vikram Nandini Imran Shreya Farhan",
        "Iyer Chatterjee Deshmukh Reddy Kapoor Nair Banerjee Qureshi Mehta Gowda Joshi Subramanian",
        "+91 22 555 01##",
        "+91 98 555 01##",
    ),
    "east asia": _region(
        "Haruka Kenji Ji-woo Min-jun Mei-Ling Takumi Soo-jin Wei Ayumi Hiroshi Xiuying Jun",
        "Tanaka Kim Nakamura Park Chen Sasaki Lim Ishikawa Zhang Yamashita Choi Hoshino",
        "+81 3 555 01##",
        "+81 90 555 01##",
    ),
    "africa": _region(
        "Adaeze Kwame Thandiwe Yusuf Amina Tendai Zanele Olumide Wanjiru Sipho Fatoumata Hassan",
        "Okonkwo Mensah Dlamini Abdi Nkosi Moyo Adeyemi Kamau van_Niekerk Diallo Botha Haile",
        "+27 11 555 01##",
        "+27 82 555 01##",
    ),
    "oceania": _region(
        "Kylie Angus Mereana Jarrod Bronte Hamish Talia Lachlan Aroha Declan Georgia Wiremu",
        "Donnelly Ngata Papadopoulos Whitelaw Tautahi Nguyen Mackay Raukawa Bartholomew Stavros Hine Kerrigan",
        "+61 2 555 01##",
        "+61 4 555 01##",
    ),
}

COMPANIES: dict[str, tuple[Company, ...]] = {
    "Agriculture": (
        Company("Prairie Gold Growers", "canada", 140),
        Company("Fazenda Boa Vista", "latin america", 420),
        Company("Kōwhai Orchards", "oceania", 85),
        Company("Møllegaard Dairies", "nordics", 260),
        Company("Cooperativa Valle Verde", "iberia", 310),
        Company("Rift Valley Roses", "africa", 640),
        Company("Polder & Zoon Bulbs", "low countries", 75),
    ),
    "Construction": (
        Company("Cobalt Ridge Builders", "america", 380),
        Company("Baugesellschaft Lindemann & Söhne", "germany", 210),
        Company("Harbourline Civil", "oceania", 520),
        Company("Pont-Neuf Structures", "france", 165),
        Company("Stanmore Scaffolding", "britain", 90),
        Company("Deccan Infra Projects", "india", 2400),
        Company("Wisła Mosty", "central europe", 340),
        Company("Granite Peak Roofing", "canada", 45),
        Company("Impresa Colonna", "italy", 120),
        Company("Andes Obras", "latin america", 730),
    ),
    "Education": (
        Company("Northgate College", "britain", 650),
        Company("Escola Nova Aliança", "latin america", 190),
        Company("Lakehead Polytechnic", "canada", 1200),
        Company("Sakura Language Institute", "east asia", 130),
        Company("Campus Rhône-Alpes", "france", 880),
        Company("Ubuntu Skills Academy", "africa", 95),
    ),
    "Energy": (
        Company("Nordlys Kraft", "nordics", 470),
        Company("Solara Power", "america", 230),
        Company("Windpark Uckermark", "germany", 60),
        Company("Hokkai Solar", "east asia", 150),
        Company("Volta Verde", "italy", 95),
        Company("Cape Current Energy", "africa", 310),
        Company("Peace River Hydro", "canada", 1250),
        Company("Energía del Desierto", "latin america", 280),
        Company("Thermex Geothermal", "oceania", 110),
        Company("Bluestem Pipelines", "america", 860),
        Company("Gridwell", "britain", 175),
        Company("Suryodaya Renewables", "india", 690),
        Company("Maas Warmtenet", "low countries", 70),
        Company("Carpathian Gas Storage", "central europe", 340),
    ),
    "Financial services": (
        Company("Harrow & Finch Insurance", "britain", 540),
        Company("Caisse Populaire des Laurentides", "canada", 230),
        Company("Alpenblick Versicherungen", "germany", 410),
        Company("Savanna Microfinance", "africa", 180),
        Company("Lotus Bridge Capital", "east asia", 55),
        Company("Banca Sette Colli", "italy", 720),
        Company("Redwood Surety", "america", 95),
    ),
    "Government": (
        Company("City of Fairhaven Public Works", "america", 310),
        Company("Gemeente Zandvoorde", "low countries", 240),
        Company("Østerdal Kommune", "nordics", 520),
        Company("Town of Hartwell", "oceania", 430),
        Company("Ayuntamiento de Robledal", "iberia", 160),
        Company("Strathmoor Council", "britain", 980),
        Company("Regional District of Kettle Lake", "canada", 120),
    ),
    "Healthcare": (
        Company("St. Brigid's Hospice", "britain", 140),
        Company("Clinique du Parc Fleuri", "france", 320),
        Company("Sunrise Home Care", "america", 210),
        Company("Kaveri Hospitals", "india", 1850),
        Company("Helsehuset Fjord", "nordics", 75),
        Company("Klinikum Rosenau", "germany", 1100),
        Company("Maple Grove Veterinary", "canada", 35),
        Company("Hanbit Diagnostics", "east asia", 260),
        Company("Zorggroep De Linde", "low countries", 480),
    ),
    "Hospitality": (
        Company("Hotel Belvedere Sul Lago", "italy", 65),
        Company("Casa Azul Resorts", "latin america", 390),
        Company("Fjällviken Lodges", "nordics", 50),
        Company("The Copper Kettle Inns", "britain", 180),
        Company("Pearl Bay Catering", "east asia", 220),
        Company("Quinta dos Arcos", "iberia", 40),
        Company("Acacia Safari Camps", "africa", 130),
    ),
    "Manufacturing": (
        Company("Präzisionswerk Allgäu", "germany", 270),
        Company("Tokai Seiki", "east asia", 1400),
        Company("Great Lakes Fasteners", "america", 190),
        Company("Fonderie Saint-Éloi", "france", 150),
        Company("Västerlund Verktyg", "nordics", 85),
        Company("Officine Meccaniche Brambilla", "italy", 110),
        Company("Bharat Valves", "india", 950),
        Company("Kovárna Beroun", "central europe", 230),
        Company("Pinnacle Foam & Gasket", "canada", 60),
        Company("Cerámicas del Turia", "iberia", 175),
        Company("Sheffield Blade Works", "britain", 55),
        Company("Auto Partes Bajío", "latin america", 820),
        Company("Hanseatic Pumps", "germany", 330),
    ),
    "Mining": (
        Company("Pilbara Crest Minerals", "oceania", 1600),
        Company("Cobre Alto", "latin america", 2100),
        Company("Kivalo Nickel", "nordics", 410),
        Company("Blue Crane Platinum", "africa", 3200),
        Company("Yellowhead Gold", "canada", 240),
        Company("Wolfram Erzgebirge", "germany", 75),
    ),
    "Retail": (
        Company("Blomster & Blad", "nordics", 120),
        Company("Maison Verdier", "france", 340),
        Company("Corner Basket Grocers", "britain", 760),
        Company("Hemalata Textiles", "india", 410),
        Company("Trattoria Pronta", "italy", 95),
        Company("Juniper Outfitters", "america", 280),
        Company("Mercado Tropical", "latin america", 630),
        Company("Southern Cross Hardware", "oceania", 510),
        Company("Fietsenfabriek Delft", "low countries", 48),
    ),
    "Technology": (
        Company("Quillstack", "america", 65),
        Company("Datenwerft", "germany", 40),
        Company("Nimbus Nine", "canada", 110),
        Company("Kitsune Robotics", "east asia", 190),
        Company("Parsec Softworks", "central europe", 75),
        Company("Chennai Cloud Partners", "india", 320),
        Company("Algoritmo Azul", "iberia", 28),
        Company("Lagos Ledger Labs", "africa", 52),
    ),
    "Telecommunications": (
        Company("Aurora Fibre", "nordics", 290),
        Company("Transkaroo Towers", "africa", 370),
        Company("Prairie Wireless", "america", 540),
        Company("Réseaux du Littoral", "france", 210),
        Company("Kestrel Broadband", "britain", 160),
        Company("Antenas del Sur", "latin america", 130),
    ),
    "Transportation": (
        Company("Baltic Reefer Lines", "central europe", 620),
        Company("Two Rivers Trucking", "america", 240),
        Company("Spedition Kranich", "germany", 310),
        Company("Overberg Coaches", "africa", 90),
        Company("Coast Mountain Helicopters", "canada", 70),
        Company("Transportes Guadiana", "iberia", 180),
        Company("Rapide Courrier Lyon", "france", 145),
        Company("Golden Gate Cold Chain", "america", 410),
        Company("Binnenvaart Merwede", "low countries", 55),
        Company("Seto Ferry", "east asia", 330),
        Company("Tasman Freight", "oceania", 460),
    ),
    "Other": (
        Company("Lighthouse Pest Control", "america", 38),
        Company("Fondation des Quatre Vents", "france", 25),
        Company("Greenlock Security", "britain", 420),
        Company("Peregrine Marine Survey", "canada", 18),
        Company("Clear Glass Facility Services", "africa", 540),
        Company("Tiszta Ház Cleaning", "central europe", 85),
    ),
}

# What a company of the industry needs; each reads on from an opening: "Met at the trade fair. Wants …".
NEEDS: dict[str, tuple[str, ...]] = {
    "Agriculture": (
        "Wants spray and harvest records from the field, offline, instead of notebooks in the tractor.",
        "Certification audit in spring; needs every batch traced back to its field.",
        "Pickers are paid by the crate and the tallies are on paper until Friday night.",
    ),
    "Construction": (
        "Site diaries come in as photos of paper; the office types them again.",
        "Wants safety inspections on tablets, with a picture for every defect.",
        "Needs daily crew hours by site before payroll closes on Wednesday.",
        "Snag lists live in a spreadsheet that four people edit at once.",
    ),
    "Education": (
        "Wants maintenance requests from 12 buildings in one list.",
        "Open-day visitors sign up on clipboards; half of the addresses can't be read.",
        "Lends out lab equipment and never knows who has what.",
    ),
    "Energy": (
        "Wants substation inspections off paper; about 40 sites, some without any signal.",
        "Meter readings are phoned in. Looking for a form that works offline and syncs by itself.",
        "Turbine technicians fill in three forms per visit; wants one.",
        "Needs pole and line patrols on a map, with photos, before the storm season.",
        "Regulator asks for vegetation reports every quarter; they take two weeks to put together today.",
    ),
    "Financial services": (
        "Field staff write up client visits at night, from memory; wants it done on the spot.",
        "Branch checks of cash and keys, 60 branches, monthly. All e-mail today.",
        "Loan officers visit clients where there is no coverage; applications are on paper.",
    ),
    "Government": (
        "Potholes, lamps, signs: residents report by phone, nobody sees the same list.",
        "Has to go through a tender above 50,000. Wants a pilot in one department first.",
        "Playground inspections must be kept for ten years. Asked how exports work.",
    ),
    "Healthcare": (
        "Home visits are written up twice. Privacy is the first question, price the second.",
        "Wants equipment checks on the wards with a record of who did them and when.",
        "Vaccine fridges: two temperature readings a day, on paper, 30 fridges.",
        "Accreditation next year; needs incident reports that can't get lost.",
    ),
    "Hospitality": (
        "Housekeeping and maintenance talk by radio only; wants open jobs on a phone.",
        "Food safety checklists for the kitchen; the inspector wants twelve months back.",
        "Seasonal staff, new every May: it has to be learned in ten minutes.",
    ),
    "Manufacturing": (
        "Quality checks at the line are on paper cards, typed in at the end of the week.",
        "Wants downtime reasons captured by the operator, not guessed in the meeting.",
        "Two plants, two spreadsheets, one customer who audits both.",
        "Looking at us and one bigger vendor for first-article inspections.",
        "Service engineers need the machine's history with them at the customer's.",
    ),
    "Mining": (
        "Pre-start checks for 80 vehicles, underground, no coverage until the end of the shift.",
        "Wants drill logs in the system the same day, not the same month.",
        "Contractors' inductions expire unnoticed. Safety manager is very keen.",
    ),
    "Retail": (
        "Store visits by area managers: photos of shelves, a score, and a to-do list.",
        "Price checks at competitors go through a chat group today.",
        "Opening a new store every month; wants the handover checklist in one place.",
    ),
    "Technology": (
        "Wants leads from our forms in their CRM the same minute. Lives in Zapier.",
        "Developers; asked for the API documents before anything else.",
        "Builds sensors and needs installers to record serial number, place and photo.",
    ),
    "Telecommunications": (
        "Mast climbs need a permit and a checklist; both are PDFs sent around by e-mail.",
        "Fibre crews report metres per day by text message. Billing waits for it.",
        "Wants proof of each home installation: picture, signal level, signature.",
    ),
    "Transportation": (
        "Drivers' walk-round checks on paper; one defect was found three weeks late.",
        "Proof of delivery with a signature, offline in the valleys.",
        "Temperature logs for every trailer, ready when the customer asks.",
        "Damage reports with photos at handover, in three languages.",
    ),
    "Other": (
        "Technicians' visit reports should reach the customer the same day.",
        "Volunteers register visitors on paper; someone types for two days after each event.",
        "Wants patrol rounds recorded with time and place, and a weekly summary for clients.",
    ),
}

OPENINGS: tuple[str, ...] = (
    "Met {first} at the regional trade fair, good talk.",
    "{first} wrote through the website.",
    "Referred by an existing customer.",
    "{first} called after reading the case study.",
    "Came to the webinar and asked two good questions.",
    "Cold call, but {first} was open to it.",
    "{first} saw us at a partner's and got in touch.",
    "Left a business card at our stand; rang to see.",
    "{first} asked for prices in the chat on our site.",
    "Met {first} on the train, of all places.",
    "Their old supplier stops in the summer, so {first} is looking around.",
    "Second talk this year; the first one came too early.",
    "{first} got our name from a consultant.",
    "Short call, {first} knows the subject well.",
    "Downloaded the price guide.",
    "Old contact of mine, {first} moved there in the summer.",
)

NEXT_STEPS: tuple[str, ...] = (
    "Get in touch in two weeks.",
    "Send the price list and a reference from the same industry.",
    "Demo next week, invite their IT.",
    "Budget is decided in January.",
    "Will discuss it with the operations manager first.",
    "Asked for a trial for five people.",
    "Not in a hurry.",
    "Prefers e-mail to phone.",
    "Best reached before 9.",
    "Decision lies with the head office.",
    "Send the offline video.",
    "Wants to hear how others did it.",
    "Contract with the present supplier ends in the spring.",
    "",
)

# What is written down when a lead moves, a pool for each kind of change (see demo._changes).
NOTES: dict[str, tuple[str, ...]] = {
    "called back": (
        "called {first} back, all questions answered.",
        "called back; {first} wants the offer in writing.",
        "reached {first} at the third try. Meeting fixed.",
        "spoke for 20 minutes, mostly about roles and who sees what.",
        "called back. Wrong moment, but {first} was friendly about it.",
    ),
    "callback asked": (
        "{first} asks to be called on Thursday morning.",
        "left a message with the front desk; please call back.",
        "e-mail from {first}: has questions on pricing, please call.",
        "wants to talk about hosting with their IT on the line.",
    ),
    "warmer": (
        "demo went well, {first} brought the whole team.",
        "the trial is in daily use, 8 people by now.",
        "their IT looked at the API and is happy.",
        "{first} presented us to the board. Good signs.",
        "visited them on site. They showed me a cupboard full of paper.",
        "reference call with another customer went very well.",
        "came back by themselves with a list of wishes.",
        "competitor is out: no offline.",
    ),
    "hot": (
        "budget approved, wants to start before the end of the month.",
        "asked for the contract and the data processing agreement.",
        "purchasing called for the vendor form. This is happening.",
        "pilot finished, they want it for everyone.",
        "{first} named us as first choice. Only the signature is missing.",
    ),
    "cooler": (
        "project is postponed, new management.",
        "budget frozen until next year. Stay in touch.",
        "{first} is on leave until further notice, nobody in charge.",
        "they look at building it themselves.",
        "no answer to three e-mails.",
    ),
    "value": (
        "added the second site to the offer.",
        "revised the offer after counting users again.",
        "only the mobile users for now, the office later.",
        "three years instead of one, with the usual discount.",
        "training and set-up are in the price now.",
        "starts smaller: one team, then we'll see.",
    ),
    "estimate": (
        "first estimate after talking about numbers.",
        "{first} gave a number of users, so a first figure.",
        "rough figure, with list prices.",
    ),
    "details": (
        "",
        "got the details from the signature in the mail.",
        "completed after looking at their website.",
    ),
}
