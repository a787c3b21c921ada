"""Reports: what an evaluation found, as pages, plots, tables and a model card."""
