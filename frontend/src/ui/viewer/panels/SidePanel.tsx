import { Tabs } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { chooseLabel } from "@/actions/viewerActions";
import { boxOf } from "@/core/geometry/measure";
import { toggled } from "../look";
import type { Work } from "../useWorkplace";
import { useViewerState } from "../viewerStore";
import { AnnotationsPanel } from "./AnnotationsPanel";
import { DiagnosisSelect } from "./DiagnosisSelect";
import { DwellPanel } from "./DwellPanel";
import { FindingsPanel } from "./FindingsPanel";
import { ImagePanel } from "./ImagePanel";
import { LabelsPanel } from "./LabelsPanel";
import { LayersPanel } from "./LayersPanel";
import { PlanePanel } from "./PlanePanel";
import { QualityPanel } from "./QualityPanel";
import { RegionList } from "./RegionList";
import { RegistrationsPanel } from "./RegistrationsPanel";
import classes from "../Viewer.module.css";

const TABS = ["annotations", "layers", "image"] as const;

/** The panel beside the slide: annotations, model output, and the picture itself. */
export function SidePanel({ work }: { readonly work: Work }): ReactElement {
  const { t } = useTranslation("viewer");
  const tab = useViewerState((state) => state.tab);
  const change = useViewerState((state) => state.change);
  return (
    <aside className={classes.panel} aria-label={t("panel")}>
      <Tabs value={tab} onChange={(next) => change({ tab: next })} keepMounted={false} style={{ display: "contents" }}>
        <Tabs.List grow>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name} px={6} fz={13}>
              {t(`tab.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.panelBody}>
          <Tabs.Panel value="annotations">
            <AnnotationsTab work={work} />
          </Tabs.Panel>
          <Tabs.Panel value="layers">
            <LayersTab work={work} />
          </Tabs.Panel>
          <Tabs.Panel value="image">
            <ImageTab work={work} />
          </Tabs.Panel>
        </div>
      </Tabs>
    </aside>
  );
}

function AnnotationsTab({ work }: { readonly work: Work }): ReactElement {
  const { me, ctx, items, selected, inView, pixelSize, pages, regions, project, viewer } = work;
  const { slide } = viewer;
  const { labels } = project;
  const stage = useViewerState((state) => state.stage);
  const labelId = useViewerState((state) => state.labelId);
  const hidden = useViewerState((state) => state.look.hiddenLabels);
  const patchLook = useViewerState((state) => state.patchLook);
  return (
    <>
      <DiagnosisSelect slide={slide} labels={labels} />
      <LabelsPanel
        slideId={slide.id}
        labels={labels}
        items={items}
        counts={inView.total === null ? null : inView.perLabel}
        active={labelId}
        hidden={hidden}
        onChoose={(id) => chooseLabel(ctx, id)}
        onToggle={(id) => patchLook({ hiddenLabels: toggled(hidden, id) })}
      />
      <hr style={{ border: 0, borderTop: "1px solid var(--mantine-color-default-border)", margin: "10px 0" }} />
      <RegionList
        regions={regions}
        pixelSize={pixelSize}
        mayDraw={ctx.mayDraw}
        onGoTo={(region) => stage?.show(boxOf(region.geometry), 0.3)}
      />
      <AnnotationsPanel
        ctx={ctx}
        items={items}
        selected={selected}
        labels={labels}
        pixelSize={pixelSize}
        keyMap={me.key_map}
        pages={pages}
      />
    </>
  );
}

function LayersTab({ work }: { readonly work: Work }): ReactElement {
  const { objectSets, objectSet, heatMap, layers, pixelSize, project, viewer } = work;
  const stage = useViewerState((state) => state.stage);
  const look = useViewerState((state) => state.look);
  const patchLook = useViewerState((state) => state.patchLook);
  const change = useViewerState((state) => state.change);
  return (
    <>
      <FindingsPanel
        slideId={viewer.slide.id}
        onGoTo={({ x, y, width, height }) => stage?.show({ minX: x, minY: y, maxX: x + width, maxY: y + height }, 1)}
      />
      <LayersPanel
        look={look}
        onLook={patchLook}
        objectSets={objectSets}
        objectSet={objectSet}
        heatMap={heatMap}
        heatError={layers.heatError}
        pixelSize={pixelSize}
        onHistory={() => change({ isHistoryOpen: true })}
        mayWithdraw={project.my_role !== "annotator"}
      />
    </>
  );
}

function ImageTab({ work }: { readonly work: Work }): ReactElement {
  const { viewer, focus, channels, quality, carried, dwell, project } = work;
  const stage = useViewerState((state) => state.stage);
  const look = useViewerState((state) => state.look);
  const patchLook = useViewerState((state) => state.patchLook);
  return (
    <>
      <PlanePanel stack={viewer.stack} plane={focus.plane} onPlane={focus.setPlane} />
      <ImagePanel
        viewer={viewer}
        channels={channels}
        look={look}
        onLook={patchLook}
        mayEdit={project.my_role === "manager"}
      >
        <QualityPanel overlay={quality} />
      </ImagePanel>
      <RegistrationsPanel viewer={viewer} stage={stage} carried={carried} />
      <DwellPanel dwell={dwell} slideId={viewer.slide.id} />
    </>
  );
}
