"""How the product speaks: texts, amounts and days for one reader. Pages, letters and papers share it."""
