// @vitest-environment jsdom
import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";

import type { MessageParams } from "@/sync/types";
import { ApiError } from "@/sync/client";
import { setLanguage, startI18n } from "../i18n";
import { sayError, serverTexts } from "./serverTexts";

beforeAll(async () => {
  await startI18n();
  await setLanguage("zh-CN");
});

const texts = () => serverTexts(i18next.getFixedT("zh-CN", ["server", "settings", "messages"]));

it("says what a job says in Chinese, with its values", () => {
  const begins = {
    text: "Nuclei learns from snapshot ab12, seed 3",
    code: "round_begins",
    params: { title: "Nuclei", recipe: "nuclei", digest: "ab12", seed: 3 },
  };
  expect(texts().messageText(begins)).toBe("细胞核开始从快照 ab12 学习，随机种子 3");
  expect(texts().messageText({ text: "m", code: "objects_read", params: { done: 12000 } })).toBe(
    "已读取 12,000 个对象",
  );
  const compared = { text: "m", code: "compared", params: { name: "v1", count: 9, recommendation: "keep" } };
  expect(texts().messageText(compared)).toMatch(/^已在 9 个样本上与 v1 比较：[^$]+$/);
});

it("leaves a traceback and a code that it does not know as they came", () => {
  expect(texts().messageText({ text: "Traceback", code: "verbatim", params: { text: "Traceback" } })).toBe("Traceback");
  expect(texts().messageText({ text: "As it came", code: "of_tomorrow", params: {} })).toBe("As it came");
});

it("says why a job failed, with the particulars that only the server knows", () => {
  const failed = (code: string, params: MessageParams) => texts().messageText({ text: "As it came", code, params });
  expect(failed("slide_without_tissue", { slide: "CMU-1" })).toBe("CMU-1 上没有组织；请将它排除，或使用更小的图块。");
  expect(failed("nothing_labelled", { part: "train or test" })).toBe(
    "训练或测试部分没有任何标签。请标注示例，或重新划分。",
  );
  expect(failed("no_such_setting", { recipe: "nuclei", title: "Nuclei", unknown: "x", known: "y" })).toMatch(/^细胞核/);
  expect(failed("setting_too_low", { setting: "mpp", title: "English", bound: "0.1", value: "0" })).not.toMatch(
    "English",
  );
  const reason = { text: "It has no geometry.", code: "row_no_geometry", params: {} };
  expect(failed("rows_refused", { count: 1200, row: 3, reason })).toMatch(/1,200 行.+第 3 行：没有几何形状。$/);
  expect(texts().messageText(null)).toBe("");
});

it("says why a slide could not be imported, or what the server said where it does not know the code", () => {
  const failed = (code: string) => texts().messageText({ text: "As it came", code, params: {} });
  expect(failed("import_cancelled")).toBe("导入已取消。");
  expect(failed("of_tomorrow")).toBe("As it came");
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

it("names the minutes to wait after too many failed sign-ins", () => {
  const message = { code: "too_many_sign_ins", params: { minutes: 2 }, text: "…" };
  const problem = {
    type: "about:blank",
    title: "Too Many Requests",
    status: 429,
    detail: "…",
    code: "too_many_sign_ins",
    message,
  };
  expect(sayError(new ApiError(problem))).toBe(
    "用户名或密码错误。登录失败次数过多：正确的密码仍然有效；要再试其他密码，请等待 2 分钟。忘记密码时，请管理员重置。",
  );
});

it("says what the server refused, with its particulars, and that it cannot be reached", () => {
  const problem = { type: "about:blank", title: "Conflict", status: 409, detail: "English", code: "name_taken" };
  const named = { ...problem, message: { code: "label_named", params: { name: "Tumour" }, text: "English" } };
  expect(sayError(new ApiError(named))).toBe("已经有名为“Tumour”的标签。");
  expect(sayError(new ApiError({ ...problem, status: 0, code: "offline" }))).toBe("无法连接服务器。");
});

it("says a line of a model card in Chinese, with the names that the pages use", () => {
  const line = (code: string, params: MessageParams) => texts().messageText({ text: "As it came", code, params });
  expect(line("card_title", { recipe: "nuclei", title: "Nuclei" })).toBe("# 细胞核");
  const value = { text: "not defined", code: "not_defined", params: {} };
  expect(line("card_metric", { metric: "precision:Tumour", value })).toBe("| 精确率：Tumour | 无定义 |");
  expect(line("card_fact", { fact: "patches", value: "165" })).toBe("- 图块：165");
});
