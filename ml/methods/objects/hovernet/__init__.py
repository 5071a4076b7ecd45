"""Nuclei (HoVer-Net)."""
