"""Registration, label transfer, exchange, gaze, and importers of public data sets."""

from __future__ import annotations

from ml.catalogue.info import ToolInfo

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="registration",
        title="Lay two slides over each other",
        group="around",
        summary="Finds where the tissue of one slide lies on another, and carries annotations over.",
        source="Faust et al. (2022) for SIFT-driven alignment of stains; Lowe, IJCV 60:91 (2004); local "
        "shifts by phase correlation, Guizar-Sicairos et al., Optics Letters 33:156 (2008).",
        claim="Places lie less than 5 µm from where they belong, on slides bent in a known way, and local "
        "shifts bring them nearer than the affine map alone.",
    ),
    ToolInfo(
        name="label-transfer",
        title="Labels from a neighbouring stain",
        group="around",
        summary="Labels patches of an H&E slide by the brown of an antibody on the neighbouring section.",
        source="Su et al., Computational and Structural Biotechnology Journal (2022), HEMnet.",
        claim="Labels agree with the truth better than without registration, in balanced accuracy.",
    ),
    ToolInfo(
        name="histoml",
        title="HistoML",
        group="around",
        summary="Writes annotations in the words of an ontology, with their outlines beside, and reads them.",
        source="HistoML Level 1, ontology and specification of version 1.0.",
        claim="What went out comes back the same; queries of the ontology run on it. A test says so.",
    ),
    ToolInfo(
        name="importers",
        title="Public data sets",
        group="around",
        summary="Lays out public sets from local files for learning, with no patient in two parts.",
        source="CAMELYON16 and 17, HunCRC, BreakHis, BACH, NCT-CRC-HE, PCam, PanNuke, PANDA as published.",
        claim="Each layout is one that fit reads. Tests say so, on small files of the same formats.",
    ),
    ToolInfo(
        name="gaze",
        title="Boxes where somebody looked",
        group="around",
        summary="Proposes boxes from a recording of eyes or of a cursor, made with consent, for review.",
        source="Mariam et al. (2022); fixations by dispersion, Salvucci and Goldberg, ETRA (2000).",
        claim="Boxes find planted lesions better than the map of all samples does, in F1.",
    ),
)
