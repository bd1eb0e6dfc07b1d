"""Every snippet of README.md and docs/ is run here; `pages` has the rules for how they are written."""
