"""Tools, each with ``add_arguments(parser)`` and ``run(options)``; ``catalogue/tools.py`` describes them."""
