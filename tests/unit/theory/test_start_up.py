"""What the formulas cost the start of the command line."""

import pkgutil
import subprocess
import sys

import sim.theory


def test_the_formulas_load_no_third_party_package() -> None:
    imports = "; ".join(
        f"import sim.theory.{module.name}" for module in pkgutil.iter_modules(sim.theory.__path__)
    )
    heavy = "{'numpy', 'scipy', 'pandas', 'simpy', 'pydantic'}"

    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; print(sorted({heavy} & set(sys.modules)))"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert loaded.stdout.strip() == "[]"
