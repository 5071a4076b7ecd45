// @vitest-environment jsdom
import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";

import type { Job } from "@/sync/types";
import { ApiError } from "@/sync/client";
import { setLanguage, startI18n } from "../i18n";
import { sayError, serverTexts } from "./serverTexts";

beforeAll(async () => {
  await startI18n();
  await setLanguage("zh-CN");
});

const texts = () => serverTexts(i18next.getFixedT("zh-CN", ["server", "settings"]), "zh-CN");

it("says what a job says in Chinese, with its values", () => {
  const begins = {
    message: "Nuclei learns from snapshot ab12, seed 3",
    code: "round_begins",
    values: { title: "Nuclei", recipe: "nuclei", digest: "ab12", seed: 3 },
  };
  expect(texts().said(begins)).toBe("细胞核开始从快照 ab12 学习，随机种子 3");
  expect(texts().said({ message: "m", code: "objects_read", values: { done: 12000 } })).toBe("已读取 12,000 个对象");
  const compared = { message: "m", code: "compared", values: { name: "v1", count: 9, recommendation: "keep" } };
  expect(texts().said(compared)).toMatch(/^已在 9 个样本上与 v1 比较：[^$]+$/);
});

it("leaves a traceback and a code that it does not know as they came", () => {
  expect(texts().said({ message: "Traceback", code: "", values: {} })).toBe("Traceback");
  expect(texts().said({ message: "As it came", code: "of_tomorrow", values: {} })).toBe("As it came");
});

it("says why a job failed, with the particulars that only the server knows", () => {
  const failed = { error_code: "no_tissue", error_message: "No tissue on CMU-1." } as Job;
  expect(texts().jobError(failed)).toBe("没有找到组织。（No tissue on CMU-1.）");
});

it("says why a slide could not be imported, or what the server said where it does not know the code", () => {
  expect(texts().slideFailure({ failure: "Cancelled.", failure_code: "import_cancelled" })).toBe("导入已取消。");
  expect(texts().slideFailure({ failure: "Before there were codes.", failure_code: "" })).toBe("Before there were codes.");
});

it("prefers a recipe's own words for a setting to those of its task and of all", () => {
  const width = { name: "width", title: "Width", description: "English" };
  expect(texts().setting({ name: "cast", task: "patch" }, width).description).toBe("每个标记的数字个数。");
  expect(texts().setting({ name: "unet", task: "region" }, width).description).toBe("最精细一级的通道数。");
  expect(texts().setting({ name: "clam", task: "slide" }, width).description).toBe("网络内部每个图块的特征数。");
  expect(texts().setting({ name: "unet", task: "region" }, { ...width, name: "new" })).toEqual({
    title: "Width",
    description: "English",
  });
});

it("names the wait after failed sign-ins", () => {
  const problem = { title: "Too Many Requests", status: 429, detail: "…", code: "too_many_sign_ins", wait: 30 };
  expect(sayError(new ApiError(problem))).toBe("登录失败次数过多，请在 30 秒后重试。");
});
