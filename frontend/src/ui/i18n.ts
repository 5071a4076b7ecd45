import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import englishMessages from "../../../ml/locales/en.json";

export const LANGUAGES = ["en", "zh-CN"] as const;
export type LanguageCode = (typeof LANGUAGES)[number];

const REMEMBERED = "coverslip.language";

type Texts = Record<string, object>;

// English is the fallback and part of the page; the other language is fetched on demand. The server's messages are
// in the catalogues of `ml`, which Python reads too.
const english = import.meta.glob<object>("./locales/en/**/*.json", { eager: true, import: "default" });
const chinese = import.meta.glob<object>("./locales/zh-CN/**/*.json", { import: "default" });

/** The file's name is the namespace of its texts. */
function namespaceOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1, -".json".length);
}

const ENGLISH: Texts = {
  ...Object.fromEntries(Object.entries(english).map(([path, texts]) => [namespaceOf(path), texts])),
  messages: englishMessages,
};

async function loadChinese(): Promise<Texts> {
  const files = Object.entries(chinese).map(async ([path, load]): Promise<[string, object]> => [
    namespaceOf(path),
    await load(),
  ]);
  const messages = await import("../../../ml/locales/zh-CN.json");
  return { ...Object.fromEntries(await Promise.all(files)), messages: messages.default };
}

/** The language to start with, before anybody has signed in. */
export function firstLanguage(): LanguageCode {
  const remembered = localStorage.getItem(REMEMBERED);
  if (remembered === "en" || remembered === "zh-CN") return remembered;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export async function setLanguage(language: LanguageCode): Promise<void> {
  if (language === "zh-CN" && !i18next.hasResourceBundle("zh-CN", "common")) {
    for (const [namespace, texts] of Object.entries(await loadChinese())) {
      i18next.addResourceBundle("zh-CN", namespace, texts, true, true);
    }
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  localStorage.setItem(REMEMBERED, language);
}

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    ns: Object.keys(ENGLISH),
    defaultNS: "common",
    resources: { en: ENGLISH },
    interpolation: { escapeValue: false },
    returnNull: false,
    showSupportNotice: false,
  });
  await setLanguage(firstLanguage());
}
