"""The groups of `oodaloo`, one file each. runway/cli.py mounts them."""
