# Sourced from the root of the checkout: what molecule and ansible need in an interactive shell.
PATH="$PWD/.venv/bin:$PATH"
MOLECULE_GLOB='molecule/*/molecule.yml'
export PATH MOLECULE_GLOB
