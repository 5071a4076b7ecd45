import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { checkRound, keys } from "@/sync/queries/queries";
import type { Recipe } from "@/sync/types";
import type { Config } from "./ConfigForm";

// In the order of what a pathologist points at: a patch, an area, a cell, the whole slide.
export const TASKS = ["patch", "region", "object", "slide", "image"] as const;

/** The methods of one tab, the quick ones first. */
export function methodsOf(recipes: readonly Recipe[], task: string): Recipe[] {
  return recipes.filter((recipe) => recipe.task === task).sort((a, b) => Number(b.quick) - Number(a.quick));
}

/** The first method of a tab that a round could start with now; null when there is none. */
function useFirstFeasible(projectId: string, task: string, methods: readonly Recipe[]) {
  return useQuery<string | null>({
    queryKey: [...keys.roundCheck(projectId), "feasible", task],
    queryFn: async () => {
      for (const { name } of methods) {
        const { ready } = await checkRound(projectId, { recipe: name, config: {} });
        if (ready) return name;
      }
      return null;
    },
    enabled: methods.length > 0,
  });
}

export interface Method {
  readonly task: string;
  readonly recipe: Recipe | undefined;
  /** No method was chosen by the person, and it is not known yet which one could start. */
  readonly isChoosing: boolean;
  readonly config: Config;
  readonly openTab: (task: string) => void;
  readonly choose: (name: string) => void;
  readonly setConfig: (config: Config) => void;
}

/** The method of the open tab: the chosen one, else the first that could start, else the first. */
export function useMethod(projectId: string, recipes: readonly Recipe[]): Method {
  const [task, setTask] = useState<string>(recipes[0]?.task ?? "patch");
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>({});
  const [configs, setConfigs] = useState<Readonly<Record<string, Config>>>({});
  const methods = methodsOf(recipes, task);
  const feasible = useFirstFeasible(projectId, task, methods);
  const wanted = chosen[task] ?? feasible.data;
  const recipe = methods.find(({ name }) => name === wanted) ?? methods[0];
  const name = recipe?.name ?? "";
  return {
    task,
    recipe,
    isChoosing: chosen[task] === undefined && feasible.isPending,
    config: configs[name] ?? {},
    openTab: setTask,
    choose: (next) => setChosen({ ...chosen, [task]: next }),
    setConfig: (config) => setConfigs({ ...configs, [name]: config }),
  };
}
