"""For a Python that has JupyterHub and the hub image's authenticators: a hub's finished values on the real classes.

    python authenticators.py < values.json      # prints every trait as the authenticator has it

Fails where a section is no class of the authenticator, or a trait is none that can be configured.
"""

# mypy: ignore-errors
# pyright: basic, reportMissingImports=false

import json
import sys

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from traitlets.config import Config

config = json.load(sys.stdin)["hub"]["config"]
authenticator = JupyterHub(config=Config({"JupyterHub": config.pop("JupyterHub")})).authenticator_class
classes = [one.__name__ for one in authenticator.__mro__]
database = orm.new_session_factory("sqlite://")()
made = authenticator(config=Config(config), db=database)
found = {}
for section, traits in config.items():
    if section not in classes:
        sys.exit(f"{section} is none of {classes}")
    for trait in traits:
        if trait not in made.traits(config=True):
            sys.exit(f"{section} has no {trait} to configure")
        value = getattr(made, trait)
        found[trait] = sorted(value) if isinstance(value, set) else value
json.dump({"class": authenticator.__name__, "traits": found}, sys.stdout, default=sorted)
