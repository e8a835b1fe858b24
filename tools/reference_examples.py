"""Examples of the command line: what one wants, and what one types. A test parses each; a command without one fails it."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (
        ("an instance in ./confide, for yourself to look at", "confide init"),
        ("one where a service would keep it", "confide init --folder /var/lib/confide"),
        ("a new server certificate under the same authority, before the old one ends", "confide init --renew-certificate"),
    ),
    "serve": (
        ("until Ctrl-C", "confide serve"),
        ("on another port, without changing the file", "CONFIDE_PORT=9443 confide serve --folder /var/lib/confide"),
    ),
    "check": (
        ("everything, in words", "confide check"),
        ("for a monitor: the status tells, and the answers are JSON", "confide check --json --folder /var/lib/confide"),
        ("only the data map, which needs no instance", "confide check --datamap"),
    ),
    "migrate": (("after an update, with the server stopped and a backup made", "confide migrate --folder /var/lib/confide"),),
    "bootstrap": (("when the first link was not used in time", "confide bootstrap"),),
    "account add": (
        ("asks for the password twice", "confide account add nurse.one clinician"),
        (
            "the account of one patient, with a password from a program",
            "confide account add p.4711 patient --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10 --password-stdin < password.txt",
        ),
    ),
    "import": (
        ("a folder of transaction bundles; run it again to go on where it was stopped", "confide import bundles/"),
        ("single files, with a report for a program", "confide import bundles/one.json bundles/two.json --json"),
    ),
    "export": (
        (
            "everything, encrypted to whoever holds this age identity",
            'confide export --to out/ --recipient "$(age-keygen -y identity.txt)"',
        ),
        (
            "one patient's records, in the clear, where nobody else can read the folder",
            "confide export --to out/ --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10 --plaintext",
        ),
        ("two types", "confide export --to out/ --type Patient --type Observation --plaintext"),
    ),
    "adopt init": (("once, where the backend's modules can be imported", "confide adopt init bank.database:vault"),),
    "adopt migrate": (
        ("what would be done", "confide adopt migrate bank.database:vault --models bank.models --dry-run"),
        (
            "room for what will be sealed, before the new program starts",
            "confide adopt migrate bank.database:vault --models bank.models --prepare",
        ),
        ("seal every row; run it again to go on where it was stopped", "confide adopt migrate bank.database:vault --models bank.models"),
        ("put everything back", "confide adopt migrate bank.database:vault --models bank.models --undo"),
        ("when you are sure", "confide adopt migrate bank.database:vault --models bank.models --finish"),
    ),
    "adopt keys status": (("how old each key is, and what is due", "confide adopt keys status bank.database:vault"),),
    "adopt keys tend": (("at once what a running backend does every hour", "confide adopt keys tend bank.database:vault"),),
    "adopt keys rotate": (
        ("a new root, KEK or epoch", "confide adopt keys rotate kek bank.database:vault"),
        ("what was sealed under old data keys", "confide adopt keys rotate data bank.database:vault --models bank.models"),
        (
            "weeks later, when no backup needs the old ones",
            "confide adopt keys rotate data bank.database:vault --models bank.models --destroy",
        ),
    ),
    "audit show": (
        ("the newest twenty events", "confide audit show"),
        ("the newest thousand as they are stored, one JSON object on each line", "confide audit show -n 1000 --json"),
    ),
    "demo": (
        ("four synthetic patients, an account for each role, a server in the background", "confide demo"),
        ("sign in and leave the token where curl finds it", "confide demo --sign-in clinician"),
        ("stop the server", "confide demo --stop"),
    ),
    "tour": (("every claim", "confide tour"), ("only that a moved ciphertext is refused", "confide tour --only moved")),
    "keys status": (("every key, its age and what is due", "confide keys status"),),
    "keys rotate": (
        ("a new root, under which everything is brought", "confide keys rotate root"),
        ("new data keys, and everything sealed again under them; goes on where it was stopped", "confide keys rotate data"),
    ),
    "keys tend": (("what the server does every hour, where no server runs", "confide keys tend --folder /var/lib/confide"),),
    "keys kit write": (
        (
            "for whoever holds this age identity",
            'confide keys kit write --to /media/stick/kit.age --recipient "$(age-keygen -y identity.txt)"',
        ),
        ("or for any three of five people, as words on paper", "confide keys kit write --to /media/stick/kit.age --shares 5 --needed 3"),
    ),
    "keys kit confirm": (("that the kit opens, before one has to rely on it", "confide keys kit confirm kit.age --identity identity.txt"),),
    "keys kit recover": (
        ("the keys into a new folder, which then takes a restore", "confide keys kit recover kit.age --identity identity.txt --folder new"),
    ),
    "backup": (
        (
            "data and keys to two places, so that neither alone opens anything",
            'confide backup --data-to data-backups/ --keys-to key-backups/ --recipient "$(age-keygen -y identity.txt)"',
        ),
    ),
    "restore": (
        (
            "both, into a folder with settings, root and shred ledger, and empty databases",
            "confide restore --data data.confide.age --keys keys.confide.age --identity identity.txt --folder new",
        ),
    ),
    "files sweep": (
        ("what would go", "confide files sweep --dry-run"),
        ("what a kill left over a week ago", "confide files sweep --older-than 168"),
    ),
    "erase": (
        ("what would go", "confide erase --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10"),
        ("and then do it", "confide erase --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10 --yes"),
    ),
}
"""By the words of the command."""
