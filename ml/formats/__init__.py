"""Readers and writers of other programs' files: HistoML, ASAP and Aperio XML. Free of torch."""
