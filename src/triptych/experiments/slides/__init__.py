"""The slides of the authors' talk on Schnepf, Kassab et al. 2024: their methods, tables and figures."""
