"""Importers of public data sets from local files, in the layout of ``load_dataset``."""
