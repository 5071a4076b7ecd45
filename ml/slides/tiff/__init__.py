"""TIFF files by tifffile: choice of the slide's image, conversion of samples to colours, and pixels."""
