"""Files of other programs, read and written: HistoML, ASAP and Aperio XML. Free of torch."""
