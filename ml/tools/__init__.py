"""One module per tool of the catalogue: ``add_arguments(parser)`` and ``run(options)``."""
